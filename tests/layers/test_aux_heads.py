"""Networks with heads in their middle."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.layers import AuxOutputs, WithAuxHeads


class Add(nn.Module):
    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.tensor(float(amount)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.amount


def tapped() -> WithAuxHeads:
    stages = {"stem": Add(1), "middle": Add(20), "last": Add(300), "head": Add(4000)}
    return WithAuxHeads(stages, {"stem": Add(0.1), "last": Add(0.2)}, weight=0.25)


def test_while_training_each_auxiliary_head_reads_its_stage() -> None:
    outputs = tapped().train()(torch.zeros(2, 1))
    assert isinstance(outputs, AuxOutputs)
    assert outputs.logits.tolist() == [[4321], [4321]]
    assert [round(x[0].item(), 3) for x in outputs.auxiliary] == [1.1, 321.2]
    assert outputs.weight == 0.25


def test_in_evaluation_there_are_logits_and_auxiliary_heads_do_not_run() -> None:
    network, ran = tapped().eval(), list[nn.Module]()
    for head in network.auxiliary.children():
        head.register_forward_hook(lambda module, _inputs, _output: ran.append(module))
    assert network(torch.zeros(2, 1)).tolist() == [[4321], [4321]]
    assert ran == []


def test_auxiliary_heads_stand_before_the_head() -> None:
    assert [name for name, _ in tapped().named_parameters()] == [
        "stem.amount", "middle.amount", "last.amount",
        "auxiliary.stem.amount", "auxiliary.last.amount", "head.amount",
    ]  # fmt: skip


def test_without_auxiliary_heads_training_gives_logits_too() -> None:
    network = WithAuxHeads({"stem": Add(1), "head": Add(2)}, {}, weight=0.5).train()
    assert network(torch.zeros(1)).tolist() == [3]
    assert [name for name, _ in network.named_children()] == ["stem", "head"]


def test_a_head_for_no_stage_is_refused() -> None:
    with pytest.raises(AssertionError):
        WithAuxHeads({"stem": Add(1), "head": Add(2)}, {"stm": Add(3)}, weight=0.5)
