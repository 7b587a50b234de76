"""Parameter groups and the classic update rules: SGD, momentum, Adagrad, RMSprop, Adam and AdamW.

The rules that torch has, through its functions.

Its classes are not used because making one loads the compiler, a second of every training.
"""

from __future__ import annotations

from collections.abc import Callable
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
    """One step of a rule: its lists have an entry for every weight that has a gradient."""

    params: list[Tensor]
    grads: list[Tensor]
    state: tuple[list[Tensor], ...]  #: a list for each name in `Rule.state`
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """How weights are changed in place, and the names of what is kept for each of them."""

    apply: Callable[[UpdateArgs], None]
    state: tuple[str, ...] = ()  #: "step" is a number, all others have the shape of the weight


class ParamGroup:
    """Some weights of a network with the rule that changes them and what it keeps."""

    def __init__(
        self, rule: UpdateRule, params: list[Tensor], decay: float = 0.0, share: float = 1.0
    ) -> None:
        self.params = params
        self._rule, self._decay, self._share = rule, decay, share
        self._state = {param: [_init_state(name, param) for name in rule.state] for param in params}

    def update_args(self, learning_rate: float) -> None:
        """Change every weight that has a gradient, at this part's share of the rate."""
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
        """What is kept for a weight, by name."""
        return dict(zip(self._rule.state, self._state[param], strict=True))


def _match_strides(gradient: Tensor, param: Tensor) -> Tensor:
    """The gradient with its numbers where those of the weight lie: torch's fused rules count on it.

    A backward pass sees to it, but not what gives gradients without storing them.
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
        lr=change.learning_rate, weight_decay=change.weight_decay, alpha=0.99, eps=eps, momentum=momentum,
        centered=False, foreach=True,
    )  # fmt: skip


def _adam(change: UpdateArgs, *, betas: tuple[float, float], eps: float, decoupled: bool) -> None:
    means, squares, steps = change.state
    adam(
        change.params, change.grads, means, squares, [], steps,
        lr=change.learning_rate, weight_decay=change.weight_decay, beta1=betas[0], beta2=betas[1],
        eps=eps, amsgrad=False, maximize=False, decoupled_weight_decay=decoupled, fused=True,
    )  # fmt: skip


def sgd_rule(momentum: float = 0.0, *, nesterov: bool = False) -> UpdateRule:
    """Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586.

    With momentum Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5; a step ahead Sutskever
    et al. 2013, section 2, https://proceedings.mlr.press/v28/sutskever13.html.
    """
    kept = ("momentum",) if momentum else ()
    return UpdateRule(partial(_sgd, momentum=momentum, nesterov=nesterov), kept)


def adagrad_rule(eps: float) -> UpdateRule:
    """Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html."""
    return UpdateRule(partial(_adagrad, eps=eps), ("sum", "step"))


def rmsprop_rule(momentum: float, eps: float) -> UpdateRule:
    """Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""
    kept = ("square", "step", *(("momentum",) if momentum else ()))
    return UpdateRule(partial(_rmsprop, momentum=momentum, eps=eps), kept)


def adam_rule(betas: tuple[float, float], eps: float, *, decoupled: bool = False) -> UpdateRule:
    """Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980.

    With decay decoupled Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101.
    """
    rule = partial(_adam, betas=betas, eps=eps, decoupled=decoupled)
    return UpdateRule(rule, ("mean", "square", "step"))
