"""The additive angular margin loss, and how many images it tells apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

#: smallest sine of an angle whose gradient is taken
_LEAST = 1e-4


def loss(
    outputs: Tensor, targets: Tensor, trained: Tensor, *, scale: float, margin: float = 0.0
) -> Tensor:
    """Return the mean cross-entropy in nats of cosines and labels (N,), with an angular margin.

    Outputs (N, K + D) begin with the cosines of K classes, of which `trained` (K,) tells those that
    count. The angle to an image's own class is widened by `margin` in radians before cosines are
    multiplied by `scale`. Deng et al., ArcFace, CVPR 2019, https://arxiv.org/abs/1801.07698; where
    the wider angle would pass half a turn, the cosine falls on in a line, as in its authors' code.
    """
    cosines = _cosines(outputs, trained)
    if margin:
        own = cosines.gather(1, targets[:, None]).clamp(-1, 1)
        sine = (1 - own.square()).clamp_min(_LEAST**2).sqrt()
        wider = own * math.cos(margin) - sine * math.sin(margin)
        beyond = own - margin * math.sin(margin)
        moved = torch.where(own > -math.cos(margin), wider, beyond)
        cosines = cosines.scatter(1, targets[:, None], moved)
    total = F.cross_entropy(scale * cosines, targets, reduction="sum")
    return total / max(1, len(targets))


def count_correct(outputs: Tensor, targets: Tensor, trained: Tensor) -> Tensor:
    """Count the images whose own class (N,) has the highest cosine: (1,)."""
    return (_cosines(outputs, trained).argmax(dim=1) == targets).sum(dim=0, keepdim=True)


def _cosines(outputs: Tensor, trained: Tensor) -> Tensor:
    """Return the cosines (N, K), those of other classes so low that they count for nothing."""
    cosines = outputs[:, : len(trained)].float()
    return torch.where(trained.to(outputs.device), cosines, -2.0)
