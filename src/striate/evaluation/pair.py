"""Evaluation of two models on the images that are fair to both."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate import tensorfile
from striate.data.listing.columns import rows_in_split
from striate.errors import DataError, OptionError, printable
from striate.evaluation.evaluate import (
    EvaluationRun,
    Views,
    check_groups,
    decode_views,
    evaluate_rows,
)
from striate.evaluation.invariance import measure_steps
from striate.evaluation.known import Judged
from striate.evaluation.pair_results import NAMES, PairResults
from striate.evaluation.seen_images import find_root
from striate.model import Ensemble, Model
from striate.model_description import explain_mismatch
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress

#: options that change a model file, learn from its own images, or are for one model
_FOR_ONE = (
    "save_threshold", "calibrate", "min_precision", "min_recall", "reject", "foreign", "neighbors",
    "suspects",
)  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """The images as one of the two models sees them."""

    decoded: Views
    split: SplitChoice
    rows: dict[str, int]  #: path -> row, of those that it would evaluate alone
    trained: frozenset[str]  #: paths of those that it was trained on


def check_pair(first: Judged, second: Judged, options: EvaluateOptions) -> None:
    """Raise OptionError for two models, or options, that allow no comparison."""
    if given := [name for name in _FOR_ONE if name in options.given()]:
        raise OptionError(
            f"--{given[0].replace('_', '-')} is for one model, but two came; evaluate each alone"
        )
    if reason := explain_mismatch(first.model.task, second.model.task):
        raise OptionError(
            f"{printable(second.shown)}: {reason}, unlike {printable(first.shown)}; only models "
            "of one task with the same names can be compared"
        )


def pair_steps(
    first: Judged, second: Judged, data: Path, options: EvaluateOptions
) -> Generator[Progress, None, tuple[PairResults, tuple[EvaluationRun, EvaluationRun]]]:
    """Evaluate two models on the images that both would evaluate, and neither was trained on.

    With the splits train and all also on those that they were trained on. Raises OptionError as
    `check_pair` does, DataError where no image remains, and what `evaluate_steps` raises.
    """
    check_pair(first, second, options)
    if options.decides:
        first, second = (
            replace(each, model=replace(each.model, task=each.model.task.decide(options, ())))
            for each in (first, second)
        )
    sides = (yield from _see(first, data, options)), (yield from _see(second, data, options))
    paths, apart, trained = _share(*sides, data, options)
    root, batch = find_root(data), options.batch
    runs = tuple(
        evaluate_rows(
            each.model, side.decoded, _rows(side, paths), side.split, root,
            shown=each.shown, known=each.known, batch=batch,
        )
        for each, side in zip((first, second), sides, strict=True)
    )  # fmt: skip
    pair = PairResults(
        runs[0].results,
        runs[1].results,
        (first.model.network_name, second.model.network_name),
        apart,
        trained,
        _digests(first.model) == _digests(second.model),
    )
    if options.invariance:
        named = [replace(first, shown=NAMES[0]), replace(second, shown=NAMES[1])]
        most, among = options.invariance, pair.first.about
        steps = measure_steps(named, data, options, most=most, among=among)
        pair = replace(pair, distorted=(yield from steps))
    return pair, (runs[0], runs[1])


def _share(
    one: _Side, other: _Side, data: Path, options: EvaluateOptions
) -> tuple[list[str], int, int]:
    """Return the images for both; how many one alone would evaluate, and how many one learned."""
    common = [path for path in one.rows if path in other.rows]
    seen = frozenset[str]()
    if options.split not in ("train", "all"):
        seen = one.trained | other.trained
    paths = [path for path in common if path not in seen]
    apart = len(one.rows.keys() ^ other.rows.keys())
    if not one.rows and not other.rows:
        raise DataError(
            f"{printable(str(data))}: no image is in the {one.split} split of either model; "
            "--split all evaluates all of them, trained on or not"
        )
    if not paths:
        raise DataError(
            f"{printable(str(data))}: no image is left for both models: {apart:,} are in "
            f"the split of only one of them, and {len(common):,} were used to train one;\n"
            "--split all evaluates all of them, trained on or not"
        )
    return paths, apart, len(common) - len(paths)


def _see(judged: Judged, data: Path, options: EvaluateOptions) -> Generator[Progress, None, _Side]:
    """Decode the images for a model, and find those that it would evaluate alone."""
    known = judged.known
    decoded = yield from decode_views(judged.model, data, options, judged.left_out(data, options))
    first = decoded[0]
    split = options.split or ("all" if judged.is_new(first.records) else "test")
    if split != "all":
        check_groups(judged.model, first, split, data)
    rows = rows_in_split(first.samples, None if split == "all" else split)
    paths = {first.samples.path(row): row for row in rows.tolist()}
    learned = known.find_trained(first.records.select(rows)) if known else np.zeros(len(rows), bool)
    trained = (path for path, was in zip(paths, learned.tolist(), strict=True) if was)
    return _Side(decoded, split, paths, frozenset(trained))


def _rows(side: _Side, paths: Sequence[str]) -> NDArray[np.int64]:
    return np.array([side.rows[path] for path in paths], np.int64)


def _digests(model: Model | Ensemble) -> list[str]:
    """Return the digest of the weights of each network."""
    members = model.members if isinstance(model, Ensemble) else (model,)
    return [tensorfile.digest(member.network.state_dict()) for member in members]
