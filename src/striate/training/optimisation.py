"""Optimisers by name, and the learning rate as a function of progress."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from striate.options import Optimiser

WARM_UP = 0.15  #: share of the training in which the learning rate rises


def optimiser(
    network: nn.Module, name: Optimiser, *, learning_rate: float, weight_decay: float
) -> Optimizer:
    """The optimiser of a network. Biases and the scales of norms are not decayed.

    sgd: Nesterov momentum 0.9 (Sutskever et al. 2013). adamw: Loshchilov and Hutter 2019,
    https://arxiv.org/abs/1711.05101.
    """
    params = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if name == "sgd":
        return SGD(groups, lr=learning_rate, momentum=0.9, nesterov=True, fused=True)
    return AdamW(groups, lr=learning_rate, fused=True)


def learning_rate(peak: float, progress: float) -> float:
    """Linear rise to the peak, then half a cosine down to a thousandth of it.

    The one-cycle shape of Smith and Topin 2018, https://arxiv.org/abs/1708.07120; `progress` is the
    share of the training that is done.
    """
    if progress < WARM_UP:
        return peak * max(progress, 1e-3) / WARM_UP
    fall = min(1.0, (progress - WARM_UP) / (1 - WARM_UP))
    return peak * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * fall)) / 2)


def state_of(optimiser: Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's tensors, named "parameter.what"."""
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{what}": value for index, entry in state.items() for what, value in entry.items()
    }


def restore(optimiser: Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put back what `state_of` took.

    Each tensor gets its parameter's layout in memory: a fused optimiser pairs the two byte by byte.
    """
    params = [param for group in optimiser.param_groups for param in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, what = name.split(".", 1)
        param = params[int(index)]
        same_shape = value.shape == param.shape
        placed = torch.empty_like(param).copy_(value) if same_shape else value
        state.setdefault(int(index), {})[what] = placed.detach()
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
