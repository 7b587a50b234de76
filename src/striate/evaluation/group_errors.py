"""Errors at every size of a learning curve, resampled over validation images and random parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.evaluation.learning_curve import CurvePoint, FeatureSet, strata_of
from striate.tasks.task import Task

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class GroupErrors:
    """Errors on a group of validation images; 1 - the leading figure where higher is better."""

    images: int  #: V
    observed: Floats  #: (S,) means over the random parts of a size
    resampled: Floats = field(repr=False)  #: (R, S)
    #: (S,) standard deviation from one random part to another; of a single part, that of the size
    #: before
    spread: Floats

    def shaken(self, seed: int) -> tuple[Floats, Floats]:
        """Return errors (R, S) and deviations (R,) that other training images would give.

        A size with a single part has no other ones to resample, and twice the images none at all:
        theirs vary as parts of the size before do.
        """
        noise = np.random.default_rng(seed).normal(0, 1, (2, len(self.resampled)))
        errors = self.resampled.copy()
        errors[:, -1] += noise[0] * self.spread[-1]
        return errors, noise[1] * self.spread[-1]


def resample_groups(
    points: Sequence[CurvePoint], validation: FeatureSet, task: Task, resamples: int, seed: int
) -> list[GroupErrors]:
    """Return the errors on all validation images, then on those of each class, if there are any.

    Each resample draws images and, for each size, parts; all groups share its images.
    """
    groups = _groups(validation.targets, task)
    heads = [outputs for point in points for outputs in point.outputs]
    judges = [_judge(task, outputs, validation.targets) for outputs in heads]
    generator = np.random.default_rng(seed)
    whole = np.arange(len(validation))
    observed = _errors(judges, groups, whole)
    resampled = np.empty((len(groups), resamples, len(points)))
    bounds = [0, *accumulate(point.draws for point in points)]
    for at in range(resamples):
        rows = generator.integers(0, len(whole), len(whole))
        found = _errors(judges, groups, rows)
        for size, (start, end) in enumerate(pairwise(bounds)):
            parts = generator.integers(start, end, end - start)
            resampled[:, at, size] = found[:, parts].mean(axis=1)
    return [
        GroupErrors(len(rows), *_summary(observed[at], bounds, resampled[at]))
        for at, rows in enumerate(map(np.flatnonzero, groups))
    ]


def _summary(observed: Floats, bounds: list[int], resampled: Floats) -> tuple[Floats, ...]:
    """Return the means (S,) of errors (H,) by size, the resampled ones, and their spread (S,)."""
    sizes = [observed[start:end] for start, end in pairwise(bounds)]
    spread = np.zeros(len(sizes))
    for at, each in enumerate(sizes):
        spread[at] = each.std(ddof=1) if len(each) > 1 else spread[max(0, at - 1)]
    return np.array([each.mean() for each in sizes]), resampled, spread


def _groups(targets: Tensor, task: Task) -> NDArray[np.bool_]:
    """Return which images (G, V) are in each group."""
    everything = np.ones((1, len(targets)), bool)
    if targets.ndim > 1 or targets.is_floating_point():
        return everything
    classes = np.arange(task.outputs)[:, None] == strata_of(targets)
    return np.concatenate([everything, classes])


def _errors(
    judges: Sequence[Callable[[Rows], float]], groups: NDArray[np.bool_], rows: Rows
) -> Floats:
    """Return the error (G, H) of each head on the rows that are in each group; NaN on none."""
    chosen = [rows[group[rows]] for group in groups]
    return np.array([[judge(each) for judge in judges] for each in chosen])


def _judge(task: Task, outputs: Tensor, targets: Tensor) -> Callable[[Rows], float]:
    """Return the function from rows to the error of outputs (V, K).

    Sums that add up are counted once for each image. A figure that needs all images of a
    validation at once is measured anew.
    """
    figure = task.figures[0]

    def error(sums: dict[str, NDArray[np.float64]], images: int) -> float:
        value = task.measure(sums, images).get(figure.name, float("nan")) if images else np.nan
        return 1 - value if figure.higher_is_better else value

    if task.train_figure is None:
        pieces = [
            task.count(outputs[at : at + 1], targets[at : at + 1]) for at in range(len(targets))
        ]
        alone = {
            name: torch.stack([each[name] for each in pieces]).double().numpy()
            for name in pieces[0]
        }
        return lambda rows: error({k: v[rows].sum(axis=0) for k, v in alone.items()}, len(rows))

    def whole(rows: Rows) -> float:
        counted = task.count_validation(outputs[rows], targets[rows])
        return error({name: each.double().numpy() for name, each in counted.items()}, len(rows))

    return whole
