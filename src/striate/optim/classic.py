"""The rules that torch has, through its functions.

Its classes are not used because making one loads the compiler, a second of every training.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from striate.optim.part import Change, Rule


def _sgd(change: Change, *, momentum: float, nesterov: bool) -> None:
    momenta: list[Tensor | None] = [*change.state[0]] if momentum else [None] * len(change.params)
    sgd(
        change.params, change.grads, momenta,
        lr=change.learning_rate, weight_decay=change.decay, momentum=momentum, dampening=0.0,
        nesterov=nesterov, maximize=False, fused=True,
    )  # fmt: skip


def _adagrad(change: Change, *, eps: float) -> None:
    sums, steps = change.state
    adagrad(
        change.params, change.grads, sums, steps,
        lr=change.learning_rate, weight_decay=change.decay, lr_decay=0.0, eps=eps,
        maximize=False, foreach=True,
    )  # fmt: skip


def _rmsprop(change: Change, *, momentum: float, eps: float) -> None:
    squares, steps, *momenta = change.state
    rmsprop(
        change.params, change.grads, squares, [], momenta[0] if momenta else [], steps,
        lr=change.learning_rate, weight_decay=change.decay, alpha=0.99, eps=eps, momentum=momentum,
        centered=False, foreach=True,
    )  # fmt: skip


def _adam(change: Change, *, betas: tuple[float, float], eps: float, decoupled: bool) -> None:
    means, squares, steps = change.state
    adam(
        change.params, change.grads, means, squares, [], steps,
        lr=change.learning_rate, weight_decay=change.decay, beta1=betas[0], beta2=betas[1],
        eps=eps, amsgrad=False, maximize=False, decoupled_weight_decay=decoupled, fused=True,
    )  # fmt: skip


def sgd_rule(momentum: float = 0.0, *, nesterov: bool = False) -> Rule:
    """Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586.

    With momentum Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5; a step ahead Sutskever
    et al. 2013, section 2, https://proceedings.mlr.press/v28/sutskever13.html.
    """
    kept = ("momentum",) if momentum else ()
    return Rule(partial(_sgd, momentum=momentum, nesterov=nesterov), kept)


def adagrad_rule(eps: float) -> Rule:
    """Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html."""
    return Rule(partial(_adagrad, eps=eps), ("sum", "step"))


def rmsprop_rule(momentum: float, eps: float) -> Rule:
    """Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""
    kept = ("square", "step", *(("momentum",) if momentum else ()))
    return Rule(partial(_rmsprop, momentum=momentum, eps=eps), kept)


def adam_rule(betas: tuple[float, float], eps: float, *, decoupled: bool = False) -> Rule:
    """Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980.

    With decay decoupled Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101.
    """
    rule = partial(_adam, betas=betas, eps=eps, decoupled=decoupled)
    return Rule(rule, ("mean", "square", "step"))
