"""Classification metrics from a confusion matrix and probabilities; numpy only.

Undefined metrics are NaN, never 0: recall and F1 of a class without images, precision of a class
that was never predicted. Means skip NaN. The F1 of a class that has images but is never predicted
is 0: all of its images were missed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Floats, divide

Labels = NDArray[np.integer[Any]]
Matrix = NDArray[np.int64]
Probabilities = NDArray[np.floating[Any]]


def confusion(labels: Labels, predicted: Labels, classes: int) -> Matrix:
    """Return counts (classes, classes) from two (N,): rows are true, columns predicted."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def accuracy(matrix: Matrix) -> float:
    """Return the share of images on the diagonal; NaN without images."""
    images = int(matrix.sum())
    return int(np.trace(matrix)) / images if images else math.nan


def ranks(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Return (N,) ranks of the true class from (N, K), (N,): how many classes score higher.

    Ties go to the lower index, as in `argmax`: rank 0 is the prediction. scikit-learn ranks the
    higher index first, TensorFlow counts every tie with the k-th as a hit, and torch.topk
    guarantees no order.
    """
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)
    before = np.arange(probabilities.shape[1]) < labels[:, None]
    above = (probabilities > true) | ((probabilities == true) & before)
    return above.sum(axis=1, dtype=np.int64)


def top_hits(probabilities: Probabilities, labels: Labels, k: int) -> int:
    """Count the images whose true class is among the k most probable."""
    return int((ranks(probabilities, labels) < k).sum())


def losses(probabilities: Probabilities, labels: Labels) -> Floats:
    """Return (N,) log-losses from (N, K), (N,): -ln(probability of the true class).

    Probabilities are clipped to [eps, 1 - eps] of their dtype, as in scikit-learn: at most 15.9 per
    image in float32.
    """
    eps = np.finfo(probabilities.dtype).eps
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return -np.log(np.clip(true, eps, 1 - eps).astype(np.float64))


def precision(matrix: Matrix) -> Floats:
    """Return (K,) precision from (K, K): tp / (tp + fp)."""
    return divide(np.diagonal(matrix), matrix.sum(axis=0))


def recall(matrix: Matrix) -> Floats:
    """Return (K,) recall from (K, K): tp / (tp + fn)."""
    return divide(np.diagonal(matrix), matrix.sum(axis=1))


def f1(matrix: Matrix) -> Floats:
    """Return (K,) F1 from (K, K): 2 tp / (2 tp + fp + fn)."""
    images = matrix.sum(axis=1)
    scores = divide(2 * np.diagonal(matrix), images + matrix.sum(axis=0))
    return np.where(images > 0, scores, np.nan)


def macro_f1(matrix: Matrix) -> float:
    """Return the unweighted mean F1 of the classes that have images; NaN without any."""
    scores = f1(matrix)[matrix.sum(axis=1) > 0]
    return float(scores.mean()) if scores.size else math.nan
