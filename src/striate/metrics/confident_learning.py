"""Labels that are perhaps wrong, by confident learning; numpy only.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal
of Artificial Intelligence Research 70 (2021), https://arxiv.org/abs/1911.00068. Probabilities must
be out of sample: a network that was trained on a wrong label has learned it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.metrics.classes import Labels, Matrix, Probabilities, confusion
from striate.metrics.estimates import Floats, divide

_SAME = 1e-6  #: difference up to which two probabilities are equal, as in cleanlab


def find_suspects(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Return the rows of labels (N,) that (N, K) probabilities doubt, the most doubtful first.

    Of the images with one label, as many as the confident joint counts in another class are
    doubted, those of the largest margin between the two ("prune by noise rate", section 3.2); not
    where the label is the most probable class, and not the only image of a class. They are ranked
    by the probability of their label, ties in the order of the rows. These are the rows of
    `find_label_issues` of cleanlab 2.9 with its defaults, ranked by self-confidence, but for ties.
    """
    rated = np.asarray(probabilities, np.float64)
    own = np.take_along_axis(rated, labels[:, None], axis=1)[:, 0]
    doubted = np.zeros(len(labels), np.bool_)
    for label, moved in enumerate(_count_moved(confident_joint(rated, labels))):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            continue
        for other in np.flatnonzero(moved):
            margin = rated[rows, other] - rated[rows, label]
            doubted[rows[np.argsort(-margin, kind="stable")[: moved[other]]]] = True
    others = rated.copy()
    np.put_along_axis(others, labels[:, None], own[:, None] + _SAME, axis=1)
    found = np.flatnonzero(doubted & (others.argmax(axis=1) != labels))
    return found[np.argsort(own[found], kind="stable")]


def confident_joint(probabilities: Probabilities, labels: Labels) -> Matrix:
    """Estimate counts (K, K) from (N, K), (N,): rows are given labels, columns true classes.

    An image counts for the class whose probability reaches the threshold of that class, and for
    the most probable class if several do; if none does it is not counted. A row is then scaled to
    the number of its labels (sections 3.1 and A).
    """
    classes = probabilities.shape[1]
    sure = probabilities >= confident_thresholds(probabilities, labels) - _SAME
    reached = sure.sum(axis=1)
    true = np.where(reached > 1, probabilities.argmax(axis=1), sure.argmax(axis=1))
    counts = confusion(labels[reached > 0], true[reached > 0], classes)
    np.fill_diagonal(counts, np.maximum(np.diagonal(counts), 1))
    images = np.bincount(labels, minlength=classes)
    scaled = (counts.T / counts.sum(axis=1) * images).T
    return np.stack([_round(row) for row in scaled / scaled.sum() * len(labels)])


def confident_thresholds(probabilities: Probabilities, labels: Labels) -> Floats:
    """Return the (K,) mean probabilities of each class over the images labeled so.

    That of a class without images is infinite: no image is counted for it.
    """
    classes = probabilities.shape[1]
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    images = np.bincount(labels, minlength=classes)
    means = divide(np.bincount(labels, own, classes), images)
    return np.where(images > 0, np.maximum(means, 2 * _SAME), np.inf)


def _count_moved(joint: Matrix) -> Matrix:
    """Return how many images (K, K) of a label are of another class, but not all of a label."""
    kept = np.maximum(np.diagonal(joint), 1)
    others = np.maximum(np.count_nonzero(joint, axis=1) - 1, 1)
    less = (kept - np.diagonal(joint)) / others
    moved = np.maximum(joint - less[:, None], 0).astype(np.int64)
    np.fill_diagonal(moved, 0)
    return moved


def _round(values: Floats) -> NDArray[np.int64]:
    """Round to integers of the same sum: those that rounding changed most give way."""
    whole = values.round()
    short = round(float(values.sum())) - int(whole.sum())
    order = np.argsort(values - whole)
    whole[order[-short:] if short > 0 else order[:-short]] += np.sign(short)
    return whole.astype(np.int64)
