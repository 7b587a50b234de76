"""Pairs of images: whether the cosine of two embeddings tells that both are of one class.

Pairs are not independent of each other, as each image is in many: so images, or whole classes, are
drawn anew for an interval, and a pair comes as often as both of its images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import Sweep, area_under_roc, middle_below, roc_curve, sweep
from striate.metrics.bootstrap import draw, summarize
from striate.metrics.estimates import Estimate, Floats

#: most images whose pairs are all compared; of more some are drawn
MOST_IMAGES = 1000
#: resamples of an interval
_RESAMPLES = 200
#: images whose cosines with all are computed at once
_ROWS = 1024

Embeddings = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Nearest:
    """The nearest other images of each of N images, of its own and of other classes."""

    own: NDArray[np.int64]  #: (N,) rows; -1 where there is none, as in the next
    other: NDArray[np.int64]
    own_cosine: Floats  #: (N,) -inf where there is none, as in the next
    other_cosine: Floats

    @property
    def hits(self) -> Floats:
        """(N,): 1 where an image of its class is nearest, else 0; NaN where its class has none."""
        return np.where(self.own < 0, np.nan, self.own_cosine > self.other_cosine)


@dataclass(frozen=True)
class Pairs:
    """All pairs of some images."""

    first: NDArray[np.int64]  #: (P,) rows of the images
    second: NDArray[np.int64]
    cosine: NDArray[np.float32]  #: (P,)
    same: NDArray[np.bool_]  #: (P,) whether both are of one class

    @property
    def counts(self) -> Sweep:
        """How many pairs of one class, and of two, have each cosine or more."""
        return sweep(self.cosine, self.same)


def find_nearest(embeddings: Embeddings, labels: Labels) -> Nearest:
    """Return the nearest other images by the cosine of embeddings (N, D) of length 1."""
    count = len(labels)
    rows = np.full((2, count), -1)
    cosines = np.full((2, count), -np.inf)
    for start in range(0, count, _ROWS):
        part = np.arange(start, min(start + _ROWS, count))
        near = (embeddings[part] @ embeddings.T).astype(np.float64)
        near[np.arange(len(part)), part] = -np.inf
        own = labels[part][:, None] == labels
        for side, allowed in enumerate((own, ~own)):
            of_side = np.where(allowed, near, -np.inf)
            best = of_side.argmax(axis=1)
            cosines[side, part] = of_side[np.arange(len(part)), best]
            rows[side, part] = np.where(np.isfinite(cosines[side, part]), best, -1)
    return Nearest(rows[0], rows[1], cosines[0], cosines[1])


def make_pairs(embeddings: Embeddings, labels: Labels, most: int = MOST_IMAGES) -> Pairs:
    """Return all pairs of images with embeddings (N, D) of length 1; of more than `most` of some.

    These are drawn at random, but the same each time.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(labels))[:most])
    near = (embeddings[chosen] @ embeddings[chosen].T).astype(np.float32)
    first, second = np.triu_indices(len(chosen), 1)
    same = labels[chosen][first] == labels[chosen][second]
    return Pairs(chosen[first], chosen[second], near[first, second], same)


def true_accepts(counts: Sweep, false_accept: float) -> float:
    """Return the share of pairs of one class accepted where so many of two are; NaN: undefined."""
    false, true = roc_curve(counts)
    return float(np.where(false <= false_accept, true, 0).max()) if counts.negatives else np.nan


def choose_threshold(counts: Sweep, false_accept: float) -> float | None:
    """Return the lowest cosine at which at most this share of pairs of two classes is accepted.

    None where there is no pair of one class, or none of two.
    """
    if not (counts.positives and counts.negatives):
        return None
    false, _ = roc_curve(counts)
    allowed = int(np.flatnonzero(false <= false_accept)[-1])  # the first point accepts none
    if allowed == 0:
        return float(np.nextafter(np.float32(counts.thresholds[0]), np.float32(2)))
    return middle_below(counts, float(counts.thresholds[allowed - 1]))


def estimate_pairs(pairs: Pairs, units: Labels, false_accept: float) -> tuple[Estimate, Estimate]:
    """Estimate the area under the ROC curve, and the true accepts, of pairs.

    `units` (N,) are what is drawn anew: a number for each image, or that of its class. Pairs within
    a unit come as often as the unit.
    """
    counts = pairs.counts
    values = area_under_roc(counts), true_accepts(counts, false_accept)
    order = np.argsort(-pairs.cosine)
    ends = np.flatnonzero(np.append(np.diff(pairs.cosine[order]) != 0, True)[: len(order)])
    one, two = units[pairs.first[order]], units[pairs.second[order]]
    known, same = np.unique(units), pairs.same[order]
    one, two = np.searchsorted(known, one), np.searchsorted(known, two)
    if len(known) < 2:
        return tuple(Estimate(value, None, None, len(units)) for value in values)  # type: ignore[return-value]
    found = np.full((_RESAMPLES, 2), np.nan)
    at = 0
    for block in draw(len(known), _RESAMPLES, 0):
        for drawn in block:
            weights = np.where(one == two, drawn[one], drawn[one] * drawn[two])
            true, false = (np.cumsum(weights * side)[ends] for side in (same, ~same))
            again = Sweep(pairs.cosine[order][ends], true, false, int(true[-1]), int(false[-1]))
            found[at] = area_under_roc(again), true_accepts(again, false_accept)
            at += 1
    area, accepts = (
        summarize(value, column, len(units)) for value, column in zip(values, found.T, strict=True)
    )
    return area, accepts


def prototype_loss(embeddings: Embeddings, labels: Labels, scale: float) -> float | None:
    """Return the mean cross-entropy in nats of images told by the mean of their class.

    Cosines of embeddings (N, D) with the mean direction of each class, without the image itself,
    times `scale` are the logits (Snell, Swersky and Zemel, NeurIPS 2017, with cosines). Images
    alone in their class are left out; None where fewer than two classes have two.
    """
    known, own = np.unique(labels, return_inverse=True)
    sizes = np.bincount(own)
    if (sizes > 1).sum() < 2:
        return None
    sums = np.zeros((len(known), embeddings.shape[1]))
    np.add.at(sums, own, embeddings)
    kept = np.flatnonzero(sizes[own] > 1)
    some, of = embeddings[kept].astype(np.float64), own[kept]
    logits = some @ _unit(sums).T
    logits[np.arange(len(kept)), of] = (some * _unit(sums[of] - some)).sum(axis=1)
    logits *= scale
    top = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((total - logits[np.arange(len(kept)), of]).mean())


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
