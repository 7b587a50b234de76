"""Generated images against real ones: distance, precision, recall, and how alike they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Z95, Estimate, Floats, from_hits
from striate.metrics.frechet import Moments, find_covered, find_nearest, measure_frechet
from striate.tasks.figures import Figure
from striate.tasks.results import About

FRECHET = Figure("frechet_distance", "Fréchet distance", higher_is_better=False, form="number")
PRECISION = Figure("precision", "precision", form="share")
RECALL = Figure("recall", "recall", form="share")
VARIETY = Figure("variety", "variety")
TOLD_APART = Figure("told_apart", "told apart")
#: parts of the images of which distances are measured for the interval
_PARTS = 5


@dataclass(frozen=True, eq=False, repr=False)
class GenerationMetrics:
    """Features of N real images and of as many generated ones, and what is measured of them."""

    about: About
    real: Floats = field(repr=False)  #: (N, F)
    made: Floats = field(repr=False)  #: (N, F)
    normal: Floats = field(repr=False)  #: (N, F), of images drawn from a normal distribution
    samples: NDArray[np.uint8] = field(repr=False)  #: (S, H, W, C), the first generated images

    def __len__(self) -> int:
        return len(self.real)

    @cached_property
    def frechet(self) -> Estimate:
        """The Fréchet distance; its interval from how much the distances of parts differ."""
        return _estimate(self.real, self.made)

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Which generated images (N,) lie among the real ones."""
        return find_covered(self.made, self.real)

    @property
    def precision(self) -> Estimate:
        """The share of generated images that lie among the real ones."""
        return from_hits(int(self.covered.sum()), len(self))

    @cached_property
    def recall(self) -> Estimate:
        """The share of real images that lie among the generated ones."""
        return from_hits(int(find_covered(self.real, self.made).sum()), len(self))

    @property
    def variety(self) -> float:
        """How much the features of generated images vary, as a share of those of real ones."""
        return measure_variety(Moments.of(self.made), Moments.of(self.real))

    @property
    def halves(self) -> float:
        """The Fréchet distance of one half of the real images from the other."""
        return measure_frechet(Moments.of(self.real[::2]), Moments.of(self.real[1::2]))

    @property
    def normal_frechet(self) -> float:
        """The Fréchet distance of images whose pixels are drawn from a normal distribution."""
        return measure_frechet(Moments.of(self.real), Moments.of(self.normal))

    @cached_property
    def nearest(self) -> NDArray[np.int64]:
        """(S,): the real image that is most like each of the samples."""
        return find_nearest(self.made[: len(self.samples)], self.real)


def measure_variety(made: Moments, real: Moments) -> float:
    """Return the total variance of features as a share of that of real images; NaN: these equal."""
    whole = float(np.trace(real.covariance))
    return float(np.trace(made.covariance)) / whole if whole > 0 else float("nan")


def _estimate(real: Floats, made: Floats) -> Estimate:
    """Return the distance and its interval: a t-like one of the standard error over parts.

    Distances of parts are larger, as of fewer images; their spread alone is used, times the root
    of the number of parts that the whole has more.
    """
    value = measure_frechet(Moments.of(real), Moments.of(made))
    if len(real) < 4 * _PARTS:
        return Estimate(value, None, None, len(real))
    parts = [
        measure_frechet(Moments.of(real[part::_PARTS]), Moments.of(made[part::_PARTS]))
        for part in range(_PARTS)
    ]
    half = Z95 * float(np.std(parts, ddof=1)) / _PARTS**0.5
    return Estimate(value, max(0.0, value - half), value + half, len(real))
