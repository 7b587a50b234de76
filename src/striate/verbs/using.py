"""API function that uses a trained model: predict."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from striate import storage
from striate.data.cache.read_files import File
from striate.errors import OptionError, printable
from striate.evaluation.known import run_of
from striate.hardware import choose_device
from striate.model import Ensemble, Model
from striate.model_file import load
from striate.options import EmbedOptions, EvaluateOptions, LookOptions, PredictOptions
from striate.prediction import pictures, table
from striate.prediction.full_size import FullSize, choose_full_size
from striate.prediction.gallery import search_gallery
from striate.prediction.inputs import Made, given_paths, sources
from striate.prediction.parquet import check_parquet
from striate.prediction.predictor import Predictor
from striate.prediction.table import Predictions
from striate.progress import drain
from striate.tasks.answers import Answers


def predict(model: str | Path | Model | Ensemble, *data: Any, **options: Any) -> Predictions:
    """Predict images, and the images in folders, in the given order.

    Each input is a path, an array (H, W) or (H, W, C) of uint8 or of floats from 0 to 1, a batch
    (N, H, W, C), a PIL image, or a list of inputs. Options are those of
    `striate.options.PredictOptions`. An unreadable file gives a prediction with an error. Raises
    DataError for a missing path or a folder without images, OptionError for any other input.
    """
    chosen = PredictOptions.read(options)
    check_table(model, data, chosen)
    predictor = make_predictor(model, chosen)
    images, names = _check_pictures(data, chosen, predictor.model.task)
    predictions = Predictions(predictor.predict(images or data))
    if chosen.out:
        table.write(chosen.out, predictions, predictor.columns, raw_csv=chosen.raw_csv)
    if chosen.masks:
        pictures.write_masks(chosen.masks, predictions, names)
    if chosen.overlays:
        pictures.write_overlays(chosen.overlays, predictions, names, images, chosen.largest)
    return predictions


def make_predictor(model: str | Path | Model | Ensemble, options: PredictOptions) -> Predictor:
    """Return what answers for a model with these options."""
    loaded = loaded_model(model, options)
    if options.decides:
        loaded = replace(loaded, task=loaded.task.decide(options, ()))
    loaded = _with_gallery(loaded, options)
    full_size = FullSize.of(loaded, options.tile) if options.tile else choose_full_size(loaded)
    return Predictor(loaded, options.top, options.batch, options.largest, full_size=full_size)


def check_table(
    model: str | Path | Model | Ensemble, data: Sequence[Any], options: PredictOptions
) -> None:
    """Raise OptionError if the table would replace an input, or a file that is not to be."""
    if options.out:
        storage.check_output(options.out, chain(files_of(model), given_paths(data)))
        check_parquet(options.out, "a .csv or .jsonl file")
        if os.path.lexists(options.out) and not options.overwrite:
            shown = printable(str(options.out))
            raise OptionError(f"{shown} exists; replace it with --overwrite, or choose another")


def _check_pictures(
    data: Sequence[Any], options: PredictOptions, task: Answers
) -> tuple[Sequence[File | Made], Sequence[Path]]:
    """Return the images and a name for the picture of each; both are empty without pictures.

    Raises OptionError if a picture would replace a file.
    """
    folders = {name: getattr(options, name) for name in ("masks", "overlays")}
    folders = {name: folder for name, folder in folders.items() if folder}
    for name in folders:
        pictures.check_drawn(task, name)
    images = list(sources(data)) if folders else []
    names = pictures.name_files(image.shown for image in images)
    for name, folder in folders.items():
        pictures.check_folder(folder, names, given_paths(data), name)
    return images, names


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


def files_of(model: str | Path | Model | Ensemble) -> Iterator[Path]:
    """Yield the files that hold a model and its run."""
    if not isinstance(model, Model | Ensemble):
        run = run_of(model)
        yield run.model_file if Path(model).is_dir() else Path(model)
        yield from (run.options_file, run.events_file, run.images_file)


def loaded_model(
    model: str | Path | Model | Ensemble,
    options: EvaluateOptions | PredictOptions | EmbedOptions | LookOptions,
) -> Model | Ensemble:
    if not isinstance(model, Model | Ensemble):
        return load(model, device=choose_device(options.device), network=options.network)
    if options.network is not None:
        raise OptionError("a model that is loaded has its network; leave network out")
    return model
