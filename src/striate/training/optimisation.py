"""Optimisers by name, and the learning rate as a function of progress."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from striate import options

WARM_UP = 0.15  #: share of the training in which the learning rate rises
_MOMENTUM, _BETAS, _EPSILON = 0.9, (0.9, 0.999), 1e-8
_STATE = {"sgd": ("momentum",), "adamw": ("mean", "square")}  #: kept for every weight


class Optimiser:
    """Changes the weights of a network by their gradients. Biases and scales are not decayed.

    sgd: Nesterov momentum 0.9 (Sutskever et al. 2013). adamw: Loshchilov and Hutter 2019,
    https://arxiv.org/abs/1711.05101. The arithmetic is that of torch's functions; its classes are
    not used because making one loads the compiler, a second of every training.
    """

    def __init__(self, network: nn.Module, name: options.Optimiser, weight_decay: float) -> None:
        params: list[Tensor] = [param for param in network.parameters() if param.requires_grad]
        weights = [param for param in params if param.ndim > 1]
        others = [param for param in params if param.ndim <= 1]
        self.name, self._params = name, weights + others
        self._groups = [(weights, weight_decay), (others, 0.0)]
        self._state = {param: self._fresh(param) for param in self._params}

    def _fresh(self, param: Tensor) -> dict[str, Tensor]:
        state = {what: torch.zeros_like(param) for what in _STATE[self.name]}
        if self.name == "adamw":
            state["step"] = torch.zeros((), device=param.device)
        return state

    def clear(self) -> None:
        """Forget the gradients."""
        for param in self._params:
            param.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Change every weight that has a gradient."""
        for group, decay in self._groups:
            params: list[Tensor] = [param for param in group if param.grad is not None]
            grads = [param.grad for param in params if param.grad is not None]
            states = [self._state[param] for param in params]
            if self.name == "sgd":
                momenta: list[Tensor | None] = [state["momentum"] for state in states]
                sgd(
                    params, grads, momenta,
                    lr=learning_rate, weight_decay=decay, momentum=_MOMENTUM, dampening=0.0,
                    nesterov=True, maximize=False, fused=True,
                )  # fmt: skip
            else:
                adam(
                    params, grads, [state["mean"] for state in states],
                    [state["square"] for state in states], [], [state["step"] for state in states],
                    lr=learning_rate, weight_decay=decay, beta1=_BETAS[0], beta2=_BETAS[1],
                    eps=_EPSILON, amsgrad=False, maximize=False, decoupled_weight_decay=True,
                    fused=True,
                )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """Its tensors, named "parameter.what"."""
        return {
            f"{index}.{what}": tensor
            for index, param in enumerate(self._params)
            for what, tensor in self._state[param].items()
        }

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def learning_rate(peak: float, progress: float) -> float:
    """Linear rise to the peak, then half a cosine down to a thousandth of it.

    The one-cycle shape of Smith and Topin 2018, https://arxiv.org/abs/1708.07120; `progress` is the
    share of the training that is done.
    """
    if progress < WARM_UP:
        return peak * max(progress, 1e-3) / WARM_UP
    fall = min(1.0, (progress - WARM_UP) / (1 - WARM_UP))
    return peak * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * fall)) / 2)
