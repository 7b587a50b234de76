"""Evaluate a model on a folder of images as the options say."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from striate.data.listing.columns import rows_in_split
from striate.errors import DataError, printable
from striate.evaluation.evaluate import (
    EvaluationRun,
    Views,
    answer_rows,
    check_groups,
    decode_views,
    evaluate_split,
)
from striate.evaluation.known import Known
from striate.evaluation.nearest import find_nearest, shown_rows
from striate.evaluation.rejection import check_rejection, fit_rejection, judge_rejection
from striate.evaluation.seen_images import find_root
from striate.evaluation.suspects_list import check_doubts
from striate.model import Ensemble, Model, one_network
from striate.options import EvaluateOptions
from striate.prediction.embedding import make_front
from striate.progress import Progress
from striate.tasks.task import Batches, Task


def evaluate_steps(
    model: Model | Ensemble,
    data: Path,
    options: EvaluateOptions,
    *,
    shown: str,
    known: Known | None = None,
    own: Path | None = None,
) -> Generator[Progress, None, EvaluationRun]:
    """Evaluate a network on a split of a folder, using the split fractions of its training.

    The default split is test, or all images if the training run's image list is known and most of
    these are not in it. A temperature is then fitted, and a threshold chosen, on the folder `own`
    of the run. Raises DataError when the folder has targets the network does not know, no such
    split, or not the groups of the training.
    """
    _check_options(model, options)
    listed = known and known.left_out
    left_out = options.leave_out or (listed if data == own else None)
    decoded = yield from decode_views(model, data, options, left_out)
    new = known is not None and not known.are(decoded[0].records)
    source = own if new and own and options.learns else data
    seen = decoded if source is data else (yield from decode_views(model, source, options, listed))
    model, stored = yield from _learn(model, seen, find_root(source), options, shown)
    split, root = options.split or ("all" if new else "test"), find_root(data)
    if split != "all":
        check_groups(model, decoded[0], split, data)
    run = evaluate_split(model, decoded, split, root, shown=shown, known=known, batch=options.batch)
    run = run if options.save_threshold else replace(run, stored=stored)
    if isinstance(model, Model) and run.rejected is not None:
        found = yield from judge_rejection(
            model, run.results, run.rejected, run.pixels, seen[0], options
        )
        run = replace(run, rejection=found)
    if not options.neighbors:
        return run
    learned = (
        decoded if not (new and own) else (yield from decode_views(model, own, options, listed))
    )
    network, rows = one_network(model, "--neighbors"), shown_rows(run.results)
    nearest = yield from find_nearest(network, run.pixels, rows, learned[0])
    return replace(run, nearest=nearest)


def _check_options(model: Model | Ensemble, options: EvaluateOptions) -> None:
    """Raise OptionError for what the model has no use for, before images are decoded."""
    if options.neighbors:
        make_front(one_network(model, "--neighbors"))
    if options.suspects:
        check_doubts(model)
    if options.reject is not None or options.foreign:
        check_rejection(one_network(model, "--reject"), options)
    if options.calibrate:
        model.task.calibrate(())
    if options.decides:
        given = options.model_copy(update={"min_precision": None, "min_recall": None})
        model.task.decide(given, ())


def _learn(
    model: Model | Ensemble, seen: Views, root: Path, options: EvaluateOptions, shown: str
) -> Generator[Progress, None, tuple[Model | Ensemble, Task]]:
    """Return the model as the options have it decide, and of its task what may be stored.

    What is to be fitted or chosen is so on the validation images among those `seen`.
    """
    batch = options.batch
    if options.calibrate:
        validation = _validation(model, seen, root, batch, shown, "temperature can be fitted")
        model = replace(model, task=model.task.calibrate(validation))
    stored = model.task
    if options.decides:
        what = "threshold can be chosen; set one by --threshold"
        validation = _validation(model, seen, root, batch, shown, what) if options.chooses else ()
        model = replace(model, task=model.task.decide(options, validation))
    if options.reject is not None:
        network, share = one_network(model, "--reject"), options.reject
        fitted = (yield from fit_rejection(network, seen[0], share)) if share else None
        model = replace(network, rejection=fitted)
    return model, stored


def _validation(
    model: Model | Ensemble, decoded: Views, root: Path, batch: int, shown: str, what: str
) -> Batches:
    """Return what is decoded of the validation images, and their targets.

    Raises DataError if there are none, so that no `what`.
    """
    rows = rows_in_split(decoded[0].samples, "validation")
    if not len(rows):
        raise DataError(f"{printable(shown)}: no image is in the validation split, so no {what}")
    return answer_rows(model, decoded, rows, root, batch)
