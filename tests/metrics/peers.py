"""torchmetrics as a reference, scores to compare with it, and how often intervals cover."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
import pytest

from striate.metrics.estimates import Estimate
from tests.zoo import peers

SETS = 300


@cache
def torchmetrics() -> ModuleType:
    peers.torchvision()
    pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")
    from torchmetrics.functional import classification

    return classification


def scored(seed, images=200, prevalence=0.3, apart=1.0, ties=False):
    """Scores of two normal distributions, `apart` standard deviations between them."""
    draw = np.random.default_rng(seed)
    truth = (draw.random(images) < prevalence).astype(np.int64)
    scores = (draw.normal(size=images) + apart * truth).astype(np.float32)
    return (np.round(scores * 2) / 2 if ties else scores), truth


def coverage(estimate: Callable[[int], Estimate], known: float) -> float:
    """The share of simulated sets whose interval holds what is known."""
    found = [estimate(seed) for seed in range(SETS)]
    assert len({each.value for each in found}) > SETS / 2
    return sum(each.low <= known <= each.high for each in found) / SETS
