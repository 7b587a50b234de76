"""API function that answers about images, with PyTorch only where the model is not exported."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import striate
from striate import storage
from striate.cache_store import file_digest
from striate.data.cache.read_files import File
from striate.errors import OptionError, printable
from striate.onnx_model import OnnxModel, is_onnx, load_onnx
from striate.options import PredictOptions
from striate.prediction import pictures, table
from striate.prediction.inputs import Made, given_paths, sources
from striate.prediction.parquet import check_parquet
from striate.prediction.predictor import Predictor
from striate.prediction.table import Predictions
from striate.prediction.tables import Columns, expand_tables
from striate.tasks.answers import Answers

if TYPE_CHECKING:
    from striate.model import Ensemble, Model

#: options of predictions that only PyTorch has a use for
_OF_TORCH = ("network", "tile", "gallery")

#: options that change no row
_PLACES = {"out", "overwrite", "masks", "overlays", "workers"}


def predict(
    model: str | Path | Model | Ensemble | OnnxModel, *data: Any, **options: Any
) -> Predictions:
    """Predict images, and the images in folders, in the given order.

    Each input is a path, an array (H, W) or (H, W, C) of uint8 or of floats from 0 to 1, a batch
    (N, H, W, C), a PIL image, or a list of inputs. Options are those of
    `striate.options.PredictOptions`. An unreadable file gives a prediction with an error. Raises
    DataError for a missing path or a folder without images, OptionError for any other input.
    """
    chosen = PredictOptions.read(options)
    if chosen.on:
        raise OptionError("on writes a folder, and returns nothing; call predict_to_file")
    check_table(model, data, chosen)
    predictor = make_predictor(model, chosen)
    given = expand_tables(data, Columns(chosen.image_column, chosen.name_column))
    images, names = _check_pictures(given, chosen, predictor.model.task)
    predictions = Predictions(predictor.predict(images or given))
    if chosen.out:
        table.write(chosen.out, predictions, predictor.columns, raw_csv=chosen.raw_csv)
    if chosen.masks:
        pictures.write_masks(chosen.masks, predictions, names)
    if chosen.overlays:
        pictures.write_overlays(chosen.overlays, predictions, names, images, chosen.largest)
    return predictions


def make_predictor(
    model: str | Path | Model | Ensemble | OnnxModel, options: PredictOptions, threads: int = 0
) -> Predictor:
    """Return what answers for a model with these options; PyTorch is loaded where it runs it.

    An exported one has so many threads; 0 are all cores.
    """
    if not isinstance(model, OnnxModel):
        exported = isinstance(model, str | Path) and is_onnx(model)
        if not exported and options.engine in ("auto", "torch"):
            return _of_torch(model, options)
        _check_exported(options, "an exported model" if exported else options.engine)
        model = _open(model, options, threads)
    if model.task.searches:
        raise OptionError(
            f"the task {model.task.name} searches a gallery, which only PyTorch does; give the "
            "model file with --gallery, and no --engine"
        )
    if options.decides:
        model = replace(model, task=model.task.decide(options, ()))
    whole = model if model.task.own_size else None
    return Predictor(model, options.top, options.batch, options.largest, full_size=whole)


def _check_exported(options: PredictOptions, what: str) -> None:
    """Raise OptionError for options that only PyTorch has a use for."""
    if options.engine == "torch":
        raise OptionError("PyTorch does not run an exported model; give the model it was made of")
    for name in _OF_TORCH:
        if getattr(options, name) is not None:
            raise OptionError(
                f"{what} has no use for {name}; give the model file to PyTorch, with no --engine"
            )


def _open(model: str | Path | Model | Ensemble, options: PredictOptions, threads: int) -> OnnxModel:
    """Return an exported model, or a model file made ready for the engine that is named."""
    engine = "openvino" if options.engine == "openvino" else "onnxruntime"
    if not isinstance(model, str | Path):
        raise OptionError(f"{engine} is given a model file; this model is loaded by PyTorch")
    if is_onnx(model):
        return load_onnx(model, engine, threads)
    from striate.deployment.ready import load_ready  # needs the packages of an export

    return load_ready(next(files_of(model)), engine, threads)


def _of_torch(model: str | Path | Model | Ensemble, options: PredictOptions) -> Predictor:
    from striate.verbs.using import make_torch_predictor  # PyTorch takes seconds to load

    return make_torch_predictor(model, options)


def check_table(
    model: str | Path | Model | Ensemble | OnnxModel, data: Sequence[Any], options: PredictOptions
) -> None:
    """Raise OptionError if the table would replace an input, or a file that is not to be."""
    if options.out:
        storage.check_output(options.out, chain(files_of(model), given_paths(data)))
        check_parquet(options.out, "a .csv or .jsonl file")
        check_new(options.out, overwrite=options.overwrite)


def check_new(path: Path, *, overwrite: bool) -> None:
    """Raise OptionError if a file is there and is not to be replaced."""
    if os.path.lexists(path) and not overwrite:
        shown = printable(str(path))
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


def made_by(model: str | Path, options: PredictOptions) -> dict[str, str]:
    """Return what the rows depend on beside the images."""
    given = options.model_dump(mode="json", exclude=_PLACES)
    return {
        "model": file_digest(next(files_of(model)))[:16],
        "folder": os.getcwd(),  # noqa: PTH109
        "version": striate.__version__,
        **{name: str(value) for name, value in given.items()},
    }


def files_of(model: str | Path | Model | Ensemble | OnnxModel) -> Iterator[Path]:
    """Yield the files that hold a model and its run."""
    if isinstance(model, str | Path):
        path = Path(model)
        if is_onnx(path):
            yield path
            return
        from striate.training.run import Run

        run = Run(path if path.is_dir() else path.parent)
        yield run.model_file if Path(model).is_dir() else Path(model)
        yield from (run.options_file, run.events_file, run.images_file)
