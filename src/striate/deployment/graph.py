"""A graph of ONNX operators, built one node at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 18  #: the first with `Resize` by antialiasing and reductions with given axes


class Graph:
    """Nodes and constants; names begin with a prefix, so that graphs can be joined."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and return the name of that."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(
        self, operator: str, inputs: tuple[str, ...], outputs: int, **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs, and return their names."""
        names = [f"{self.prefix}{len(self.nodes)}_{at}" for at in range(outputs)]
        name = f"{self.prefix}{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, names, name, **attributes))
        return names

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add an array or number, and return its name."""
        name = f"{self.prefix}c{len(self.constants)}"
        array: NDArray[Any] = np.asarray(value, dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def rename(self, value: str, name: str) -> None:
        """Let a value have a name of its own, as an output of the model has."""
        self.nodes.append(helper.make_node("Identity", [value], [name], f"{self.prefix}{name}"))

    def branch(
        self, condition: str, then: tuple[Graph, str], other: tuple[Graph, str], dtype: Any
    ) -> str:
        """Add an `If` between two graphs, each with the value that it gives."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        bodies = [
            helper.make_graph(
                graph.nodes,
                graph.prefix,
                [],
                [helper.make_tensor_value_info(value, kind, None)],
                graph.constants,
            )
            for graph, value in (then, other)
        ]
        return self.add("If", condition, then_branch=bodies[0], else_branch=bodies[1])

    def cast(self, value: str, dtype: Any) -> str:
        """Convert to another type."""
        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def side(self, images: str, axis: int) -> str:
        """Return the length of an axis, (1,) int64."""
        return self.add("Shape", images, start=axis, end=axis + 1)
