"""Batch normalization, as torch has it, is what the lectures compute by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

#: five samples of two features: mean 2, variance 16; mean 5, variance 4
BATCH = torch.tensor([[0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [0.0, 8.0], [10.0, 5.0]])
SCORES = torch.tensor([[-0.5, -1.5], [-0.5, -0.5], [-0.5, 0.5], [-0.5, 1.5], [2.0, 0.0]])


@pytest.fixture
def norm() -> nn.BatchNorm1d:
    return nn.BatchNorm1d(2, eps=1e-12)


def test_it_begins_as_the_z_score_over_the_batch(norm: nn.BatchNorm1d) -> None:
    assert norm(BATCH).allclose(SCORES)


def test_then_each_feature_is_scaled_and_shifted(norm: nn.BatchNorm1d) -> None:
    norm.load_state_dict(
        norm.state_dict() | {"weight": torch.tensor([4.0, -2]), "bias": torch.tensor([1.0, 3])}
    )
    assert norm(BATCH).allclose(
        torch.tensor([[-1.0, 6], [-1, 4], [-1, 2], [-1, 0], [9, 3]]), atol=1e-6
    )


def test_scale_and_shift_are_trained(norm: nn.BatchNorm1d) -> None:
    toward = torch.tensor([[1.0, 0], [0, 2], [0, 0], [0, 0], [3, 1]])
    (norm(BATCH) * toward).sum().backward()
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    assert norm.weight.grad.allclose(torch.tensor([-0.5 + 3 * 2, 2 * -0.5]))
    assert norm.bias.grad.allclose(torch.tensor([4.0, 3]))


def test_in_use_it_takes_what_training_remembered(norm: nn.BatchNorm1d) -> None:
    """A tenth of the batch's mean and unbiased variance joins what was remembered: 0 and 1."""
    norm(BATCH)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.allclose(torch.tensor([0.2, 0.5]))
    assert norm.running_var.allclose(torch.tensor([0.9 + 0.1 * 20, 0.9 + 0.1 * 5]))
    told = norm.eval()(torch.tensor([[0.2 + 2 * 2.9**0.5, 0.5 - 1.4**0.5]]))
    assert told.allclose(torch.tensor([[2.0, -1]]))
