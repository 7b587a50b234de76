"""Verbs that use a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from striate import storage
from striate.errors import OptionError
from striate.judging.evaluation import Evaluation
from striate.judging.inference import evaluating
from striate.judging.page.writing import epochs_beside, page
from striate.model import Model, load
from striate.options import EvaluateOptions, PredictOptions
from striate.shipping import table
from striate.shipping.predictions import Predictions
from striate.shipping.predictor import Predictor
from striate.training import display
from striate.training.machine import choose_device


def evaluate(
    model: str | Path | Model, photos: str | Path, *, progress: bool = False, **options: Any
) -> Evaluation:
    """Judge a model on a folder of pictures; with `out`, write the report there.

    Options are those of `striate.options.EvaluateOptions`. The folder is divided as the one the
    model learned from, so `part="test"` are pictures it has never seen. Raises DataError when the
    folder has classes the model does not know.
    """
    chosen = EvaluateOptions.read(options)
    if chosen.out:
        storage.check_suffix(chosen.out, (".html",))
    loaded = _loaded(model, chosen)
    shown = loaded.name if isinstance(model, Model) else str(model)
    work = evaluating(loaded, Path(photos), chosen, shown=shown)
    result = display.watched(work, None if progress else Console(quiet=True))
    if chosen.out:
        command = f"striate evaluate {shown} {photos} --part {chosen.part}"
        storage.write(chosen.out, page(result, loaded, epochs_beside(shown), command))
    return result.evaluation


def predict(model: str | Path | Model, *paths: str | Path, **options: Any) -> Predictions:
    """What a model says of pictures and of the pictures in folders, in the order asked.

    Options are those of `striate.options.PredictOptions`. A file that cannot be read is a
    prediction with an error. Raises DataError for a path that does not exist.
    """
    chosen = PredictOptions.read(options)
    if chosen.out:
        storage.check_suffix(chosen.out, table.SUFFIXES)
    loaded = _loaded(model, chosen)
    predictor = Predictor(loaded, chosen.top, chosen.batch, chosen.largest)
    predictions = Predictions(predictor.predict(paths))
    if chosen.out:
        table.write(chosen.out, predictions, raw_csv=chosen.raw_csv)
    return predictions


def _loaded(model: str | Path | Model, options: EvaluateOptions | PredictOptions) -> Model:
    if not isinstance(model, Model):
        return load(model, device=choose_device(options.device), network=options.network)
    if options.network is not None:
        raise OptionError("a model that is loaded has its network; leave network out")
    return model
