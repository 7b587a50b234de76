"""API functions that use a trained model: evaluate and predict."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from striate import storage
from striate.data.cache.read_files import File
from striate.errors import OptionError, printable
from striate.evaluation.evaluate import evaluate_steps
from striate.evaluation.invariance import measure_steps
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.invariance_sections import make_sections
from striate.evaluation.known import Known, run_of
from striate.evaluation.seen_images import Originals
from striate.evaluation.suspects_list import format_suspects, suspects_of
from striate.evaluation.write_report import write_page
from striate.hardware import choose_device
from striate.model import Ensemble, Model, load, save
from striate.options import EmbedOptions, EvaluateOptions, PredictOptions, positional, words
from striate.prediction import pictures, table
from striate.prediction.full_size import FullSize
from striate.prediction.inputs import Made, given_paths, sources
from striate.prediction.predictor import Predictor
from striate.prediction.table import Predictions
from striate.tasks.results import Results
from striate.tasks.task import Task
from striate.text import shell_command
from striate.training.run import Run
from striate.verbs import display


def evaluate(
    model: str | Path | Model | Ensemble,
    data: str | Path | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> Results:
    """Evaluate a model on an image folder; with `out`, write the report there.

    Options are those of `striate.options.EvaluateOptions`. The folder defaults to that of the run.
    It is split as in training, so `split="test"` are images the model has never seen; a folder of
    which the run had less than half is evaluated whole. With `calibrate` or `save_threshold` the
    model file is written anew. With `suspects` the images that are perhaps mislabeled are listed
    there, for `leave_out`. With `invariance` the page shows what distortions do to the
    answers. Raises DataError when the folder has targets unknown to the model, OptionError when no
    folder is given or recorded, BusyError when a run in training would be changed.
    """
    results, _ = evaluate_and_distort(model, data, progress=progress, **options)
    return results


def evaluate_and_distort(
    model: str | Path | Model | Ensemble,
    data: str | Path | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> tuple[Results, Invariance | None]:
    """Return what `evaluate` does, and with `invariance` the results on distorted images."""
    chosen = EvaluateOptions.read(options)
    run = None if isinstance(model, Model | Ensemble) else run_of(model)
    with _held(run, chosen):
        loaded = loaded_model(model, chosen)
        shown = loaded.network_name if isinstance(model, Model | Ensemble) else str(model)
        known = Known.of(run) if run else None
        own = _own_images(run, data, needed=chosen.reads_own or bool(known and known.left_out))
        source = _source(own, shown) if data is None else Path(data)
        for out in filter(None, (chosen.out, chosen.suspects)):
            storage.check_output(out, chain(files_of(model), filter(None, (source, own))))
        work = evaluate_steps(loaded, source, chosen, shown=shown, known=known, own=own)
        console = None if progress else Console(quiet=True)
        result = display.show_progress(work, console)
        if chosen.suspects:
            found = suspects_of(result.results, str(source))
            storage.write(chosen.suspects, format_suspects(found))
        if chosen.stores and run and not isinstance(model, Model | Ensemble):
            place = Path(model)
            kept = replace(result.model, task=result.stored)
            save(kept, run.model_file if place.is_dir() else place)
    distorted = None
    if chosen.invariance:
        same = chosen.model_copy(update={"split": result.results.about.split})
        named, most = {shown: result.model}, chosen.invariance
        steps = measure_steps(named, source, same, most=most, known={shown: known})
        distorted = display.show_progress(steps, console)
    if chosen.out:
        epochs = run.epochs() if run else []
        command, originals = _command(model, data, chosen), Originals.of(source, chosen.out)
        more = make_sections(distorted) if distorted else ()
        page = write_page(result, epochs, command, originals, chosen.out.suffix, more)
        storage.write(chosen.out, page)
    return result.results, distorted


def _held(run: Run | None, options: EvaluateOptions) -> AbstractContextManager[None]:
    """Lock the run if its model file is to be changed. Raises OptionError without a file."""
    if not options.stores:
        return nullcontext()
    if run is None:
        name = "calibrate" if options.calibrate else "save_threshold"
        raise OptionError(
            f"{name} changes a model file, but a model that is loaded came; give its path"
        )
    return run.lock() if run.options_file.is_file() else nullcontext()


def recorded_images(run: Run | None) -> Path | None:
    """Return the image folder recorded by a run, if there is one."""
    if run is None or not run.options_file.is_file():
        return None
    recorded = run.read_options().get("data")
    return Path(str(recorded)) if recorded else None


def _own_images(run: Run | None, data: str | Path | None, *, needed: bool) -> Path | None:
    """Return the image folder of a run, spelled as `data` if that is the one; None if not needed.

    Without `data` it always is.
    """
    own = recorded_images(run) if needed or data is None else None
    if own and data and os.path.realpath(data) == os.path.realpath(own):
        return Path(data)
    return own


def _source(own: Path | None, model: str) -> Path:
    """Return the image folder of a run. Raises OptionError if there is none."""
    if own is not None:
        return own
    raise OptionError(
        f"{printable(model)}: evaluate needs a folder of images; only the model of a run knows "
        "where its own are"
    )


def _command(
    model: str | Path | Model | Ensemble, data: str | Path | None, options: EvaluateOptions
) -> str:
    """Return the command that repeats the evaluation; Python code for a loaded model."""
    given = options.given()
    if isinstance(model, Model | Ensemble):
        asked = ", ".join((repr(str(data)), *(f"{k}={v!r}" for k, v in given.items())))
        return f"striate.evaluate(model, {asked})"
    places = [positional(place) for place in (model, data) if place is not None]
    return shell_command(["striate", "evaluate", *places, *words(given)])


def predict(model: str | Path | Model | Ensemble, *data: Any, **options: Any) -> Predictions:
    """Predict images, and the images in folders, in the given order.

    Each input is a path, an array (H, W) or (H, W, C) of uint8 or of floats from 0 to 1, a batch
    (N, H, W, C), a PIL image, or a list of inputs. Options are those of
    `striate.options.PredictOptions`. An unreadable file gives a prediction with an error. Raises
    DataError for a missing path or a folder without images, OptionError for any other input.
    """
    chosen = PredictOptions.read(options)
    loaded = loaded_model(model, chosen)
    if chosen.decides:
        loaded = replace(loaded, task=loaded.task.decide(chosen, ()))
    images, names = _check_outputs(model, data, chosen, loaded.task)
    full_size = FullSize.of(loaded, chosen.tile) if chosen.tile else None
    predictor = Predictor(loaded, chosen.top, chosen.batch, chosen.largest, full_size=full_size)
    predictions = Predictions(predictor.predict(images or data))
    if chosen.out:
        table.write(chosen.out, predictions, predictor.columns, raw_csv=chosen.raw_csv)
    if chosen.masks:
        pictures.write_masks(chosen.masks, predictions, names)
    if chosen.overlays:
        pictures.write_overlays(chosen.overlays, predictions, names, images, chosen.largest)
    return predictions


def _check_outputs(
    model: str | Path | Model | Ensemble, data: Sequence[Any], options: PredictOptions, task: Task
) -> tuple[Sequence[File | Made], Sequence[Path]]:
    """Return the images and a name for the picture of each; both are empty without pictures.

    Raises OptionError if an output would replace an input, or a picture any file.
    """
    if options.out:
        storage.check_output(options.out, chain(files_of(model), given_paths(data)))
    folders = {name: getattr(options, name) for name in ("masks", "overlays")}
    folders = {name: folder for name, folder in folders.items() if folder}
    for name in folders:
        pictures.check_drawn(task, name)
    images = list(sources(data)) if folders else []
    names = pictures.name_files(image.shown for image in images)
    for name, folder in folders.items():
        pictures.check_folder(folder, names, given_paths(data), name)
    return images, names


def files_of(model: str | Path | Model | Ensemble) -> Iterator[Path]:
    """Yield the files that hold a model and its run."""
    if not isinstance(model, Model | Ensemble):
        run = run_of(model)
        yield run.model_file if Path(model).is_dir() else Path(model)
        yield from (run.options_file, run.events_file, run.images_file)


def loaded_model(
    model: str | Path | Model | Ensemble, options: EvaluateOptions | PredictOptions | EmbedOptions
) -> Model | Ensemble:
    if not isinstance(model, Model | Ensemble):
        return load(model, device=choose_device(options.device), network=options.network)
    if options.network is not None:
        raise OptionError("a model that is loaded has its network; leave network out")
    return model
