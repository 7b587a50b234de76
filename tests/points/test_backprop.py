"""Forward pass, deltas and gradients by hand are those of automatic differentiation."""

from __future__ import annotations

import contextlib
import io
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from striate.points import DenseNetwork, Layer, deltas, forward, gradients, loss
from striate.points.backprop import Activation, Output

ACTIVATIONS: dict[str, object] = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
WIDTHS = [(2, 2, 1), (2, 2, 2), (2, 8, 8, 3), (3, 5, 4, 6, 2), (2, 4), (1, 64, 1)]


def drawn(widths: tuple[int, ...], activation: Activation, output: Output, seed: int):
    """A network, points and targets from normal distributions, in float64."""
    rng = np.random.default_rng((seed, *widths))
    layers = tuple(
        Layer(rng.normal(0, 1, (units, inputs)), rng.normal(0, 1, units))
        for inputs, units in pairwise(widths)
    )
    x, shape = rng.normal(0, 1, (7, widths[0])), (7, widths[-1])
    match output:
        case "softmax":
            targets = np.eye(widths[-1])[rng.integers(0, widths[-1], 7)]
        case "sigmoid":
            targets = rng.integers(0, 2, shape).astype(float)
        case "identity":
            targets = rng.normal(0, 1, shape)
    return DenseNetwork(layers, activation, output), x, targets


def by_autodiff(network: DenseNetwork, x: np.ndarray, targets: np.ndarray, decay: float):
    """Torch's outputs, loss of each point, sums of each layer, and regularized mean gradient."""
    params = [
        [torch.tensor(values, requires_grad=True) for values in (layer.weights, layer.biases)]
        for layer in network.layers
    ]
    value, goal, sums = torch.tensor(x), torch.tensor(targets), []
    for number, (weights, biases) in enumerate(params, start=1):
        sums.append(F.linear(value, weights, biases))
        value = ACTIVATIONS[network.activation](sums[-1]) if number < len(params) else sums[-1]
    match network.output:
        case "softmax":
            value, each = value.softmax(1), F.cross_entropy(value, goal, reduction="none")
        case "sigmoid":
            each = F.binary_cross_entropy_with_logits(value, goal, reduction="none").sum(1)
            value = value.sigmoid()
        case "identity":
            each = F.mse_loss(value, goal, reduction="none").sum(1) / 2
    total = each.mean() + decay / 2 * sum((weights**2).sum() for weights, _ in params)
    by_sums = torch.autograd.grad(each.sum(), sums, retain_graph=True)
    by_params = torch.autograd.grad(total, [param for layer in params for param in layer])
    return value, total, by_sums, by_params


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("output", get_args(Output))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_they_equal_automatic_differentiation(
    activation: Activation, output: Output, widths: tuple[int, ...]
):
    for seed, decay in ((0, 0.0), (1, 0.3), (2, 0.01)):
        network, x, targets = drawn(widths, activation, output, seed)
        outputs, total, by_sums, by_params = by_autodiff(network, x, targets, decay)
        values = forward(network, x)
        assert np.abs(values[-1] - outputs.detach().numpy()).max() < 1e-6
        assert abs(loss(network, x, targets, decay) - total.item()) < 1e-6
        for ours, theirs in zip(deltas(network, values, targets), by_sums, strict=True):
            assert np.abs(ours - theirs.numpy()).max() < 1e-6
        found = gradients(network, x, targets, decay)
        flat = [values for layer in found for values in (layer.weights, layer.biases)]
        for ours, theirs in zip(flat, by_params, strict=True):
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs.numpy()).max() < 1e-6


@pytest.mark.parametrize("activation", get_args(Activation))
def test_float32_stays_float32(activation: Activation):
    layer = Layer(np.ones((2, 2), np.float32), np.ones(2, np.float32))
    network = DenseNetwork((layer, layer), activation)
    x, targets = np.ones((3, 2), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1]]
    values = forward(network, x)
    found = [*values, *deltas(network, values, targets)]
    found += [layer.weights for layer in gradients(network, x, targets)]
    assert {each.dtype for each in found} == {np.dtype(np.float32)}


def test_a_sure_network_overflows_nowhere():
    for output in get_args(Output)[:2]:
        network = DenseNetwork((Layer(np.diag([5e3, -5e3]), np.zeros(2)),), output=output)
        x, targets = np.array([[1.0, 1], [-1, -1]]), np.array([[1.0, 0], [0, 1]])
        with np.errstate(all="raise", under="ignore"):
            assert forward(network, x)[-1] == pytest.approx(targets)
            assert loss(network, x, targets) == 0
        assert loss(network, x, targets[::-1]) == np.inf


def test_a_step_against_the_gradient_lowers_the_loss():
    network, x, targets = drawn((2, 8, 8, 3), "tanh", "softmax", 5)
    before, steps = loss(network, x, targets, 0.1), gradients(network, x, targets, 0.1)
    moved = tuple(
        Layer(layer.weights - 0.01 * step.weights, layer.biases - 0.01 * step.biases)
        for layer, step in zip(network.layers, steps, strict=True)
    )
    assert loss(DenseNetwork(moved), x, targets, 0.1) < before


def test_widths_and_parameters_are_counted():
    network, *_ = drawn((2, 8, 8, 3), "tanh", "softmax", 0)
    assert network.widths == (2, 8, 8, 3)
    assert network.params == 2 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3


def test_the_guide_prints_the_numbers_that_stand_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/guide/points.md").read_text("utf-8")
    code = "".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "points.md", "exec"), {})
    lines = iter(printed.getvalue().splitlines())
    expected = re.findall(r"^# (.+)$", code, re.MULTILINE)
    assert len(expected) == 11
    assert [line for line in expected if line not in lines] == []
