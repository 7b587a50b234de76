"""Steps are torch's, bit for bit, or those of the paper; state can be taken and put back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import striate
from striate import options, zoo
from striate.errors import OptionError
from striate.optim.muon import orthogonalize
from striate.optim.optimizer import Optimizer
from striate.options.choices import TUNED as TUNED_BY

NAMES = get_args(options.OptimizerName)
DECAY = 0.01
Array = NDArray[np.float64]


class Net(nn.Module):
    """Channels-last weights, and one that no loss reaches."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = zoo.build("resnet20", classes=3).to(memory_format=torch.channels_last)
        self.unused = nn.Linear(2, 2)


def grow_gradients(network: Net, seed: int) -> None:
    torch.manual_seed(seed)
    network.zero_grad()
    network.body(torch.randn(4, 3, 32, 32)).square().sum().backward()


TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda groups: torch.optim.SGD(groups, fused=True),
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9, fused=True),
    "nesterov": lambda groups: torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=True),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, foreach=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, foreach=True),
    "adam": lambda groups: torch.optim.Adam(groups, fused=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, fused=True),
}


def of_torch(network: nn.Module, name: str) -> torch.optim.Optimizer:
    return TORCHS[name](groups(network))


def groups(network: nn.Module) -> list[dict[str, object]]:
    return [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


@pytest.mark.parametrize("name", TORCHS)
def test_the_steps_are_those_of_torch(name: str) -> None:
    ours, theirs = Net(), Net()
    optimizer, reference = Optimizer(ours, name, DECAY), of_torch(theirs, name)
    for seed in range(5):
        for group in reference.param_groups:
            group["lr"] = 0.01 / (seed + 1)
        for network in (ours, theirs):
            grow_gradients(network, seed)
        optimizer.step(0.01 / (seed + 1))
        reference.step()
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
    assert torch.equal(ours.unused.weight, Net().unused.weight)


TUNED: dict[str, tuple[str, dict[str, object], Callable[..., torch.optim.Optimizer]]] = {
    "momentum": (
        "momentum",
        {"momentum": 0.8},
        lambda groups: torch.optim.SGD(groups, momentum=0.8, fused=True),
    ),
    "nesterov": (
        "nesterov",
        {"momentum": 0.7},
        lambda groups: torch.optim.SGD(groups, momentum=0.7, nesterov=True, fused=True),
    ),
    "no momentum": (
        "nesterov",
        {"momentum": 0.0},
        lambda groups: torch.optim.SGD(groups, fused=True),
    ),
    "adagrad": (
        "adagrad",
        {"eps": 1e-3},
        lambda groups: torch.optim.Adagrad(groups, eps=1e-3, foreach=True),
    ),
    "rmsprop": (
        "rmsprop",
        {"momentum": 0.9, "eps": 1e-3},
        lambda groups: torch.optim.RMSprop(groups, momentum=0.9, eps=1e-3, foreach=True),
    ),
    "adam": (
        "adam",
        {"betas": (0.8, 0.95), "eps": 1e-4},
        lambda groups: torch.optim.Adam(groups, betas=(0.8, 0.95), eps=1e-4, fused=True),
    ),
    "adamw": (
        "adamw",
        {"betas": (0.0, 0.9), "eps": 1e-2},
        lambda groups: torch.optim.AdamW(groups, betas=(0.0, 0.9), eps=1e-2, fused=True),
    ),
}


@pytest.mark.parametrize("case", TUNED)
def test_tuned_steps_are_those_of_torch_and_differ_from_the_usual(case: str) -> None:
    name, tuning, reference_of = TUNED[case]
    ours, theirs, usual = Net(), Net(), Net()
    optimizer, plain = Optimizer(ours, name, DECAY, **tuning), Optimizer(usual, name, DECAY)
    reference = reference_of(groups(theirs))
    for group in reference.param_groups:
        group["lr"] = 0.01
    for seed in range(4):
        for network in (ours, theirs, usual):
            grow_gradients(network, seed)
        optimizer.step(0.01)
        reference.step()
        plain.step(0.01)
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
    pairs = zip(ours.body.parameters(), usual.body.parameters(), strict=True)
    assert not any(torch.equal(one, two) for one, two in pairs)


def test_tuned_hidden_weights_of_muon_move_as_torch_has_it() -> None:
    """In float32, as torch's own takes bfloat16: the directions agree, not the bits."""
    ours, theirs = Four().float(), Four().float()
    optimizer = Optimizer(ours, "muon", 0.0, momentum=0.8)
    hidden = [theirs.tall.weight, theirs.as_tall.weight]
    reference = torch.optim.Muon(hidden, lr=0.02, momentum=0.8, weight_decay=0.0)
    torch.manual_seed(2)
    for _step in range(4):
        for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
            one.grad = torch.randn_like(one)
            two.grad = one.grad.clone()
        optimizer.step(0.02)
        reference.step()
    for one, two in zip((ours.tall.weight, ours.as_tall.weight), hidden, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-3)


@pytest.mark.parametrize("paper", ["lamb", "lars", "lion"])
def test_tuned_steps_are_those_of_the_paper(paper: str) -> None:
    tuning = {
        "lamb": {"betas": (0.8, 0.95), "eps": 1e-3},
        "lars": {"momentum": 0.8},
        "lion": {"betas": (0.8, 0.95)},
    }[paper]
    network, rate = Four(), 0.03
    before = {name: p.detach().clone().numpy() for name, p in network.named_parameters()}
    optimizer, steps = (
        Optimizer(network, paper, DECAY, **tuning),
        [dict[str, Array]() for _ in "ab"],
    )
    for gradients in steps:
        for name, param in network.named_parameters():
            param.grad = torch.randn_like(param)
            gradients[name] = param.grad.numpy().copy()
        optimizer.step(rate)
    name, (g, h) = "wide.weight", [gradients["wide.weight"] for gradients in steps]
    w = before[name]
    match paper:
        case "lamb":
            m, v = 0.0, 0.0
            for t, one in enumerate((g, h), 1):
                m, v = 0.8 * m + 0.2 * one, 0.95 * v + 0.05 * one**2
                r = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3) + DECAY * w
                w = w - rate * np.linalg.norm(w) / np.linalg.norm(r) * r
        case "lars":
            v = 0.0
            for one in (g, h):
                lengths = np.linalg.norm(one) + DECAY * np.linalg.norm(w)
                v = 0.8 * v + rate * 0.001 * np.linalg.norm(w) / lengths * (one + DECAY * w)
                w = w - v
        case _:
            m = 0.0
            for one in (g, h):
                w = w - rate * (np.sign(0.8 * m + 0.2 * one) + DECAY * w)
                m = 0.95 * m + 0.05 * one
    found = dict(network.named_parameters())[name].detach().numpy()
    np.testing.assert_allclose(found, w, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_what_tunes_an_optimizer_changes_its_steps_and_nothing_else_is_taken(name: str) -> None:
    values = {"momentum": 0.3, "betas": (0.3, 0.4), "eps": 0.1}
    for what, value in values.items():
        if name not in TUNED_BY[what]:
            with pytest.raises(OptionError, match=f"^{name} has no use for {what}; leave it out"):
                options.TrainOptions.read({"optimizer": name, what: value})
            continue
        assert options.TrainOptions.read({"optimizer": name, what: value})
        usual, tuned = Four(), Four()
        pair = [(usual, Optimizer(usual, name, DECAY))]
        pair.append((tuned, Optimizer(tuned, name, DECAY, **{what: value})))
        for network, optimizer in pair:
            torch.manual_seed(0)
            for _step in range(3):
                for param in network.parameters():
                    param.grad = torch.randn_like(param) / 10
                optimizer.step(0.01)
        assert not torch.equal(usual.wide.weight, tuned.wide.weight) or not torch.equal(
            usual.first.weight, tuned.first.weight
        )


class Four(nn.Module):
    """A convolution, two tall and a wide matrix, and biases: weights of every kind, in float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first = nn.Conv2d(2, 3, 3, dtype=torch.float64)
        self.tall = nn.Linear(4, 6, dtype=torch.float64)
        self.as_tall = nn.Linear(4, 6, dtype=torch.float64)
        self.wide = nn.Conv2d(3, 4, 2, dtype=torch.float64)
        self.last = nn.Linear(4, 2, dtype=torch.float64)


def lamb(w: Array, gradients: list[Array], rates: list[float]) -> Array:
    """Algorithm 2 of You et al. 2020; biases with a ratio of one, and Adam's epsilon."""
    m, v, epsilon = np.zeros_like(w), np.zeros_like(w), 1e-6 if w.ndim > 1 else 1e-8
    decay = DECAY if w.ndim > 1 else 0
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + epsilon)
        ratio = np.linalg.norm(w) / np.linalg.norm(r + decay * w) if w.ndim > 1 else 1
        w = w - rate * ratio * (r + decay * w)
    return w


