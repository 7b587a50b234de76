"""Exponential moving average (EMA) of the weights, validated and saved in their place.

Polyak and Juditsky 1992, https://doi.org/10.1137/0330046, with exponential decay. BatchNorm
statistics are averaged too, so that weights and statistics match.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class EMA:
    """A copy of a network that holds the EMA of its weights."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay = decay
        self._updates = torch.zeros((), dtype=torch.int64)  # on the CPU: read at every update

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Update the average after an optimizer step.

        The decay is min(decay, (1 + t) / (10 + t)) at update t, so that the random initial weights
        fade quickly. Integer buffers are copied.
        """
        self._updates += 1
        updates = int(self._updates)
        share = 1 - min(self._decay, (1 + updates) / (10 + updates))
        theirs = _tensors(network)
        for name, tensor in _tensors(self.network).items():
            if tensor.is_floating_point():
                tensor.lerp_(theirs[name], share)
            else:
                tensor.copy_(theirs[name])

    def state(self) -> dict[str, Tensor]:
        """Return the averaged tensors and the update counter by name."""
        return {**self.network.state_dict(), "updates": self._updates}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Load the tensors of `state`."""
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers by name; shared ones appear once."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}
