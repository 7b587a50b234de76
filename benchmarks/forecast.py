"""Is what `striate forecast` says of twice the images what twice the images bring?

    python benchmarks/forecast.py --photos PATH/clothing [--seeds 8] [--save]

The folder has the splits train, validation and test. A random part of its training images, a
quarter and two fifths of them, is forecast; then heads are fitted to parts that hold these images
and as many more, by the same rule, and judged by validation and test images. The accuracy of each
is compared with the foretold interval; so is the mean gain over all parts, on both splits together,
with the interval of the gain. Prints one JSON line; --save appends it to results/forecast.jsonl and
draws the forecast of all training images for the documentation.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machines import HERE, keep, machine, say

import striate
from striate.evaluation.extrapolate import make_forecast
from striate.evaluation.forecast import Forecast
from striate.evaluation.forecast_file import render_forecast
from striate.evaluation.learning_curve import (
    CurvePoint,
    FeatureSet,
    draw_part,
    fit_point,
    measure_curve,
)
from striate.evaluation.read_features import make_front, read_split
from striate.optim.linear_head import Axes
from striate.options import TrainOptions
from striate.progress import drain
from striate.tasks.task import Task
from striate.training.prepare import prepare_data

FRACTIONS = (0.25, 0.4)  #: of the training images that are forecast
DOUBLES = 3  #: parts with twice the images, for each forecast
IMAGES = HERE.parent / "docs" / "images"


@dataclass(frozen=True)
class Sets:
    train: FeatureSet
    validation: FeatureSet
    test: FeatureSet
    task: Task
    source: str


@dataclass(frozen=True)
class Trial:
    """One forecast and what came of it."""

    told: bool
    twice: tuple[float, float]  #: foretold interval of the accuracy
    gain: tuple[float, float, float]  #: foretold: value, low and high
    validation: list[float]  #: accuracy of each double on validation images
    test: list[float]
    gained: float  #: mean gain of the doubles on both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="train, validation and test")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.photos.is_dir():
        parser.error(f"--photos: no folder {asked.photos}")
    sets, started = read(asked.photos), time.perf_counter()
    whole = foretell(sets, np.arange(len(sets.train)), 0)
    seconds = time.perf_counter() - started
    record = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": asked.photos.name,
        "images": {name: len(getattr(sets, name)) for name in ("train", "validation", "test")},
        "seeds": asked.seeds,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "source": sets.source,
        "seconds": round(seconds, 1),
        "verdict": whole.verdict,
        "trials": {str(each): trials(sets, each, asked.seeds) for each in FRACTIONS},
    }
    print(json.dumps(record), flush=True)
    if asked.save:
        keep("forecast", json.dumps(record))
        place = IMAGES / f"forecast-{asked.photos.name}.svg"
        place.write_bytes(render_forecast(whole, ".svg"))


def read(photos: Path) -> Sets:
    """Features of all three splits, with a mean square length of 1."""
    dataset = drain(prepare_data(photos, TrainOptions()))
    front = make_front(dataset).eval()
    splits = [drain(read_split(front, dataset, name)) for name in ("train", "validation", "test")]
    assert dataset.source is not None
    scale = Axes.of(splits[0].features).variances.sum().rsqrt()
    splits = [FeatureSet(each.features * scale, each.targets) for each in splits]
    return Sets(*splits, dataset.task, dataset.source.told)


def foretell(sets: Sets, rows: np.ndarray, seed: int) -> Forecast:
    train = part(sets.train, rows)
    points = drain(measure_curve(train, sets.validation, sets.task, draws=5, seed=seed))
    return make_forecast(points, train, sets.validation, sets.task, source=sets.source, seed=seed)


def part(whole: FeatureSet, rows: np.ndarray) -> FeatureSet:
    return FeatureSet(whole.features[rows], whole.targets[rows])


def trials(sets: Sets, fraction: float, seeds: int) -> list[dict[str, Any]]:
    """Each seed draws the images that are forecast."""
    found = list[dict[str, Any]]()
    for seed in range(seeds):
        found.append(asdict(trial(sets, fraction, seed)))
        say(f"{fraction} {seed}: {found[-1]}")
    return found


def trial(sets: Sets, fraction: float, seed: int) -> Trial:
    labels = sets.train.targets.numpy()
    few = draw_part(labels, round(fraction * len(labels)), (seed, 1))
    rest = np.setdiff1d(np.arange(len(labels)), few)
    more = [rest[draw_part(labels[rest], len(few), (seed, 2, at))] for at in range(DOUBLES)]
    doubles = [np.concatenate([few, each]) for each in more]
    said = foretell(sets, few, seed)
    now, *twice = (accuracies(sets, rows) for rows in (few, *doubles))
    weights = len(sets.validation), len(sets.test)
    both = [float(np.average(each, weights=weights)) for each in (now, *twice)]
    return Trial(
        told=not said.doubts,
        twice=said.expected.twice.bounds,
        gain=(said.expected.gain.value, *said.expected.gain.bounds),
        validation=[each[0] for each in twice],
        test=[each[1] for each in twice],
        gained=float(np.mean(both[1:]) - both[0]),
    )


def accuracies(sets: Sets, rows: np.ndarray) -> tuple[float, float]:
    """Of the head of these images, on validation, which chooses its penalty, and on test images."""
    point = fit_point(sets.train, sets.validation, sets.task, [rows])
    unseen = fit_point(sets.train, sets.test, sets.task, [rows], [point.penalty])
    return right(point, sets.validation), right(unseen, sets.test)


def right(point: CurvePoint, judged: FeatureSet) -> float:
    """The share of images whose class a head answers."""
    return float((point.outputs[0].argmax(dim=1) == judged.targets).double().mean())


if __name__ == "__main__":
    main()
