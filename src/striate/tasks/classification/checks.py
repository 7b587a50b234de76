"""Validation of a network's probabilities against its images, labels and class names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable
from striate.tasks.numbers import check_finite
from striate.tasks.results import KIND, About
from striate.text import count_noun


def check_answers(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    about: About,
) -> None:
    """Raise OptionError for mismatched arguments, ModelError for a non-finite probability."""
    paths = about.paths
    if probabilities.shape != (len(labels), len(class_names)) or len(paths) != len(labels):
        counts = count_noun(len(labels), "label"), count_noun(len(paths), "path")
        names = count_noun(len(class_names), "class name")
        raise OptionError(
            f"probabilities must be (images, classes), but came as {probabilities.shape} for "
            f"{', '.join(counts)} and {names}"
        )
    if not len(labels):
        raise OptionError(
            f"there is no {KIND[about.split]}image to evaluate; at least one is needed"
        )
    _check_labels(labels, paths, len(class_names))
    check_finite(probabilities, paths, about.model)
    _check_sums(probabilities, paths)


def _check_labels(labels: NDArray[np.int64], paths: Sequence[str], classes: int) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        row = int(outside[0])
        raise OptionError(
            f"labels must be from 0 to {classes - 1}, but {printable(paths[row])} has {labels[row]}"
        )


def _check_sums(probabilities: NDArray[np.float32], paths: Sequence[str]) -> None:
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero((np.abs(sums - 1) > 0.01) | (probabilities < 0).any(axis=1))
    if wrong.size:
        row = int(wrong[0])
        raise OptionError(
            f"the probabilities of an image must be 0 or more and sum to 1, but those of "
            f"{printable(paths[row])} sum to {sums[row]:.4g};\nlogits need a softmax first"
        )
