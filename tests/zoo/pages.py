"""What the tests of several pages measure: tables against networks, multiply-adds, first steps."""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor, nn

from striate import zoo
from striate.summary import summarize
from striate.zoo import CARDS
from tests.zoo import peers
from tests.zoo.test_zoo import on_meta, table, volumes


def assert_table(page: ModuleType, column: str, name: str) -> None:
    """The rows of a page say what the network of that column gives; "-" is a stage it lacks."""
    heads, *rows = table(page)
    told = {row[0]: row[heads.index(column)] for row in rows}
    classes = str(CARDS[name].classes)
    built = {stage: volume for stage, (volume, _) in volumes(CARDS[name]).items()}
    assert built == {
        stage: classes if said == "classes" else said for stage, said in told.items() if said != "-"
    }


def macs(name: str, side: int, **arguments: float) -> int:
    """Multiply-adds of convolutions and dense layers for a square image."""
    return summarize(on_meta(name, **arguments), (3, side, side), name).macs


def assert_twins(ours: nn.Module, theirs: nn.Module, *images: Tensor) -> None:
    """With their weights, matched in order, both give the same logits.

    A dense layer here may be a 1x1 convolution there.
    """
    for module in theirs.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    peers.awake(theirs)
    target, source = ours.state_dict(), theirs.state_dict().values()
    pairs = zip(target.items(), source, strict=True)
    ours.load_state_dict({name: came.reshape(mine.shape) for (name, mine), came in pairs})
    for image in images:
        peers.assert_same_function(ours, theirs, image)


def assert_every_weight_learns(name: str, side: int) -> None:
    torch.manual_seed(5)
    network = zoo.build(name, classes=3)
    network(torch.randn(4, 3, side, side)).square().sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path


def assert_exports(name: str, side: int) -> None:
    """In evaluation mode, for batches of any length."""
    torch.manual_seed(5)
    network = zoo.build(name, classes=3).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    image = torch.randn(2, 3, side, side)
    program = torch.export.export(network, (image,), dynamic_shapes=({0: batch},))
    other = torch.randn(5, 3, side, side)
    assert program.module()(other).allclose(network(other), atol=1e-5)


def assert_first_weights(network: nn.Module, fan: str) -> None:
    """Convolutions have the variance 2 / fan, "in" or "out", of a group."""
    for path, conv in network.named_modules():
        if isinstance(conv, nn.Conv2d):
            area = conv.kernel_size[0] * conv.kernel_size[1]
            count = (conv.in_channels if fan == "in" else conv.out_channels) * area // conv.groups
            share = float(conv.weight.detach().std()) / (2 / count) ** 0.5
            assert abs(share - 1) < 4 / conv.weight.numel() ** 0.5, path
