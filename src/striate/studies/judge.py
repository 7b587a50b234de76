"""The judgement of a comparison: validation intervals, a paired test, and one look at the test."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate.data.listing.samples import Split
from striate.evaluation.evaluate import evaluate_split
from striate.evaluation.known import Known
from striate.evaluation.paired import Difference, Paired, compare_results
from striate.evaluation.seen_images import find_root
from striate.model_file import load
from striate.options import TrainOptions
from striate.progress import Progress
from striate.studies.comparison import record_score
from striate.tasks.figures import Score
from striate.tasks.results import Results
from striate.training.prepare import prepare_data
from striate.training.run import Run


@dataclass(frozen=True)
class Entry:
    """A run to judge, and the options it was trained with."""

    run: Run
    options: TrainOptions


def judge_finalists(
    entries: Mapping[str, Entry], data: Path
) -> Generator[Progress, None, dict[str, Any]]:
    """Judge each entry on the validation images, and compare the best two image by image.

    Returns the `finalists` from the best to the worst, equal ones in the order of `entries`, and
    of the first two the `paired` test, where the task calls answers right or wrong, else the
    `difference` of their leading figures; None for what does not apply, as for both where one
    network alone was trained.
    """
    judged = list[tuple[str, Results]]()
    for name, entry in entries.items():
        results = yield from _judge(entry, data, "validation")
        judged.append((name, results))
    judged.sort(key=lambda each: _rank(each[1].scores()[0]))  # equal ones as before
    finalists = [_finalist(name, entries[name].run, results) for name, results in judged]
    return {"finalists": finalists, **_compare_best([results for _, results in judged[:2]])}


def _rank(score: Score) -> float:
    """Return a number that is lower for a better score, and highest for an undefined one."""
    if math.isnan(score.value):
        return math.inf
    return -score.value if score.figure.higher_is_better else score.value


def _finalist(name: str, run: Run, results: Results) -> dict[str, Any]:
    last = run.epochs()[-1]
    return {
        "network": name,
        "score": record_score(results.scores()[0]),
        "epochs": last.epoch,
        "seconds": last.seconds,
        "bytes": run.model_file.stat().st_size,
    }


def open_test(entry: Entry, data: Path) -> Generator[Progress, None, dict[str, Any] | None]:
    """Return the leading score of a run on its test images; None where there are none."""
    if not any(sample["split"] == "test" for sample in entry.run.samples()):
        return None
    results = yield from _judge(entry, data, "test")
    return record_score(results.scores()[0])


def _judge(entry: Entry, data: Path, split: Split) -> Generator[Progress, None, Results]:
    """Evaluate the model of a run, which holds its best epoch, on a split of its images."""
    run = entry.run
    dataset = yield from prepare_data(data, entry.options)
    model = load(run.model_file, network=dataset.view.network)
    shown, known, root = str(run.model_file), Known.of(run), find_root(dataset.root)
    return evaluate_split(model, (dataset.decoded,), split, root, shown=shown, known=known).results


def _compare_best(best: Sequence[Results]) -> dict[str, Any]:
    """Return the record of the comparison of the best two."""
    test = compare_results(*best) if len(best) == 2 else None
    return {
        "paired": asdict(test) if isinstance(test, Paired) else None,
        "difference": asdict(test) if isinstance(test, Difference) else None,
    }
