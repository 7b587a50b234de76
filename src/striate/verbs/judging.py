"""API functions that judge trained models: evaluate, and two models on the same images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from striate import storage
from striate.errors import OptionError, printable
from striate.evaluation.evaluate import EvaluationRun
from striate.evaluation.evaluate_folder import evaluate_steps
from striate.evaluation.folder_doubts import find_doubts
from striate.evaluation.invariance import measure_steps
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.known import Judged, Known, run_of
from striate.evaluation.pair import check_pair, pair_steps
from striate.evaluation.pair_page import write_pair_page
from striate.evaluation.pair_results import PairResults
from striate.evaluation.rejection_result import RejectionResult
from striate.evaluation.seen_images import Originals
from striate.evaluation.suspects_list import format_suspects
from striate.evaluation.train_suspects import suspect_steps
from striate.evaluation.write_report import find_scores, write_page
from striate.model import Ensemble, Model
from striate.model_file import save
from striate.options import EvaluateOptions, positional, words
from striate.tasks.results import Results
from striate.tasks.suspects import Suspects
from striate.text import shell_command
from striate.training.run import Run
from striate.verbs import display
from striate.verbs.answering import files_of
from striate.verbs.using import loaded_model


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
    which the run had less than half is evaluated whole. With `calibrate`, `reject` or
    `save_threshold` the model file is written anew. With `suspects` the images that are perhaps
    mislabeled are listed there, for `leave_out`. With `invariance` the page shows what distortions
    do to the answers. With `reject` the model answers what looks foreign with none of its classes,
    and the page shows how often. Raises DataError when the folder has targets unknown to the model,
    OptionError when no folder is given or recorded, BusyError when a run in training would be
    changed.
    """
    return evaluate_in_full(model, data, progress=progress, **options).results


class Evaluated(NamedTuple):
    """An evaluation and what was asked for beside it."""

    results: Results
    distorted: Invariance | None
    rejection: RejectionResult | None
    suspects: Mapping[str, Suspects]  #: with `suspects`, by split


def evaluate_in_full(
    model: str | Path | Model | Ensemble,
    data: str | Path | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> Evaluated:
    """Return what `evaluate` does, and what its other options ask for."""
    chosen = EvaluateOptions.read(options)
    run = None if isinstance(model, Model | Ensemble) else run_of(model)
    with _held(run, chosen):
        loaded = loaded_model(model, chosen)
        shown = loaded.network_name if isinstance(model, Model | Ensemble) else str(model)
        known = Known.of(run) if run else None
        own = own_images(run, data, needed=chosen.reads_own or bool(known and known.left_out))
        source = _source(own, shown) if data is None else Path(data)
        for out in filter(None, (chosen.out, chosen.suspects)):
            storage.check_output(out, chain(files_of(model), filter(None, (source, own))))
        work = evaluate_steps(loaded, source, chosen, shown=shown, known=known, own=own)
        console = None if progress else Console(quiet=True)
        result = display.show_progress(work, console)
        suspects = dict[str, Suspects]()
        if chosen.suspects:
            suspects = display.show_progress(suspect_steps(result, str(source)), console)
            storage.write(chosen.suspects, format_suspects(suspects))
        if chosen.stores and run and not isinstance(model, Model | Ensemble):
            place = Path(model)
            kept = _changed(result, own=data is None or Path(data) == own)
            save(kept, run.model_file if place.is_dir() else place)
    distorted = None
    if chosen.invariance:
        judged, most = Judged(result.model, shown, known, own), chosen.invariance
        steps = measure_steps([judged], source, chosen, most=most, among=result.results.about)
        distorted = display.show_progress(steps, console)
    if chosen.out:
        epochs = run.epochs() if run else []
        command, originals = _command((model,), data, chosen), Originals.of(source, chosen.out)
        result = replace(result, distorted=distorted)
        left_out = Judged(result.model, shown, known, own).left_out(source, chosen)
        doubts = display.show_progress(find_doubts(result, source, left_out), console)
        page = write_page(result, epochs, command, originals, chosen.out.suffix, doubts)
        storage.write(chosen.out, page)
    return Evaluated(result.results, distorted, result.rejection, suspects)


def _changed(result: EvaluationRun, *, own: bool) -> Model | Ensemble:
    """Return the model for its file, with its scores if they are of its `own` images as it decides.

    Those that the file had are of a model that decided otherwise.
    """
    judged = own and result.results.about.split in ("validation", "test")
    scores = find_scores(result.results) if judged and result.stored == result.model.task else None
    whence = replace(result.model.provenance, scores=scores)
    return replace(result.model, task=result.stored, provenance=whence)


def evaluate_pair(
    first: str | Path | Model | Ensemble,
    second: str | Path | Model | Ensemble,
    data: str | Path | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> PairResults:
    """Evaluate two models, A and B, on the same images; with `out`, write the comparison there.

    Options are those of `striate.options.EvaluateOptions`, but not those that change a model file,
    choose a threshold or are for one model. The folder defaults to that of a run. The images are
    those of the split of both, less those that either run was trained on; with `split="all"` or
    `"train"` these too. With `invariance` both are judged on distorted images as well. Raises
    OptionError for models of other tasks, classes or labels, DataError where no image is left, and
    what `evaluate` raises.
    """
    chosen = EvaluateOptions.read(options)
    one, other = (_judged(model, data, chosen) for model in (first, second))
    check_pair(one, other, chosen)
    source = _source(one.own or other.own, one.shown) if data is None else Path(data)
    if chosen.out:
        files = chain(files_of(first), files_of(second), [source])
        storage.check_output(chosen.out, files)
    work = pair_steps(one, other, source, chosen)
    pair, runs = display.show_progress(work, None if progress else Console(quiet=True))
    if chosen.out:
        command = _command((first, second), data, chosen)
        page = write_pair_page(
            pair, runs, command, Originals.of(source, chosen.out), chosen.out.suffix
        )
        storage.write(chosen.out, page)
    return pair


def _judged(
    model: str | Path | Model | Ensemble, data: str | Path | None, options: EvaluateOptions
) -> Judged:
    loaded = loaded_model(model, options)
    if isinstance(model, Model | Ensemble):
        return Judged(loaded, loaded.network_name)
    run = run_of(model)
    return Judged(loaded, str(model), Known.of(run), own_images(run, data, needed=True))


def _held(run: Run | None, options: EvaluateOptions) -> AbstractContextManager[None]:
    """Lock the run if its model file is to be changed. Raises OptionError without a file."""
    if not options.stores:
        return nullcontext()
    if run is None:
        given = {"calibrate": options.calibrate, "reject": options.reject is not None}
        name = next((name for name, there in given.items() if there), "save_threshold")
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


def own_images(run: Run | None, data: str | Path | None, *, needed: bool) -> Path | None:
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
    models: Sequence[str | Path | Model | Ensemble],
    data: str | Path | None,
    options: EvaluateOptions,
) -> str:
    """Return the command that repeats the evaluation; Python code for a loaded model."""
    given = options.given()
    if any(isinstance(model, Model | Ensemble) for model in models):
        loaded = [
            "model" if isinstance(model, Model | Ensemble) else repr(str(model)) for model in models
        ]
        verb = "evaluate" if len(models) == 1 else "evaluate_pair"
        given_as = (f"{k}={v!r}" for k, v in given.items())
        return f"striate.{verb}({', '.join((*loaded, repr(str(data)), *given_as))})"
    named = [model for model in models if not isinstance(model, Model | Ensemble)]
    places = [positional(place) for place in (*named, data) if place is not None]
    return shell_command(["striate", "evaluate", *places, *words(given)])
