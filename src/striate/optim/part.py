"""Weights that one rule changes: what a rule gets, and what it keeps between steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a rule: its lists have an entry for every weight that has a gradient."""

    params: list[Tensor]
    grads: list[Tensor]
    state: tuple[list[Tensor], ...]  #: a list for each name in `Rule.state`
    learning_rate: float
    decay: float


@dataclass(frozen=True, slots=True)
class Rule:
    """How weights are changed in place, and the names of what is kept for each of them."""

    apply: Callable[[Change], None]
    state: tuple[str, ...] = ()  #: "step" is a number, all others have the shape of the weight


class Part:
    """Some weights of a network with the rule that changes them and what it keeps."""

    def __init__(
        self, rule: Rule, params: list[Tensor], decay: float = 0.0, share: float = 1.0
    ) -> None:
        self.params = params
        self._rule, self._decay, self._share = rule, decay, share
        self._state = {param: [_fresh(name, param) for name in rule.state] for param in params}

    def change(self, learning_rate: float) -> None:
        """Change every weight that has a gradient, at this part's share of the rate."""
        params: list[Tensor] = [param for param in self.params if param.grad is not None]
        if params:
            grads = [_as_laid_out(param.grad, param) for param in params if param.grad is not None]
            kept = tuple(zip(*(self._state[param] for param in params), strict=True))
            state = tuple(list(tensors) for tensors in kept)
            rate = learning_rate * self._share
            self._rule.apply(Change(params, grads, state, rate, self._decay))

    def state(self, param: Tensor) -> dict[str, Tensor]:
        """What is kept for a weight, by name."""
        return dict(zip(self._rule.state, self._state[param], strict=True))


def _as_laid_out(gradient: Tensor, param: Tensor) -> Tensor:
    """The gradient with its numbers where those of the weight lie: torch's fused rules count on it.

    A backward pass sees to it, but not what gives gradients without storing them.
    """
    if gradient.stride() == param.stride():
        return gradient
    return torch.empty_like(param).copy_(gradient)


def _fresh(name: str, param: Tensor) -> Tensor:
    return torch.zeros((), device=param.device) if name == "step" else torch.zeros_like(param)
