"""A graph in 8 bits: weights rounded channel by channel, tensors between layers with fixed steps.

Written as QuantizeLinear and DequantizeLinear around layers in float, which onnxruntime and
OpenVINO replace by layers in 8 bits: unsigned for what a layer is given, signed and symmetric for
its weights, 32 bits for its bias. Jacob et al., "Quantization and training of neural networks for
efficient integer-arithmetic-only inference", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from striate.deployment.int8_plan import Graph, Plan
from striate.deployment.int8_ranges import Steps

_MOST = 127  # of a weight in 8 bits
_MOST_BIAS = 2.0**30  # of a bias in 32 bits
_LEAST_STEP = 1e-12  # of weights that are zero


def write_int8(
    body: ModelProto,
    graph: Graph,
    plan: Plan,
    steps: Mapping[str, Steps],
    means: Mapping[str, NDArray[np.float64]],
) -> ModelProto:
    """Return a model with the layers and tensors of a plan in 8 bits.

    A bias makes up for what the rounded weights of its channel add on average, where the `means`
    (C,) of what its layer is given are told. Nagel et al., "Data-free quantization through weight
    equalization and bias correction", ICCV 2019, section 4.2.
    """
    writer = _Writer(graph, plan, steps, means)
    computed = graph.maker.keys()
    for name in sorted(name for name in plan.tensors if name not in computed):
        writer.round_tensor(name)
    for node in graph.nodes:
        writer.add(node)
    used = {name for node in writer.nodes for name in node.input}
    made = ModelProto()
    made.CopyFrom(body)
    kept = [each for each in body.graph.initializer if each.name in used]
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend(writer.nodes)
    made.graph.initializer.extend([*kept, *writer.constants.values()])
    return made


class _Writer:
    """Nodes and constants of the graph, as far as it is written."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        steps: Mapping[str, Steps],
        means: Mapping[str, NDArray[np.float64]],
    ) -> None:
        self.nodes = list[NodeProto]()
        self.constants = dict[str, TensorProto]()
        self._graph, self._plan, self._steps, self._means = graph, plan, steps, means
        self._layers = {node.output[0] for node in plan.layers}

    def add(self, node: NodeProto) -> None:
        """Write a node of the body, and what rounds its output."""
        copy = NodeProto()
        copy.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in self._plan.tensors:
                copy.input[place] = _rounded(name)
        if node.output[0] in self._layers:
            self._round_weights(node, copy)
        self.nodes.append(copy)
        for name in node.output:
            if name in self._plan.tensors:
                self.round_tensor(name)

    def round_tensor(self, name: str) -> None:
        """Write what rounds a computed tensor to 8 bits and back."""
        step, zero = self._steps[name]
        given = [self._constant(f"{name}_step", np.float32(step)),
                 self._constant(f"{name}_zero", np.uint8(zero))]  # fmt: skip
        level = f"{name}_level"
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *given], [level]))
        self.nodes.append(helper.make_node("DequantizeLinear", [level, *given], [_rounded(name)]))

    def _round_weights(self, node: NodeProto, copy: NodeProto) -> None:
        """Write weights and bias of a layer in 8 and 32 bits, and put them into its copy."""
        given, step = node.input[0], self._steps[node.input[0]].step
        bias = self._array(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        axis = _channel_axis(node)
        weights = np.moveaxis(self._array(node.input[1]), axis, 0)
        steps = np.abs(weights).reshape(len(weights), -1).max(1) / _MOST
        if bias is not None:  # which has to fit as well
            steps = np.maximum(steps, np.abs(bias) / (_MOST_BIAS * step))
        steps = np.maximum(steps, _LEAST_STEP).astype(np.float32)
        each = steps.astype(np.float64).reshape(-1, *[1] * (weights.ndim - 1))
        levels = np.rint(weights / each)
        own = f"{node.output[0]}_weights"
        rounded = np.moveaxis(levels.astype(np.int8), 0, axis)
        copy.input[1] = self._restored(own, rounded, steps, axis)
        if bias is not None:
            if given in self._means:
                bias = bias + _mean_error(weights - levels * each, self._means[given])
            products = (steps * np.float32(step)).astype(np.float32)
            levels = np.rint(bias / products.astype(np.float64)).astype(np.int32)
            copy.input[2] = self._restored(f"{node.output[0]}_bias", levels, products, 0)

    def _restored(
        self, name: str, levels: NDArray[Any], steps: NDArray[np.float32], axis: int
    ) -> str:
        """Write constants in few bits and what makes them float again; return what that gives."""
        given = [
            self._constant(f"{name}_level", levels),
            self._constant(f"{name}_step", steps),
            self._constant(f"{name}_zero", np.zeros(len(steps), levels.dtype)),
        ]
        node = helper.make_node("DequantizeLinear", given, [_rounded(name)], axis=axis)
        self.nodes.append(node)
        return _rounded(name)

    def _constant(self, name: str, value: Any) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def _array(self, name: str) -> NDArray[np.float64]:
        return numpy_helper.to_array(self._graph.constants[name]).astype(np.float64)


def _rounded(name: str) -> str:
    return f"{name}_rounded"


def _channel_axis(node: NodeProto) -> int:
    """Return the axis of a layer's weights that is its outputs."""
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return 0 if node.op_type == "Conv" or turned else 1


def _mean_error(errors: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what errors of weights (O, C / groups, ...) leave out on average, (O,).

    `means` (C,) are those of what the layer is given; padding is not counted.
    """
    summed = errors.reshape(*errors.shape[:2], -1).sum(2)
    groups = len(means) // summed.shape[1]
    given = means.reshape(groups, -1).repeat(len(summed) // groups, axis=0)
    return (summed * given).sum(1)
