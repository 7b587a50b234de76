"""Small graphs in ONNX, written node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


class Written:
    """A graph that is written from its input `rows` (N, side, side, 3) on."""

    def __init__(self, side: int = 8) -> None:
        self.random = np.random.default_rng(0)
        self.nodes = list[NodeProto]()
        self.constants = list[TensorProto]()
        self.side = side
        scale = self.constant("scale", np.full((1, 3, 1, 1), 2 / 255, np.float32))
        shift = self.constant("shift", np.full((1, 3, 1, 1), -1, np.float32))
        turned = self.node("Transpose", ["rows"], perm=[0, 3, 1, 2])
        values = self.node("Cast", [turned], to=TensorProto.FLOAT)
        self.start = self.node("Add", [self.node("Mul", [values, scale]), shift])

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, given: Sequence[str], **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [name], **attributes))
        return name

    def conv(
        self, given: str, name: str, wide: tuple[int, int], kernel=3, group=1, gain=1.0
    ) -> str:
        """A convolution from `wide[0]` to `wide[1]` channels, whose bias is not 0."""
        channels, maps = wide
        shape = (maps, channels // group, kernel, kernel)
        weights = self.random.normal(0, np.prod(shape[1:]) ** -0.5, shape)
        gains = np.broadcast_to(gain, maps).reshape(-1, 1, 1, 1)
        weights = self.constant(f"{name}.weight", (weights * gains).astype(np.float32))
        bias = self.random.normal(0, 0.1, maps).astype(np.float32)
        given_all = [given, weights, self.constant(f"{name}.bias", bias)]
        return self.node("Conv", given_all, pads=[kernel // 2] * 4, group=group)

    def head(self, given: str, channels: int, classes: int = 3) -> str:
        """Mean, linear layer and softmax."""
        flat = self.node("Flatten", [self.node("GlobalAveragePool", [given])])
        weights = self.random.normal(0, 1, (classes, channels)).astype(np.float32)
        bias = self.constant("head.bias", np.zeros(classes, np.float32))
        weights = self.constant("head.weight", weights)
        return self.node("Softmax", [self.node("Gemm", [flat, weights, bias], transB=1)], axis=1)

    def body(self, answer: str) -> ModelProto:
        nodes = [*self.nodes, helper.make_node("Identity", [answer], ["answers"])]
        shape = ["n", self.side, self.side, 3]
        given = helper.make_tensor_value_info("rows", TensorProto.UINT8, shape)
        made = helper.make_tensor_value_info("answers", TensorProto.FLOAT, ["n", 3])
        graph = helper.make_graph(nodes, "body", [given], [made], self.constants)
        opset = [helper.make_opsetid("", 18)]
        return helper.make_model(graph, opset_imports=opset, ir_version=10)


def residual_body() -> ModelProto:
    """Convolutions of all kinds: with a pool, along a shortcut, by depth, joined side by side."""
    graph = Written()
    first = graph.node("Relu", [graph.conv(graph.start, "first", (3, 8))])
    pooled = graph.node("MaxPool", [first], kernel_shape=[2, 2], strides=[2, 2])
    branch = graph.node("Relu", [graph.conv(pooled, "depth", (8, 8), group=8)])
    branch = graph.conv(branch, "point", (8, 8), kernel=1)
    added = graph.node("Relu", [graph.node("Add", [branch, pooled])])
    sides = [graph.node("Relu", [graph.conv(added, name, (8, 4))]) for name in ("left", "right")]
    return graph.body(graph.head(graph.node("Concat", sides, axis=1), 8))


def gated_body() -> ModelProto:
    """A convolution with SiLU between two others."""
    graph = Written()
    first = graph.conv(graph.start, "first", (3, 8))
    gate = graph.node("Sigmoid", [first])
    second = graph.conv(graph.node("Mul", [first, gate]), "second", (8, 8))
    return graph.body(graph.head(graph.node("Relu", [second]), 8))


def outlier_body() -> ModelProto:
    """One of eight channels is a thousand times as large, and what follows divides it again."""
    graph = Written()
    gain = np.array([1000.0] + [1.0] * 7)
    first = graph.node("Relu", [graph.conv(graph.start, "first", (3, 8), gain=gain)])
    second = graph.conv(first, "second", (8, 8))
    weights = numpy_helper.to_array(graph.constants[-2]).copy()
    weights[:, 0] /= 1000
    graph.constants[-2] = numpy_helper.from_array(weights, "second.weight")
    third = graph.conv(graph.node("Relu", [second]), "third", (8, 8))
    return graph.body(graph.head(graph.node("Relu", [third]), 8))


def noise(count: int, side: int = 8) -> np.ndarray:
    """Images of blocks, each of its own brightness and color."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (count, 2, 2, 3), dtype=np.uint8)
    return coarse.repeat(side // 2, 1).repeat(side // 2, 2)
