"""Parameter groups, and torch's update rules: SGD, Adagrad, RMSprop, Adam and AdamW.

They call torch's functional API: creating a torch.optim optimizer imports the compiler, which costs
a second per training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd


@dataclass(frozen=True, slots=True)
class UpdateArgs:
    """Arguments of one update; the lists have an entry per parameter that has a gradient."""

    params: list[Tensor]
    grads: list[Tensor]
    state: tuple[list[Tensor], ...]  #: one list per name in `UpdateRule.state`
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """An in-place update function, and the names of its state tensors per parameter."""

    apply: Callable[[UpdateArgs], None]
    state: tuple[str, ...] = ()  #: "step" is a scalar; all others have the parameter's shape


class ParamGroup:
    """Parameters with an update rule, its state, weight decay and share of the learning rate."""

    def __init__(
        self, rule: UpdateRule, params: list[Tensor], decay: float = 0.0, share: float = 1.0
    ) -> None:
        self.params = params
        self._rule, self._decay, self._share = rule, decay, share
        self._state = {param: [_init_state(name, param) for name in rule.state] for param in params}

    def split(self, shares: Mapping[Tensor, float]) -> list[ParamGroup]:
        """Return a group for each share of the learning rate among the parameters; 1 is usual."""
        if not shares:
            return [self]
        parts = dict[float, list[Tensor]]()
        for param in self.params:
            parts.setdefault(shares.get(param, 1.0), []).append(param)
        return [
            ParamGroup(self._rule, params, self._decay, self._share * share)
            for share, params in parts.items()
        ]

    def update(self, learning_rate: float) -> None:
        """Update every parameter that has a gradient, at this group's share of the rate."""
        params: list[Tensor] = [param for param in self.params if param.grad is not None]
        if params:
            grads = [
                _match_strides(param.grad, param) for param in params if param.grad is not None
            ]
            kept = tuple(zip(*(self._state[param] for param in params), strict=True))
            state = tuple(list(tensors) for tensors in kept)
            rate = learning_rate * self._share
            self._rule.apply(UpdateArgs(params, grads, state, rate, self._decay))

    def state(self, param: Tensor) -> dict[str, Tensor]:
        """Return the state tensors of a parameter by name."""
        return dict(zip(self._rule.state, self._state[param], strict=True))


def _match_strides(gradient: Tensor, param: Tensor) -> Tensor:
    """Give the gradient its parameter's strides, as torch's fused rules require.

    `backward()` already does so, `torch.autograd.grad` does not.
    """
    if gradient.stride() == param.stride():
        return gradient
    return torch.empty_like(param).copy_(gradient)


def _init_state(name: str, param: Tensor) -> Tensor:
    return torch.zeros((), device=param.device) if name == "step" else torch.zeros_like(param)


def _sgd(change: UpdateArgs, *, momentum: float, nesterov: bool) -> None:
    momenta: list[Tensor | None] = [*change.state[0]] if momentum else [None] * len(change.params)
    sgd(
        change.params, change.grads, momenta,
        lr=change.learning_rate, weight_decay=change.weight_decay, momentum=momentum, dampening=0.0,
        nesterov=nesterov, maximize=False, fused=True,
    )  # fmt: skip


def _adagrad(change: UpdateArgs, *, eps: float) -> None:
    sums, steps = change.state
    adagrad(
        change.params, change.grads, sums, steps,
        lr=change.learning_rate, weight_decay=change.weight_decay, lr_decay=0.0, eps=eps,
        maximize=False, foreach=True,
    )  # fmt: skip


def _rmsprop(change: UpdateArgs, *, momentum: float, eps: float) -> None:
    squares, steps, *momenta = change.state
    rmsprop(
        change.params, change.grads, squares, [], momenta[0] if momenta else [], steps,
        lr=change.learning_rate, weight_decay=change.weight_decay, alpha=0.99, eps=eps,
        momentum=momentum, centered=False, foreach=True,
    )  # fmt: skip


def _adam(change: UpdateArgs, *, betas: tuple[float, float], eps: float, decoupled: bool) -> None:
    means, squares, steps = change.state
    adam(
        change.params, change.grads, means, squares, [], steps,
        lr=change.learning_rate, weight_decay=change.weight_decay, beta1=betas[0], beta2=betas[1],
        eps=eps, amsgrad=False, maximize=False, decoupled_weight_decay=decoupled, fused=True,
    )  # fmt: skip


def sgd_rule(momentum: float = 0.0, *, nesterov: bool = False) -> UpdateRule:
    """SGD: Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586.

    Momentum: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5. Nesterov: Sutskever et al.
    2013, section 2, https://proceedings.mlr.press/v28/sutskever13.html.
    """
    kept = ("momentum",) if momentum else ()
    return UpdateRule(partial(_sgd, momentum=momentum, nesterov=nesterov), kept)


def adagrad_rule(eps: float) -> UpdateRule:
    """Adagrad: Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html."""
    return UpdateRule(partial(_adagrad, eps=eps), ("sum", "step"))


def rmsprop_rule(momentum: float, eps: float) -> UpdateRule:
    """RMSprop: Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""
    kept = ("square", "step", *(("momentum",) if momentum else ()))
    return UpdateRule(partial(_rmsprop, momentum=momentum, eps=eps), kept)


def adam_rule(betas: tuple[float, float], eps: float, *, decoupled: bool = False) -> UpdateRule:
    """Adam: Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980.

    Decoupled (AdamW): Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101.
    """
    rule = partial(_adam, betas=betas, eps=eps, decoupled=decoupled)
    return UpdateRule(rule, ("mean", "square", "step"))
