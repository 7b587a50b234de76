"""Power law of an error over the number of training images: error(n) = a + b n^-c.

Error falls as a power of the number of images towards a floor, in vision as in language: Hestness
et al. 2017, https://arxiv.org/abs/1712.00409, who also name the two ends where it does not, a set
too small to learn from and the irreducible error. Rosenfeld et al. 2020,
https://arxiv.org/abs/1909.12673, fit it to small sizes and extrapolate. Of the forms in the review
of Viering and Loog 2023, https://arxiv.org/abs/2103.10948, it is the usual one of three parameters;
they also show curves that no such law fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: exponents that are tried; Hestness et al. found 0.07 to 0.35, theory gives 0.5 and 1
EXPONENTS = np.geomspace(0.05, 1.0, 60)


@dataclass(frozen=True)
class PowerLaws:
    """R laws, error = floor + scale n^-exponent; the scale is below 0 where the error rises."""

    floor: Floats  #: (R,) at least 0
    scale: Floats  #: (R,)
    exponent: Floats  #: (R,)

    def at(self, size: float) -> Floats:
        """Return the errors (R,) at a number of images."""
        return self.floor + self.scale * size**-self.exponent


def fit_power_laws(
    sizes: NDArray[Any],
    errors: Floats,
    weights: Floats,
    exponents: Floats = EXPONENTS,
) -> PowerLaws:
    """Fit a law to each row of errors (R, S) at sizes (S,) by least squares with weights (S,).

    For a given exponent the law is linear, so that floor and scale have a closed form; of the
    exponents the one of the smallest error is taken. `exponents` are (E,), or (R, E) where each row
    has its own.
    """
    largest = float(sizes.max())
    tried = np.broadcast_to(exponents, (len(errors), exponents.shape[-1]))  # (R, E)
    powers = (sizes / largest)[None, None] ** -tried[:, :, None]  # (R, E, S)
    floor, scale = _lines(powers, errors[:, None], weights)
    missed = errors[:, None] - floor[..., None] - scale[..., None] * powers
    best = (weights * missed**2).sum(axis=-1).argmin(axis=1)
    rows = np.arange(len(errors))
    exponent = tried[rows, best]
    return PowerLaws(floor[rows, best], scale[rows, best] * largest**exponent, exponent)


def _lines(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return floor, at least 0, and scale (R, E) of the best lines through (x, y)."""
    share = weights / weights.sum()
    mean_x, mean_y = (share * x).sum(axis=-1), (share * y).sum(axis=-1)
    spread = (share * (x - mean_x[..., None]) ** 2).sum(axis=-1)
    together = (share * (x - mean_x[..., None]) * (y - mean_y[..., None])).sum(axis=-1)
    scale = together / spread
    floor = mean_y - scale * mean_x
    through = (share * x * y).sum(axis=-1) / (share * x**2).sum(axis=-1)
    return np.maximum(floor, 0.0), np.where(floor < 0, through, scale)
