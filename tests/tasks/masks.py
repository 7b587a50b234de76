"""Masks and predictions made up for the tests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.tasks.results import About
from striate.tasks.segmentation.results import make_results

STREET = TargetSpec("mask", ("road", "sky", "car"))


def draw_masks(images, classes=3, side=24, wrong=0.2, ignored=0.1, seed=0):
    """True masks (N, side, side) in bands, and predictions of which a part is wrong."""
    random = np.random.default_rng(seed)
    rows = np.arange(side) * classes // side
    true = np.broadcast_to(rows[:, None], (images, side, side)).astype(np.uint8).copy()
    odd = random.random(true.shape) < wrong * random.random((images, 1, 1)) * 2
    predicted = np.where(odd, random.integers(0, classes, true.shape), true).astype(np.uint8)
    true[random.random(true.shape) < ignored] = IGNORE
    return predicted, true


class SameSize(NamedTuple):
    """The true mask of an image that is as large as the network's input."""

    seen: np.ndarray

    def compare(self, predicted):
        return predicted, self.seen


def evaluate(predicted, true, spec=STREET, split="test", batch=5, **about):
    paths = tuple(f"streets/{row}.png" for row in range(len(true)))
    batches = (
        (predicted[start : start + batch], list(map(SameSize, true[start : start + batch])))
        for start in range(0, len(true), batch)
    )
    return make_results(batches, spec, About("net.safetensors", split, paths, **about))
