"""Learning curve of linear heads: what random parts of the training images give."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.optim.linear_head import Axes, apply_head, fit_linear_head
from striate.progress import Progress
from striate.tasks.task import Task

SIZES = 5  #: numbers of images on a curve
SPAN = 16  #: the largest over the smallest of them
PER_CLASS = 2  #: images of a class in the smallest, on average
#: L2 penalties that are tried, from the largest; features have a mean square length of 1
PENALTIES = tuple(float(each) for each in np.geomspace(1e-2, 1e-6, 9))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSet:
    """Features of images and what is asked of them."""

    features: Tensor = field(repr=False)  #: (N, D)
    targets: Tensor = field(repr=False)  #: (N, ...)

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class CurvePoint:
    """Heads fitted to random parts of one size of the training images."""

    size: int
    penalty: float  #: that of the lowest mean loss on the validation images
    outputs: Tensor = field(repr=False)  #: (draws, V, K) for the validation images

    @property
    def draws(self) -> int:
        return len(self.outputs)


def choose_sizes(images: int, strata: int) -> tuple[int, ...]:
    """Return rising numbers of images up to all of them, each a constant times the one before.

    The smallest is a sixteenth of them, or two of each of `strata` classes if that is more.
    """
    least = max(images / SPAN, PER_CLASS * strata)
    return tuple(round(each) for each in np.geomspace(min(least, images), images, SIZES))


def draw_part(strata: NDArray[np.int64], size: int, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the rows of `size` images at random, as many of each stratum (N,) as its share.

    One image at least of each, as long as there are no more strata than images.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    counts = np.bincount(strata)
    ranks = np.arange(len(strata)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = ranks / np.repeat(counts, counts)  # within its stratum, from 0 to 1
    return np.sort(order[np.lexsort((generator.random(len(places)), places))[:size]])


def strata_of(targets: Tensor) -> NDArray[np.int64]:
    """Return the stratum (N,) of each image: its class; one for all if targets are no classes."""
    if targets.ndim == 1 and not targets.is_floating_point():
        return targets.numpy().astype(np.int64)
    return np.zeros(len(targets), np.int64)


def measure_curve(
    train: FeatureSet, validation: FeatureSet, task: Task, *, draws: int, seed: int
) -> Generator[Progress, None, list[CurvePoint]]:
    """Fit heads to `draws` random parts of each size, and one to all training images."""
    scale = Axes.of(train.features).variances.sum().rsqrt()
    ours = FeatureSet(train.features.double() * scale, train.targets)
    theirs = FeatureSet(validation.features.double() * scale, validation.targets)
    strata = strata_of(train.targets)
    sizes = choose_sizes(len(train), len(np.unique(strata)))
    points = list[CurvePoint]()
    for number, size in enumerate(sizes):
        yield Progress(number, len(sizes), "sizes")
        seeds = [(seed, number, draw) for draw in range(draws if size < len(train) else 1)]
        parts = [draw_part(strata, size, each) for each in seeds]
        points.append(fit_point(ours, theirs, task, parts))
    yield Progress(len(sizes), len(sizes), "sizes")
    return points


def fit_point(
    train: FeatureSet,
    validation: FeatureSet,
    task: Task,
    parts: list[NDArray[np.int64]],
    penalties: Sequence[float] = PENALTIES,
) -> CurvePoint:
    """Fit a head to each part, with falling penalties until the loss on validation images rises.

    Each penalty begins where the one before ended. Features have a mean square length of 1.
    """
    fits = [_Fit.of(train, validation, task, torch.from_numpy(rows)) for rows in parts]
    best = CurvePoint(len(parts[0]), penalties[0], torch.empty(0)), math.inf
    for penalty in penalties:
        outputs = torch.stack([fit.move(penalty) for fit in fits])
        loss = sum(float(task.loss(one, validation.targets)) for one in outputs)
        if loss >= best[1]:
            break
        best = CurvePoint(len(parts[0]), penalty, outputs), loss
    return best[0]


@dataclass
class _Fit:
    """A head for one part of the images, which moves from penalty to penalty."""

    task: Task
    train: FeatureSet  #: along the axes of the part
    validation: Tensor  #: (V, A), along the same axes
    variances: Tensor
    head: Tensor

    @classmethod
    def of(cls, train: FeatureSet, validation: FeatureSet, task: Task, rows: Tensor) -> _Fit:
        part = train.features[rows]
        axes = Axes.of(part)
        head = torch.zeros(len(axes.variances) + 1, task.outputs, dtype=torch.float64)
        ours = FeatureSet(axes.apply(part), train.targets[rows])
        return cls(task, ours, axes.apply(validation.features), axes.variances, head)

    def move(self, penalty: float) -> Tensor:
        """Fit the head with a penalty, and return its outputs (V, K) for the validation images."""
        self.head = fit_linear_head(
            self.train.features,
            self.train.targets,
            self.task.loss,
            penalty,
            self.head,
            self.variances,
        )
        return apply_head(self.head, self.validation)
