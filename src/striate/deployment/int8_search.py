"""Search for the layers that 8 bits cost accuracy, which are then left in float."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product, starmap
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from striate.deployment.int8_ranges import Rounding
from striate.deployment.quantize import Calibrated
from striate.errors import ModelError
from striate.runtimes import open_session
from striate.text import count_noun, format_percent, list_names

_BATCHES = 8  #: of calibration images tell how far answers are moved
_RESERVE = 0.5  #: of the allowed drop is taken on the images of the search, as others differ
_CLOSE = 0.1  #: of their spread that answers may be moved
_WAYS = tuple(starmap(Rounding, product(("mse", "none"), (False, True))))
Batches = Sequence[NDArray[Any]]


class Proof(Protocol):
    """What a model in 8 bits loses."""

    @property
    def drop(self) -> float:
        """By how much the leading figure is worse, 0.01 a point; below 0 if it is better."""
        ...

    def __str__(self) -> str:
        """Return "accuracy falls from 98.2 % to 61 % on 200 validation images"."""
        ...


#: judges a model in 8 bits
Prove = Callable[[ModelProto], Proof]


@dataclass(frozen=True)
class FloatLayer:
    """A layer that is left in float."""

    name: str
    moved: float  #: how far 8 bits in it alone move the answers, in their spread over images

    def __str__(self) -> str:
        return f"{self.name} (alone it moves the answers by {format_percent(self.moved)})"


@dataclass(frozen=True)
class Int8:
    """A model in 8 bits."""

    model: ModelProto
    layers: int  #: that can be in 8 bits
    floats: tuple[FloatLayer, ...]  #: of these, those that are not; the worst first
    rounding: Rounding
    moved: float  #: how far the answers of the calibration images are moved, in their spread

    def __str__(self) -> str:
        left = f"{len(self.floats)} of {count_noun(self.layers, 'layer')} left in float"
        names = f": {', '.join(map(str, self.floats))}" if self.floats else ""
        return left + names


@dataclass(frozen=True)
class _Attempt:
    model: ModelProto
    floats: tuple[FloatLayer, ...]
    proof: Proof
    moved: float

    def suffices(self, allowed: float, few: int) -> bool:
        """Return whether it loses little, and answers closely or has `few` layers in float."""
        close = self.moved <= _CLOSE or len(self.floats) >= few
        return close and self.proof.drop <= _RESERVE * allowed


@dataclass(frozen=True)
class _Search:
    calibrated: Calibrated
    rounding: Rounding
    batches: Batches
    truth: Sequence[NDArray[Any]]  #: answers in float32
    prove: Prove

    def attempt(self, floats: tuple[FloatLayer, ...]) -> _Attempt:
        """Return the model with some layers in float."""
        made = self.calibrated.quantize(frozenset(each.name for each in floats), self.rounding)
        return _Attempt(made, floats, self.prove(made), self.moved(made))

    def moved(self, model: ModelProto) -> float:
        return measure_shift(self.truth, _answers(model, self.batches))

    def rank(self) -> tuple[FloatLayer, ...]:
        """Return all layers by how far each alone moves the answers, the worst first."""
        names = frozenset(self.calibrated.layers)
        alone = (
            self.calibrated.quantize(names - {name}, self.rounding)
            for name in self.calibrated.layers
        )
        shifts = zip(self.calibrated.layers, map(self.moved, alone), strict=True)
        return tuple(sorted(starmap(FloatLayer, shifts), key=lambda layer: -layer.moved))


def search_int8(calibrated: Calibrated, batches: Batches, prove: Prove, allowed: float) -> Int8:
    """Return a model in 8 bits that loses at most `allowed` of its leading figure, 0.01 a point.

    Of the ways to round, the one that moves the answers of `batches` least is taken. Where a half
    of what is allowed is lost, or answers are moved by more than a tenth of their spread, layers
    are left in float: those that move the answers most if they alone are in 8 bits, as few as
    suffice, and for the spread alone at most an eighth. Raises ModelError where a half of all are
    not enough.
    """
    some = batches[:: max(1, len(batches) // _BATCHES)]
    truth = _answers(calibrated.body, some)
    ways = [_Search(calibrated, rounding, some, truth, prove) for rounding in _WAYS]
    search = min(ways, key=lambda way: way.moved(calibrated.quantize(rounding=way.rounding)))
    layers = len(calibrated.layers)
    few, whole = layers // 8, search.attempt(())
    if whole.suffices(allowed, few):
        return _found(search, whole)
    worst = search.rank()[: layers // 2]
    best, lost = search.attempt(worst), 0
    if not best.proof.drop <= allowed:  # an undefined figure is not enough
        raise _refused(whole.proof, best.proof, worst, allowed)
    while len(best.floats) - lost > 1:  # fewer layers in float lose more, as a rule
        half = search.attempt(worst[: (lost + len(best.floats)) // 2])
        if half.suffices(allowed, few):
            best = half
        else:
            lost = len(half.floats)
    return _found(search, best)


def _found(search: _Search, best: _Attempt) -> Int8:
    layers = len(search.calibrated.layers)
    return Int8(best.model, layers, best.floats, search.rounding, best.moved)


def measure_shift(truth: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> float:
    """Return how far answers (N, ...) are moved, as a share of their spread over images.

    Of numbers the root of the squared distance over that from their mean; of integers, as classes
    of pixels, the share that differs. Of several answers the largest; NaN equals NaN.
    """
    return max(map(_shift, truth, found))


def _shift(truth: NDArray[Any], found: NDArray[Any]) -> float:
    if not np.issubdtype(truth.dtype, np.floating):
        return float((truth != found).mean())
    known = np.where(np.isnan(truth) & np.isnan(found), 0, 1)
    one, other = np.nan_to_num(truth.astype(np.float64)), np.nan_to_num(found.astype(np.float64))
    spread = np.square(one - one.mean(axis=0)).sum()
    return float(np.sqrt((known * np.square(one - other)).sum() / max(spread, 1e-12)))


def _answers(model: ModelProto, batches: Batches) -> list[NDArray[Any]]:
    session = open_session(model.SerializeToString())
    (given,) = (each.name for each in session.get_inputs())
    answers = [session.run(None, {given: batch}) for batch in batches]
    return [
        np.concatenate([np.asarray(each) for each in of_one])
        for of_one in zip(*answers, strict=True)
    ]


def _refused(whole: Proof, best: Proof, floats: Sequence[FloatLayer], allowed: float) -> ModelError:
    names = list_names(tuple(layer.name for layer in floats))
    return ModelError(
        f"in 8 bits {whole}, more than the {100 * allowed:g} points allowed;\n"
        f"with {count_noun(len(floats), 'layer')} in float ({names}) still {best};\n"
        "export it without --int8, or allow more by --allowed-drop"
    )
