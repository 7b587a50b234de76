"""An exponential average of the weights, which is validated and kept in their place.

Polyak and Juditsky 1992, https://doi.org/10.1137/0330046, with fading memory. The statistics of
batch norms are averaged like the weights: those of the network belong to its weights of this
moment, and the average of both stays a pair.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class EMA:
    """A network of its own that follows another."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay = decay
        self._updates = torch.zeros((), dtype=torch.int64)  # on the CPU: read at every update

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after an update.

        The memory grows from ten updates to the decay's, so that the first weights, which are
        chance, do not weigh for long. Counters are taken over.
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
        """Its tensors by name."""
        return {**self.network.state_dict(), "updates": self._updates}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Weights and statistics by name; what layers share comes once."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}
