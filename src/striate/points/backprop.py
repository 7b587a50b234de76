"""Forward pass and back-propagation of a dense network, written out in NumPy.

The loss of one point and the function of the last layer belong together: softmax or sigmoid with
the cross-entropy, identity with half the squared error. The delta of the last layer is then output
minus target (Bishop 2006, Pattern Recognition and Machine Learning, section 5.3; Rumelhart, Hinton
and Williams 1986, https://doi.org/10.1038/323533a0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Activation = Literal["relu", "tanh", "sigmoid"]
Output = Literal["softmax", "sigmoid", "identity"]
Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights (outputs, inputs) and biases (outputs,) of a layer, or their gradients."""

    weights: Values
    biases: Values


@dataclass(frozen=True, eq=False)
class DenseNetwork:
    """Dense layers with an activation between them, and an output function after the last."""

    layers: tuple[Layer, ...]
    activation: Activation = "tanh"
    output: Output = "softmax"

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the number of inputs, and the units of each layer."""
        return self.layers[0].weights.shape[1], *(len(layer.biases) for layer in self.layers)

    @property
    def params(self) -> int:
        """Return the number of weights and biases."""
        return sum(layer.weights.size + layer.biases.size for layer in self.layers)


def _sigmoid(z: Values) -> Values:
    return (1 + np.tanh(z / 2)) / 2  # does not overflow


def _softmax(z: Values) -> Values:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


_FUNCTIONS: dict[Activation | Output, Callable[[Values], Values]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "identity": lambda z: z,
}
#: derivative of an activation with respect to its input, from its value a
_SLOPES: dict[Activation, Callable[[Values], Values]] = {
    "relu": lambda a: (a > 0).astype(a.dtype),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
}


def forward(network: DenseNetwork, x: Values) -> list[Values]:
    """(N, inputs) -> the inputs and the outputs of every layer, (N, units) each."""
    values = [x]
    for number, layer in enumerate(network.layers, start=1):
        last = number == len(network.layers)
        function = _FUNCTIONS[network.output if last else network.activation]
        values.append(function(values[-1] @ layer.weights.T + layer.biases))
    return values


def loss(network: DenseNetwork, x: Values, targets: Values, weight_decay: float = 0.0) -> float:
    """Return the mean loss over the points, plus half the decay times the sum of squared weights.

    Targets are (N, outputs), one-hot for softmax. Biases do not decay.
    """
    outputs = forward(network, x)[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        match network.output:
            case "softmax":
                each = -np.where(targets > 0, targets * np.log(outputs), 0)
            case "sigmoid":
                each = -np.where(targets > 0, targets * np.log(outputs), 0)
                each -= np.where(targets < 1, (1 - targets) * np.log(1 - outputs), 0)
            case "identity":
                each = (outputs - targets) ** 2 / 2
    squares = sum(float((layer.weights**2).sum()) for layer in network.layers)
    return float(each.sum(axis=1).mean()) + weight_decay / 2 * squares


def deltas(network: DenseNetwork, values: Sequence[Values], targets: Values) -> list[Values]:
    """Return the derivative of each point's loss by the sums that a layer forms, (N, units) each.

    From the last layer, output minus target, backwards: the deltas of the next layer through its
    weights, times the slope of the activation. `values` are what `forward` gives.
    """
    found: list[Values] = [values[-1] - targets]
    for layer, outputs in zip(network.layers[:0:-1], values[-2:0:-1], strict=True):
        found.insert(0, found[0] @ layer.weights * _SLOPES[network.activation](outputs))
    return found


def gradients(
    network: DenseNetwork, x: Values, targets: Values, weight_decay: float = 0.0
) -> list[Layer]:
    """Return the gradient of `loss` by the weights and biases of every layer.

    Each weight's is the mean over the points of the delta of its unit times its input, plus the
    decay times the weight.
    """
    values = forward(network, x)
    found = list[Layer]()
    for layer, inputs, delta in zip(
        network.layers, values[:-1], deltas(network, values, targets), strict=True
    ):
        mean = delta.T @ inputs / len(x)
        found.append(Layer(mean + weight_decay * layer.weights, delta.mean(axis=0)))
    return found
