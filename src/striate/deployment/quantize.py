"""Static quantization of a model: its tensors are measured once, then any layers are in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from striate.deployment.int8_plan import Graph, Plan, make_plan
from striate.deployment.int8_ranges import PLAIN, Clipping, Range, Rounding, Steps, measure_ranges
from striate.deployment.int8_write import write_int8


@dataclass(frozen=True)
class Calibrated:
    """A model in float with the ranges of its tensors on calibration images."""

    body: ModelProto
    ranges: Mapping[str, Range]

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.body.graph)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers that can be in 8 bits, in their order."""
        return tuple(dict.fromkeys(name for name, _ in self.graph.layers()))

    def quantize(
        self, floats: frozenset[str] = frozenset(), rounding: Rounding = PLAIN
    ) -> ModelProto:
        """Return the model in 8 bits, but for the layers named `floats`."""
        plan = make_plan(self.graph, floats)
        steps = {name: self._steps(name, rounding.clipping, plan) for name in plan.tensors}
        means = {name: self.ranges[name].means for name in plan.tensors if rounding.corrected}
        return write_int8(self.body, self.graph, plan, steps, means)

    def _steps(self, name: str, clipping: Clipping, plan: Plan) -> Steps:
        while name in plan.shared:
            name = plan.shared[name]
        return self._found[clipping, name]

    @cached_property
    def _found(self) -> dict[tuple[Clipping, str], Steps]:
        kinds: tuple[Clipping, ...] = ("none", "mse")
        return {
            (kind, name): each.steps(kind) for kind in kinds for name, each in self.ranges.items()
        }


def calibrate(body: ModelProto, batches: Sequence[NDArray[Any]]) -> Calibrated:
    """Measure the ranges of a model of one input on calibration images.

    `batches` are what it is given, (N, ...) each; all tensors of a batch are in memory at once.
    Raises ModelError where a value is not finite.
    """
    tensors = make_plan(Graph(body.graph)).tensors
    return Calibrated(body, measure_ranges(body, tensors, batches))
