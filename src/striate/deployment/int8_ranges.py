"""The range of values that each tensor takes on calibration images, and its steps of 8 bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from striate.errors import ModelError
from striate.runtimes import open_session

#: whether the extremes of a tensor are kept, or clipped where that leaves a smaller squared error
Clipping = Literal["none", "mse"]


class Rounding(NamedTuple):
    """How a model is rounded."""

    clipping: Clipping = "none"
    #: whether a bias makes up for what the rounded weights of a channel add on average
    corrected: bool = False


PLAIN = Rounding()

_LEVELS = 255
_SAMPLES = 1024  #: values of a tensor that are kept of each image
_CLIPS = np.linspace(0.2, 1, 41)  #: shares of the extremes that are tried
_NOT_FINITE = (
    "the network has values that are not finite on its calibration images, which 8 bits cannot "
    "hold; export it without --int8"
)
_LEAST_STEP = 1e-12  #: of a tensor that is zero


class Steps(NamedTuple):
    """How a tensor is rounded: `value = step * (level - zero)`, levels from 0 to 255."""

    step: float
    zero: int


@dataclass(frozen=True)
class Range:
    """Values of a tensor on calibration images."""

    low: float  #: at most 0, which must have a level
    high: float  #: at least 0
    values: NDArray[np.float32]  #: some of them
    #: (C,) of each channel, the second axis
    means: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def steps(self, clipping: Clipping) -> Steps:
        """Return the steps with which the tensor is rounded."""
        if clipping == "none":
            return _steps(self.low, self.high)
        tried = [_steps(self.low * share, self.high * share) for share in _CLIPS]
        return min(reversed(tried), key=self._error)

    def _error(self, steps: Steps) -> float:
        step, zero = steps
        levels = np.clip(np.rint(self.values / step) + zero, 0, _LEVELS)
        return float(np.square((levels - zero) * step - self.values).mean())


def _steps(low: float, high: float) -> Steps:
    step = float(np.float32(max((high - low) / _LEVELS, _LEAST_STEP)))
    return Steps(step, round(-low / step))


def measure_ranges(
    body: ModelProto, tensors: Iterable[str], batches: Sequence[NDArray[Any]]
) -> dict[str, Range]:
    """Run a model on calibration images and return the range of each of the tensors.

    Raises ModelError where a value is not finite.
    """
    watched, names = ModelProto(), sorted(tensors)
    watched.CopyFrom(body)
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    session = open_session(watched.SerializeToString())
    (given,) = (each.name for each in session.get_inputs())
    rng, count = np.random.default_rng(0), sum(map(len, batches))
    low, high = np.zeros(len(names)), np.zeros(len(names))
    kept: list[list[NDArray[np.float32]]] = [[] for _ in names]
    sums: list[Any] = [0.0 for _ in names]
    for batch in batches:
        for place, found in enumerate(session.run(names, {given: batch})):
            values = np.asarray(found).ravel()
            low[place] = np.minimum(low[place], values.min())
            high[place] = np.maximum(high[place], values.max())
            if not np.isfinite(high[place] - low[place]):
                raise ModelError(_NOT_FINITE)
            sums[place] += _channel_means(np.asarray(found)) * len(batch) / count
            kept[place].append(values[rng.integers(0, len(values), _SAMPLES * len(batch))])
    ends = zip(low.tolist(), high.tolist(), kept, sums, strict=True)
    ranges = (Range(least, most, np.concatenate(some), means) for least, most, some, means in ends)
    return dict(zip(names, ranges, strict=True))


def _channel_means(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the means (C,) of values (N, C, ...)."""
    rows = values.reshape(*values.shape[:2], -1) if values.ndim > 1 else values[:, None, None]
    return rows.mean(axis=(0, 2), dtype=np.float64)