def lars(w: Array, gradients: list[Array], rates: list[float]) -> Array:
    """Algorithm 1 of You et al. 2017; biases by momentum at a thousandth of the rate."""
    v = np.zeros_like(w)
    for g, rate in zip(gradients, rates, strict=True):
        if w.ndim > 1:
            lengths = np.linalg.norm(g) + DECAY * np.linalg.norm(w)
            v = 0.9 * v + rate * 0.001 * np.linalg.norm(w) / lengths * (g + DECAY * w)
            w = w - v
        else:
            v = 0.9 * v + g
            w = w - rate * 0.001 * v
    return w


def lion(w: Array, gradients: list[Array], rates: list[float]) -> Array:
    """Algorithm 2 of Chen et al. 2023."""
    m, decay = np.zeros_like(w), DECAY if w.ndim > 1 else 0
    for g, rate in zip(gradients, rates, strict=True):
        w = w - rate * (np.sign(0.9 * m + 0.1 * g) + decay * w)
        m = 0.99 * m + 0.01 * g
    return w


def muon(w: Array, gradients: list[Array], rates: list[float]) -> Array:
    """The definition of Jordan et al. 2024, with the decay of Liu et al. 2025."""
    b = np.zeros_like(w)
    for g, rate in zip(gradients, rates, strict=True):
        b = 0.95 * b + 0.05 * g
        o = (0.95 * b + 0.05 * g).reshape(len(g), -1)
        tall = max(1, o.shape[0] / o.shape[1]) ** 0.5
        x = o.T if o.shape[0] > o.shape[1] else o
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x - 4.7750 * a @ x + 2.0315 * a @ a @ x
        x = x.T if o.shape[0] > o.shape[1] else x
        w = w * (1 - rate * DECAY) - rate * tall * x.reshape(w.shape)
    return w


