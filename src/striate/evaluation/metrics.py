"""Numbers from one confusion matrix and the probabilities behind it; numpy only.

A number that the images cannot give is NaN, never 0: recall and F1 of a class without images,
precision of a class that was never predicted. No mean takes a NaN in. The F1 of a class that has
images and is never predicted is a true 0: every one of its images was missed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Matrix = NDArray[np.int64]
Floats = NDArray[np.float64]
Probabilities = NDArray[np.floating[Any]]

#: half-width of a 95 % interval of the normal distribution, in standard deviations
Z95 = 1.959963984540054


def confusion(labels: Labels, predicted: Labels, classes: int) -> Matrix:
    """(N,), (N,) -> counts (classes, classes): rows are true, columns predicted."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def accuracy(matrix: Matrix) -> float:
    """Share of the images on the diagonal; NaN without images."""
    images = int(matrix.sum())
    return int(np.trace(matrix)) / images if images else math.nan


def wilson(hits: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen as `hits` of `images`; (0, 1) without images.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    It stays within 0 and 1 and keeps its width where all or none were hits.
    """
    if images == 0:
        return 0.0, 1.0
    share, weight = hits / images, Z95**2 / images
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == images else middle + half
    return low, high


def ranks(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """(N, K), (N,) -> (N,): how many classes are rated above the true one.

    Of equal probabilities the lower index ranks higher, as `argmax` has it: rank 0 is "predicted".
    scikit-learn lets the higher index rank higher, TensorFlow counts all that are equal to the last
    of the first k among them, and torch.topk promises no order.
    """
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)
    before = np.arange(probabilities.shape[1]) < labels[:, None]
    above = (probabilities > true) | ((probabilities == true) & before)
    return above.sum(axis=1, dtype=np.int64)


def top_hits(probabilities: Probabilities, labels: Labels, k: int) -> int:
    """How many of the images have their true class among the k most probable."""
    return int((ranks(probabilities, labels) < k).sum())


def losses(probabilities: Probabilities, labels: Labels) -> Floats:
    """(N, K), (N,) -> (N,): the natural logarithm of 1 / (probability of the true class).

    Probabilities are clipped to [eps, 1 - eps] of their own float type, as scikit-learn does: in
    float32 one image costs 15.9 at most.
    """
    eps = np.finfo(probabilities.dtype).eps
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return -np.log(np.clip(true, eps, 1 - eps).astype(np.float64))


def precision(matrix: Matrix) -> Floats:
    """(K, K) -> (K,): the share of the images called a class that are of it."""
    return _divide(np.diagonal(matrix), matrix.sum(axis=0))


def recall(matrix: Matrix) -> Floats:
    """(K, K) -> (K,): the share of a class's images that are called so."""
    return _divide(np.diagonal(matrix), matrix.sum(axis=1))


def f1(matrix: Matrix) -> Floats:
    """(K, K) -> (K,): the harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn)."""
    images = matrix.sum(axis=1)
    scores = _divide(2 * np.diagonal(matrix), images + matrix.sum(axis=0))
    return np.where(images > 0, scores, np.nan)


def macro_f1(matrix: Matrix) -> float:
    """The mean F1 of the classes that have images, all weighing the same; NaN without any."""
    scores = f1(matrix)[matrix.sum(axis=1) > 0]
    return float(scores.mean()) if scores.size else math.nan


def _divide(above: Matrix, below: Matrix) -> Floats:
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
