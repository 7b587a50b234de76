"""Threshold of a classifier of two classes: stored in its spec, chosen on validation images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError, printable, unknown
from striate.metrics.binary import (
    Sweep,
    middle_below,
    sweep,
    threshold_for_precision,
    threshold_for_recall,
)
from striate.options import DecisionOptions, EvaluateOptions
from striate.tasks.temperature import move_thresholds
from striate.text import count_noun, format_percent, percent_digits

#: probability from which on one of two classes is the more probable
EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Aim:
    """What a threshold was chosen for on validation images, and what it reached there."""

    share: Literal["precision", "recall"]
    asked: float  #: the least share asked for
    hits: int  #: positive images predicted so
    images: int  #: predicted positive for precision, positive for recall

    @property
    def wanted(self) -> str:
        """Return, e.g., "precision ≥ 90 %"."""
        return f"{self.share} ≥ {100 * self.asked:.4g} %"

    def describe(self, positive: str) -> str:
        """Return what was asked for, what was reached, and on how many images it rests."""
        reached = format_percent(self.hits / self.images, percent_digits(self.images))
        images = count_noun(self.images, "image")
        of_class = f"predicted {positive}" if self.share == "precision" else f"of {positive}"
        return (
            f"{self.wanted}: {reached} on validation ({self.hits:,} of {images} "
            f"{printable(of_class)})"
        )


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which probability on the positive one of two classes is answered."""

    positive: int = 1  #: index of the class; the second, as in scikit-learn
    #: None: the more probable class is answered, and of equally probable ones the first
    value: float | None = None
    aim: Aim | None = None  #: None: it was given, or there is none

    @classmethod
    def stored(cls, spec: TargetSpec) -> Threshold:
        """Read the threshold from the constants of a spec. Raises OptionError."""
        positive, value = (spec.constants.get(name) for name in ("positive", "threshold"))
        if positive is None and value is None:
            return cls()
        if len(spec.names) != 2:
            raise OptionError(f"a threshold is for two classes, but there are {len(spec.names):,}")
        if positive not in (None, (0.0,), (1.0,)):
            raise OptionError(f"positive must be 0 or 1, the place of a class, not {positive}")
        if value is not None and not (len(value) == 1 and 0 <= value[0] <= 1):
            raise OptionError(f"threshold must be a number from 0 to 1, not {value}")
        aim = _stored_aim(spec) if value else None
        return cls(int(positive[0]) if positive else 1, value[0] if value else None, aim)

    def store(self, spec: TargetSpec) -> TargetSpec:
        """Return the spec with this threshold in its constants."""
        constants = {**spec.constants, "positive": (float(self.positive),)}
        for name in ("threshold", *_AIMS):
            constants.pop(name, None)
        if self.value is not None:
            constants["threshold"] = (self.value,)
        if self.aim:
            name = f"min_{self.aim.share}"
            constants[name] = (self.aim.asked, float(self.aim.hits), float(self.aim.images))
        return replace(spec, constants=constants)

    @property
    def shown(self) -> str:
        return f"{EVEN if self.value is None else self.value:.6g}"

    def decide(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the class answered for probabilities (..., K), as an index (...)."""
        if self.value is None:
            return probabilities.argmax(axis=-1).astype(np.int64)
        chosen = probabilities[..., self.positive] >= np.float32(self.value)
        return np.where(chosen, self.positive, 1 - self.positive).astype(np.int64)

    def at_temperature(self, factor: float) -> Threshold:
        """Return the threshold that decides the same at so many times the temperature."""
        if self.value is None:
            return self
        return replace(self, value=float(move_thresholds(np.array(self.value), factor)))

    def changed(
        self,
        options: DecisionOptions,
        names: Sequence[str],
        validation: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    ) -> Threshold:
        """Return what the options make of it; another positive class voids the value.

        `validation` are batches of probabilities (N, 2) and labels (N,), read if a threshold is to
        be chosen on them. Raises OptionError for an unknown class, and for a precision that no
        threshold reaches.
        """
        positive = self.positive
        if options.positive is not None:
            if options.positive not in names:
                raise unknown("class", options.positive, names)
            positive = names.index(options.positive)
        value, aim = options.threshold, None
        if isinstance(options, EvaluateOptions) and options.chooses:
            rated, labels = map(np.concatenate, zip(*validation, strict=True))
            value, aim = _choose(options, rated[:, positive], labels == positive, names[positive])
        elif value is None and positive == self.positive:
            value, aim = self.value, self.aim
        return Threshold(positive, value, aim)


#: the more probable class is answered
EVENLY = Threshold()
#: name of the constants: the least share asked for, hits, and the images they are of
_AIMS: Mapping[str, Literal["precision", "recall"]] = {
    "min_precision": "precision",
    "min_recall": "recall",
}


def _stored_aim(spec: TargetSpec) -> Aim | None:
    for name, share in _AIMS.items():
        if numbers := spec.constants.get(name):
            if not (len(numbers) == 3 and 0 <= numbers[1] <= numbers[2] and numbers[2] >= 1):
                raise OptionError(
                    f"{name} must be the share asked for, hits and images, not {numbers}"
                )
            return Aim(share, numbers[0], int(numbers[1]), int(numbers[2]))
    return None


def _choose(
    options: EvaluateOptions,
    scores: NDArray[np.floating[Any]],
    truth: NDArray[np.bool_],
    name: str,
) -> tuple[float, Aim]:
    """Return the threshold that the options ask for, and what it reaches."""
    counts = sweep(scores, truth)
    of_class, images = printable(repr(name)), count_noun(len(scores), "validation image")
    if not counts.positives:
        raise OptionError(f"none of the {images} is of {of_class}: no threshold can be chosen")
    if options.min_recall is not None:
        chosen = threshold_for_recall(counts, options.min_recall)
    else:
        chosen = threshold_for_precision(counts, options.min_precision or 0.0)
    if chosen is None:
        asked = format_percent(options.min_precision)
        raise OptionError(
            f"no threshold reaches a precision of {asked} for {of_class} on the {images};\n"
            f"{_most_precise(counts)}"
        )
    at = int(np.flatnonzero(counts.thresholds == chosen)[0])
    hits, called = int(counts.true[at]), int(counts.true[at] + counts.false[at])
    if options.min_recall is not None:
        aim = Aim("recall", options.min_recall, hits, counts.positives)
    else:
        aim = Aim("precision", options.min_precision or 0.0, hits, called)
    return middle_below(counts, chosen), aim


def _most_precise(counts: Sweep) -> str:
    """Say the highest precision that a threshold reaches."""
    shares = counts.true / (counts.true + counts.false)
    best = float(shares.max())
    threshold = threshold_for_precision(counts, best)
    at = int(np.flatnonzero(counts.thresholds == threshold)[0])
    recall = format_percent(float(counts.true[at]) / counts.positives)
    return (
        f"the highest is {format_percent(best)}, with a recall of {recall}, at --threshold "
        f"{threshold:.9g}"
    )
