"""None of these: which images a model answers with none of its names.

Three things are asked of an image. How far are its features from those of the nearest image that
the network learned from, as an angle and as a distance (Sun et al., 2022,
https://arxiv.org/abs/2204.06507)? And how little do its outputs speak for any name, as free energy
(Liu et al., 2020, https://arxiv.org/abs/2010.03759)? None is enough: images of another kind may
have low energy or features of an odd length, and those of an unknown class near features. All are
brought to one scale on validation images and added.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

#: signals: angle, distance, energy
SIGNALS = 3
#: most images whose features are kept, and most numbers in all, but for _LEAST_EXAMPLES
_EXAMPLES, _NUMBERS, _LEAST_EXAMPLES = 1000, 1_500_000, 100
#: largest feature that is kept in float16, a sixteenth of its range
_HALF = 4096.0
#: smallest spread of a signal, where all validation images have the same
_LEAST = 1e-6
#: quantile of a signal that is 1 on the common scale; the median is 0
_UPPER = 0.95
_MARGIN = 1e-3  # of a limit above all scores, whose unit is the spread of known images


@dataclass(frozen=True)
class Rejection:
    """From which score on an image is none of a model's names."""

    share: float  #: of the known images that was to be rejected
    limit: float  #: of the score
    centers: Tensor = field(repr=False)  #: (SIGNALS,) medians, float32
    scales: Tensor = field(repr=False)  #: (SIGNALS,) from the median to the upper quantile
    examples: Tensor = field(repr=False)  #: (M, D) features of training images, float16 or 32

    @classmethod
    def fit(cls, train: Tensor, features: Tensor, energy: Tensor, share: float) -> Self:
        """Return the rejection of a share of known images, given features (N, D) and energy (N,).

        These images should be new to the network, as validation images are: it is surer of those
        that it was trained on. Of the training images, with features (T, D), some are kept.
        """
        examples = _draw(train)
        signals = _measure(examples, features, energy)
        centers = signals.median(dim=0).values
        scales = (signals.quantile(_UPPER, dim=0) - centers).clamp_min(_LEAST)
        made = cls(share, 0.0, centers, scales, examples)
        return replace(made, limit=_place_limit(made.score(features, energy), share))

    def score(self, features: Tensor, energy: Tensor) -> Tensor:
        """Return how foreign images with features (N, D) and energy (N,) are: (N,)."""
        device = features.device
        signals = _measure(self.examples.to(device), features, energy) - self.centers.to(device)
        return (signals / self.scales.to(device)).sum(dim=1)

    def rejects(self, features: Tensor, energy: Tensor) -> Tensor:
        """Return whether each image (N,) is none of the names; also where a score is NaN."""
        return ~(self.score(features, energy) <= self.limit)

    def describe(self) -> dict[str, Any]:
        """Return all but the examples, JSON-ready."""
        return {
            "share": self.share,
            "limit": self.limit,
            "centers": self.centers.tolist(),
            "scales": self.scales.tolist(),
        }


def _place_limit(scores: Tensor, share: float) -> float:
    """Return a limit that at most a share of scores (N,) is above, and none is at.

    A score that is computed a second time, by another engine, may differ in its last digits.
    """
    last = scores.quantile(1 - share, interpolation="higher")
    above = scores[scores > last]
    return float(last + (above.min() - last) / 2 if len(above) else last + _MARGIN)


def _draw(features: Tensor) -> Tensor:
    """Return the features that are kept, at random but the same each time."""
    most = min(_EXAMPLES, max(_LEAST_EXAMPLES, _NUMBERS // features.shape[1]))
    rows = np.sort(np.random.default_rng(0).permutation(len(features))[:most])
    kept = features[torch.from_numpy(rows)]
    return kept.half() if kept.abs().max() < _HALF else kept.float()


def _measure(examples: Tensor, features: Tensor, energy: Tensor) -> Tensor:
    """Return the angle, as 1 - cosine, and the distance to the nearest, and energy: (N, 3)."""
    known, asked = examples.float(), features.float()
    near = (F.normalize(asked, dim=1) @ F.normalize(known, dim=1).T).amax(dim=1)
    # by products, as `torch.cdist` does for many examples, but of operators that ONNX has
    apart = asked.square().sum(1, keepdim=True) + known.square().sum(1) - 2 * asked @ known.T
    nearest = apart.amin(dim=1).clamp_min(0).sqrt()
    return torch.stack([1 - near, nearest, energy.float()], dim=1)