def adamw_beside_muon(w: Array, gradients: list[Array], rates: list[float]) -> Array:
    m, v, decay = np.zeros_like(w), np.zeros_like(w), DECAY if w.ndim > 1 else 0
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = w - 0.15 * rate * (r + decay * w)
    return w


@pytest.mark.parametrize("paper", [lamb, lars, lion, muon])
def test_the_steps_are_those_of_the_paper(paper: Callable[..., Array]) -> None:
    network, rates = Four(), [0.03, 0.02, 0.05, 0.01, 0.04]
    before = {name: p.detach().clone().numpy() for name, p in network.named_parameters()}
    gradients: dict[str, list[Array]] = {name: [] for name in before}
    optimizer = Optimizer(network, paper.__name__, DECAY)
    for rate in rates:
        for name, param in network.named_parameters():
            param.grad = torch.randn_like(param)
            gradients[name].append(param.grad.numpy().copy())
        optimizer.step(rate)
    for name, param in network.named_parameters():
        hidden = name in ("tall.weight", "as_tall.weight", "wide.weight")
        rule = adamw_beside_muon if paper is muon and not hidden else paper
        expected = rule(before[name], gradients[name], rates)
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("shape", [(8, 8), (5, 40), (40, 5)])
def test_orthogonal_matrices_have_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(2, *shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


@pytest.mark.parametrize("name", ["lamb", "lars"])
def test_weights_of_zero_can_leave_it(name: str) -> None:
    network = nn.Linear(3, 2)
    nn.init.zeros_(network.weight)
    network(torch.ones(1, 3)).sum().backward()
    Optimizer(network, name, 0.0).step(1.0)
    assert network.weight.isfinite().all()
    assert (network.weight != 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_biases_and_scales_are_not_decayed(name: str) -> None:
    network = Net()
    for param in network.parameters():
        param.grad = torch.zeros_like(param)
    before = {key: param.detach().clone() for key, param in network.named_parameters()}
    Optimizer(network, name, 0.5).step(0.01)
    for key, param in network.named_parameters():
        assert torch.equal(param, before[key]) == (param.ndim <= 1), key


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_optimizer_goes_on_as_before(name: str) -> None:
    ours, again = Net(), Net()
    first, second = Optimizer(ours, name, DECAY), Optimizer(again, name, DECAY)
    grow_gradients(ours, 0)
    first.step(0.01)
    again.load_state_dict(ours.state_dict())
    second.restore({name: tensor.contiguous() for name, tensor in first.state().items()})
    for network, optimizer in ((ours, first), (again, second)):
        grow_gradients(network, 1)
        optimizer.step(0.01)
    for one, two in zip(ours.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_gradients_that_wait_are_restored() -> None:
    ours, again = Net(), Net()
    first, second = Optimizer(ours, "nesterov", DECAY), Optimizer(again, "nesterov", DECAY)
    grow_gradients(ours, 0)
    grow_gradients(again, 1)
    second.restore({name: tensor.contiguous() for name, tensor in first.state().items()})
    for one, two in zip(ours.parameters(), again.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        if one.grad is not None and two.grad is not None:
            assert torch.equal(one.grad, two.grad)
            assert one.grad.stride() == two.grad.stride()


def test_cleared_gradients_change_nothing() -> None:
    network = Net()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimizer = Optimizer(network, "nesterov", DECAY)
    network.body(torch.randn(4, 3, 32, 32)).sum().backward()
    optimizer.zero_grad()
    optimizer.step(1.0)
    for key, value in network.named_parameters():
        assert torch.equal(value, before[key])


def length(network: nn.Module) -> float:
    every: list[Tensor] = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return float(torch.cat(every).norm())


def test_long_gradients_are_clipped_to_their_norm_and_short_ones_are_not() -> None:
    network = Net()
    optimizer = Optimizer(network, "nesterov", DECAY)
    grow_gradients(network, 0)
    whole = length(network)
    optimizer.clip_grad_norm(whole * 2)
    assert length(network) == whole
    optimizer.clip_grad_norm(whole / 4)
    assert length(network) == pytest.approx(whole / 4, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_learns_the_stripes_at_its_own_rate(
    name: str, photos: Path, tmp_path: Path
) -> None:
    asked = {"epochs": 20, "batch": 8, "threads": 1, "seed": 3, "optimizer": name}
    run = striate.train(photos, out=tmp_path / "run", progress=False, **asked)
    assert max(epoch.validation_accuracy for epoch in run.epochs()) > 0.9


def test_no_optimizer_loads_the_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from typing import get_args\n"
        "from striate import options, zoo\n"
        "from striate.optim.ema import EMA\n"
        "from striate.optim.optimizer import Optimizer\n"
        "for name in get_args(options.OptimizerName):\n"
        "    network = zoo.build('lenet5')\n"
        "    optimizer = Optimizer(network, name, 0.01)\n"
        "    network(torch.randn(2, 1, 32, 32)).sum().backward()\n"
        "    optimizer.clip_grad_norm(1.0)\n"
        "    optimizer.step(0.1)\n"
        "    EMA(network, 0.9).update(network)\n"
        "print({'torch._dynamo', 'sympy'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_that_is_laid_out_otherwise_changes_the_same_weights(name: str) -> None:
    found = list[Tensor]()
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 3, 3), nn.Conv2d(3, 4, 3))
        optimizer = Optimizer(network, name, DECAY)
        for _step in range(2):
            for param in network.parameters():
                gradient = torch.randn(param.shape)
                inner = gradient.ndim == 4
                param.grad = gradient.contiguous(memory_format=layout) if inner else gradient
            optimizer.step(0.01)
        found.append(torch.cat([param.detach().flatten() for param in network.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-7)
