"""None of these: which images a model answers with none of its names.

Two things are asked of an image. How far are its features from what the network saw: the angle to
the nearest class mean (nearest-mean classification of deep features: Mensink et al., 2013,
https://doi.org/10.1109/TPAMI.2013.83). And how little do the outputs speak for any name: the
free energy (Liu et al., 2020, https://arxiv.org/abs/2010.03759). Neither is enough: images of
another kind often have low energy, and those of an unknown class near features. Both are brought
to one scale on validation images and added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

#: smallest spread of a signal, where all validation images have the same
_LEAST = 1e-6
#: quantile of a signal that is 1 on the common scale; the median is 0
_UPPER = 0.95


@dataclass(frozen=True)
class Rejection:
    """From which score on an image is none of a model's names."""

    share: float  #: of the known images that was to be rejected
    limit: float  #: of the score
    centers: Tensor = field(repr=False)  #: (2,) medians of distance and energy, float32
    scales: Tensor = field(repr=False)  #: (2,) from the median to the upper quantile
    means: Tensor = field(repr=False)  #: (M, D) of the classes, of length 1, float32

    @classmethod
    def fit(cls, means: Tensor, features: Tensor, energy: Tensor, share: float) -> Self:
        """Return the rejection of a share of known images, given features (N, D) and energy (N,).

        These images should be new to the network, as validation images are: it is surer of those
        that it was trained on. `means` are those of `find_means`.
        """
        signals = _measure(means, features, energy)
        centers = signals.median(dim=0).values
        scales = (signals.quantile(_UPPER, dim=0) - centers).clamp_min(_LEAST)
        made = cls(share, 0.0, centers, scales, means)
        scores = made.score(features, energy)
        limit = scores.quantile(1 - share, interpolation="higher")
        return cls(share, float(limit), centers, scales, means)

    def score(self, features: Tensor, energy: Tensor) -> Tensor:
        """Return how foreign images with features (N, D) and energy (N,) are: (N,)."""
        means = self.means.to(features.device)
        signals = _measure(means, features, energy) - self.centers.to(features.device)
        return (signals / self.scales.to(features.device)).sum(dim=1)

    def rejects(self, features: Tensor, energy: Tensor) -> Tensor:
        """Return whether each image (N,) is none of the names; also where a score is NaN."""
        return ~(self.score(features, energy) <= self.limit)

    def describe(self) -> dict[str, Any]:
        """Return all but the means, JSON-ready."""
        return {
            "share": self.share,
            "limit": self.limit,
            "centers": self.centers.tolist(),
            "scales": self.scales.tolist(),
        }


def find_means(features: Tensor, members: Tensor) -> Tensor:
    """Return the mean direction (M, D) of each name that images (N, D) have; members (N, K)."""
    held = members.to(features.dtype)
    sums = held.T @ F.normalize(features, dim=1)
    return F.normalize(sums[held.sum(dim=0) > 0], dim=1)


def _measure(means: Tensor, features: Tensor, energy: Tensor) -> Tensor:
    """Return distance from the nearest mean, 0 to 2, and energy: (N, 2)."""
    near = (F.normalize(features.float(), dim=1) @ means.T).amax(dim=1)
    return torch.stack([1 - near, energy.float()], dim=1)
