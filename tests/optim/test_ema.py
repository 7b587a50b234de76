"""The average follows weights and statistics, counts as they do, and can be put back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.optim.ema import EMA


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def grow(net: nn.Module, by: float) -> None:
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.add_(1 if tensor.dtype == torch.int64 else by)


def test_it_is_the_exponential_average_of_weights_and_statistics() -> None:
    net = network()
    average = EMA(net, 0.25)
    expected = {name: tensor.double() for name, tensor in net.state_dict().items()}
    for update, decay in enumerate((2 / 11, 3 / 12, 0.25, 0.25)):
        grow(net, 0.1 * 2**update)
        average.update(net)
        for name, tensor in net.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor.double()
    for name, tensor in average.network.state_dict().items():
        if tensor.dtype == torch.int64:
            assert torch.equal(tensor, net.state_dict()[name])
        else:
            torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-6, atol=1e-6)


def test_the_network_itself_is_left_as_it_is() -> None:
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    average = EMA(net, 0.9)
    grow(average.network, 1.0)
    average.update(net)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(param.requires_grad for param in net.parameters())


def test_a_restored_average_goes_on_as_before() -> None:
    net = network()
    first, second = EMA(net, 0.9), EMA(network(7), 0.9)
    for _ in range(3):
        grow(net, 0.1)
        first.update(net)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    grow(net, 0.3)
    first.update(net)
    second.update(net)
    for name, tensor in first.state().items():
        assert torch.equal(tensor, second.state()[name]), name


@pytest.mark.parametrize(("decay", "weight"), [(0.999, 9 / 11), (0.1, 0.9)])
def test_the_first_update_counts_more_than_the_decay_says(decay: float, weight: float) -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    average = EMA(net, decay)
    nn.init.ones_(net.weight)
    average.update(net)
    assert average.state()["weight"].item() == pytest.approx(weight)
