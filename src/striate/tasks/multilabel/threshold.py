"""Thresholds of several labels, one for each: chosen for a wanted precision or recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.metrics.binary import (
    middle_below,
    sweep,
    threshold_for_precision,
    threshold_for_recall,
)
from striate.metrics.labels import find_judged
from striate.options import EvaluateOptions
from striate.text import count_noun, format_percent, list_names


def choose_thresholds(
    options: EvaluateOptions,
    rated: NDArray[np.floating[Any]],
    truth: NDArray[np.integer[Any]],
    names: Sequence[str],
    now: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the threshold (K,) of each label for the precision or recall that is wanted.

    Probabilities and label sets of validation images are (N, K). A label that all of them have, or
    all lack, keeps what it has `now` (K,). Raises OptionError for a precision not reached.
    """
    chosen, missed = now.copy(), list[str]()
    for label in np.flatnonzero(find_judged(truth)).tolist():
        counts = sweep(rated[:, label], truth[:, label])
        if options.min_recall is not None:
            found = threshold_for_recall(counts, options.min_recall)
        else:
            found = threshold_for_precision(counts, options.min_precision or 0.0)
        if found is None:
            missed.append(names[label])
        else:
            chosen[label] = middle_below(counts, found)
    if missed:
        raise OptionError(
            f"no threshold reaches a precision of {format_percent(options.min_precision)} for "
            f"{list_names(missed)} on the {count_noun(len(rated), 'validation image')};\n"
            "ask for less, or set one threshold for all labels by --threshold"
        )
    return chosen
