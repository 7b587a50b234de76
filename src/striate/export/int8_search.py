"""Search for the layers that 8 bits cost accuracy, which are then left in float."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product, starmap
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from striate.errors import ModelError
from striate.export.int8_ranges import Rounding
from striate.export.quantize import Calibrated
from striate.runtimes import open_session
from striate.text import count_noun, format_percent, list_names

_MOST_FLOAT = 0.5  #: share of the layers, beyond which 8 bits are no gain
_FEW = 8  #: of the calibration batches tell how far answers are moved
_RESERVE = 0.5  #: of the allowed drop is taken on the images of the search, as others differ
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


def search_int8(calibrated: Calibrated, batches: Batches, prove: Prove, allowed: float) -> Int8:
    """Return a model in 8 bits that loses at most `allowed` of its leading figure, 0.01 a point.

    Of the ways to round, the one that moves the answers of `batches` least is taken. Where a half
    of what is allowed is lost, layers are left in float: those that move the answers most if they
    alone are in 8 bits, as few as suffice. Raises ModelError where a half of all do not.
    """
    batches = batches[:: max(1, len(batches) // _FEW)]
    truth = _answers(calibrated.body, batches)
    tried = {kind: calibrated.quantize(rounding=kind) for kind in _WAYS}
    moved = {kind: measure_shift(truth, _answers(each, batches)) for kind, each in tried.items()}
    kind = min(_WAYS, key=moved.__getitem__)
    layers, found = len(calibrated.layers), tried[kind]
    proof = whole = prove(found)
    if proof.drop <= _RESERVE * allowed:
        return Int8(found, layers, (), kind, moved[kind])
    worst = _rank(calibrated, kind, truth, batches)
    most = int(_MOST_FLOAT * layers)
    few, enough = 0, most
    found, proof = _without(calibrated, kind, worst[:most], prove)
    if not proof.drop <= allowed:  # undefined is not enough
        raise _refused(whole, proof, worst[:most], allowed)
    while enough - few > 1:  # fewer layers in float lose more, as a rule
        half = (few + enough) // 2
        tried_model, tried_proof = _without(calibrated, kind, worst[:half], prove)
        if tried_proof.drop <= _RESERVE * allowed:
            enough, found = half, tried_model
        else:
            few = half
    return Int8(found, layers, worst[:enough], kind, measure_shift(truth, _answers(found, batches)))


def _without(
    calibrated: Calibrated, kind: Rounding, floats: Sequence[FloatLayer], prove: Prove
) -> tuple[ModelProto, Proof]:
    made = calibrated.quantize(frozenset(each.name for each in floats), kind)
    return made, prove(made)


def _rank(
    calibrated: Calibrated, kind: Rounding, truth: Sequence[NDArray[Any]], batches: Batches
) -> tuple[FloatLayer, ...]:
    """Return all layers by how far each alone moves the answers, the worst first."""
    names = frozenset(calibrated.layers)
    found = list[FloatLayer]()
    for name in calibrated.layers:
        alone = calibrated.quantize(names - {name}, kind)
        found.append(FloatLayer(name, measure_shift(truth, _answers(alone, batches))))
    return tuple(sorted(found, key=lambda layer: -layer.moved))


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
