"""Which layers of a graph compute in 8 bits, and which tensors are therefore carried in 8 bits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from onnx import GraphProto, NodeProto, TensorProto

#: operators with weights
LAYERS = frozenset({"Conv", "Gemm", "MatMul"})
#: computed in 8 bits if all that they are given is
_JOINS = frozenset({"Add", "AveragePool", "Concat", "GlobalAveragePool", "Mul", "ReduceMean"})
#: give values of the first input as they are
_MOVES = frozenset({"Flatten", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
_CLIPS = frozenset({"Clip", "Relu"})
#: computed in float; a layer before them gives 8 bits, as onnxruntime has no other layers of 8 bits
_FLOAT = frozenset(
    {
        "BatchNormalization", "Clip", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid",
        "HardSwish", "InstanceNormalization", "LRN", "LeakyRelu", "Mish", "PRelu", "Pad", "Pow",
        "Relu", "Resize", "Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh",
    }
) | _JOINS  # fmt: skip


class Graph:
    """The nodes of a graph, by what they are given and give."""

    def __init__(self, graph: GraphProto) -> None:
        self.nodes = tuple(graph.node)
        self.constants: dict[str, TensorProto] = {each.name: each for each in graph.initializer}
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.users: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.users[name].append(node)

    def given(self, node: NodeProto) -> list[str]:
        """Return the inputs of a node that are computed."""
        return [name for name in node.input if name and name not in self.constants]

    def scaled(self, node: NodeProto) -> bool:
        """Return whether one of a node's inputs is a constant in float."""
        given = (self.constants[name] for name in node.input if name in self.constants)
        return any(each.data_type == TensorProto.FLOAT for each in given)

    def layers(self) -> Iterator[tuple[str, NodeProto]]:
        """Yield name and node of each layer whose weights are constant; several may share them."""
        for node in self.nodes:
            if node.op_type in LAYERS and node.input[1] in self.constants:
                weights = self.constants[node.input[1]]
                if weights.data_type == TensorProto.FLOAT and len(weights.dims) > 1:
                    yield node.input[1].removesuffix(".weight"), node

    def before_clip(self, name: str) -> NodeProto | None:
        """Return the node that only a clip, which gives this tensor, follows; it does both."""
        node = self.maker.get(name)
        if node is None or node.op_type not in _CLIPS or len(self.users[node.input[0]]) > 1:
            return None
        return self.maker.get(node.input[0])


@dataclass(frozen=True)
class Plan:
    """What of a graph is computed and carried in 8 bits."""

    layers: tuple[NodeProto, ...]
    tensors: set[str]
    #: tensor -> the one whose values it has
    shared: dict[str, str] = field(default_factory=dict[str, str])


def make_plan(graph: Graph, floats: frozenset[str] = frozenset()) -> Plan:
    """Plan 8 bits for all layers but those named `floats`.

    What a layer is given is rounded to 8 bits, and so is all on the way there that can be computed
    so. What comes after the last layers, the answers above all, stays in float.
    """
    layers = tuple(node for name, node in graph.layers() if name not in floats)
    plan = Plan(layers, {node.input[0] for node in layers})
    carrier = _Carrier(graph, plan)
    for node in layers:
        carrier.carry(node.input[0])
    return plan


class _Carrier:
    """What of a plan's tensors is looked at."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self._graph, self._plan = graph, plan
        self._made = {node.output[0] for node in plan.layers}
        self._seen = set[str]()

    def carry(self, name: str) -> None:
        """Carry a tensor, and what it is made of, in 8 bits as far as possible."""
        node, plan = self._graph.maker.get(name), self._plan
        if name in self._seen or node is None:
            return
        self._seen.add(name)
        source = self._graph.before_clip(name) or node
        if source.output[0] in self._made:
            plan.tensors.add(name)
        elif source.op_type in _JOINS:
            self._carry_all(source)
            if not self._graph.scaled(source) and plan.tensors.issuperset(
                self._graph.given(source)
            ):
                plan.tensors.add(name)
        elif node.op_type in _MOVES:
            self.carry(node.input[0])
            if node.input[0] in plan.tensors:
                plan.tensors.add(name)
                plan.shared[name] = node.input[0]
        elif node.op_type in _FLOAT:
            self._carry_all(node)

    def _carry_all(self, node: NodeProto) -> None:
        for name in self._graph.given(node):
            self.carry(name)
