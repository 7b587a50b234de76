"""Models of PyTorch as the verbs use them: loaded, with a gallery, in the size of the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from striate.errors import OptionError
from striate.hardware import choose_device
from striate.model import Ensemble, Model
from striate.model_file import load
from striate.options import EmbedOptions, EvaluateOptions, LookOptions, PredictOptions
from striate.prediction.full_size import FullSize, choose_full_size
from striate.prediction.gallery import search_gallery
from striate.prediction.predictor import Predictor
from striate.progress import drain


def make_torch_predictor(
    model: str | Path | Model | Ensemble, options: PredictOptions
) -> Predictor:
    """Return what answers for a model of PyTorch with these options."""
    loaded = loaded_model(model, options)
    if options.decides:
        loaded = replace(loaded, task=loaded.task.decide(options, ()))
    loaded = _with_gallery(loaded, options)
    full_size = FullSize.of(loaded, options.tile) if options.tile else choose_full_size(loaded)
    return Predictor(loaded, options.top, options.batch, options.largest, full_size=full_size)


def _with_gallery(model: Model | Ensemble, options: PredictOptions) -> Model | Ensemble:
    """Return the model that answers with images of the gallery, if one is searched."""
    if options.gallery:
        return drain(search_gallery(model, options.gallery, options.batch, options.largest))
    if model.task.searches:
        raise OptionError(
            f"the task {model.task.name} tells which images are alike; name a folder with a folder "
            "of images for each class to look in, as in --gallery known"
        )
    return model


def loaded_model(
    model: str | Path | Model | Ensemble,
    options: EvaluateOptions | PredictOptions | EmbedOptions | LookOptions,
) -> Model | Ensemble:
    if not isinstance(model, Model | Ensemble):
        return load(model, device=choose_device(options.device), network=options.network)
    if options.network is not None:
        raise OptionError("a model that is loaded has its network; leave network out")
    return model
