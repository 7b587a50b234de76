"""The steps are those of torch's optimisers, bit for bit; state can be taken and put back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate import zoo
from striate.training.optimisation import Optimiser

DECAY = 0.01


class Net(nn.Module):
    """Channels-last weights, and one that no loss reaches."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = zoo.build("resnet20", classes=3).to(memory_format=torch.channels_last)
        self.unused = nn.Linear(2, 2)


def torchs(network: nn.Module, name: str) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if name == "sgd":
        return torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=1.0, fused=True)


def grow_gradients(network: Net, seed: int) -> None:
    torch.manual_seed(seed)
    network.zero_grad()
    network.body(torch.randn(4, 3, 32, 32)).square().sum().backward()


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_steps_are_those_of_torch(name: str) -> None:
    ours, theirs = Net(), Net()
    optimiser, reference = Optimiser(ours, name, DECAY), torchs(theirs, name)
    for seed in range(3):
        for group in reference.param_groups:
            group["lr"] = 0.01 / (seed + 1)
        for network in (ours, theirs):
            grow_gradients(network, seed)
        optimiser.step(0.01 / (seed + 1))
        reference.step()
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, two)
    assert torch.equal(ours.unused.weight, Net().unused.weight)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_restored_optimiser_goes_on_as_before(name: str) -> None:
    ours, again = Net(), Net()
    first, second = Optimiser(ours, name, DECAY), Optimiser(again, name, DECAY)
    grow_gradients(ours, 0)
    first.step(0.01)
    again.load_state_dict(ours.state_dict())
    second.restore({name: tensor.contiguous() for name, tensor in first.state().items()})
    for network, optimiser in ((ours, first), (again, second)):
        grow_gradients(network, 1)
        optimiser.step(0.01)
    for one, two in zip(ours.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_cleared_gradients_change_nothing() -> None:
    network = Net()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimiser = Optimiser(network, "sgd", DECAY)
    network.body(torch.randn(4, 3, 32, 32)).sum().backward()
    optimiser.clear()
    optimiser.step(1.0)
    for key, value in network.named_parameters():
        assert torch.equal(value, before[key])
