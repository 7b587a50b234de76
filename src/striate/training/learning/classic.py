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

from striate.training.learning.part import Change, Rule


def _sgd(change: Change, *, momentum: float = 0.0, nesterov: bool = False) -> None:
    momenta: list[Tensor | None] = [*change.state[0]] if momentum else [None] * len(change.params)
    sgd(
        change.params, change.grads, momenta,
        lr=change.learning_rate, weight_decay=change.decay, momentum=momentum, dampening=0.0,
        nesterov=nesterov, maximize=False, fused=True,
    )  # fmt: skip


def _adagrad(change: Change) -> None:
    sums, steps = change.state
    adagrad(
        change.params, change.grads, sums, steps,
        lr=change.learning_rate, weight_decay=change.decay, lr_decay=0.0, eps=1e-10,
        maximize=False, foreach=True,
    )  # fmt: skip


def _rmsprop(change: Change) -> None:
    squares, steps = change.state
    rmsprop(
        change.params, change.grads, squares, [], [], steps,
        lr=change.learning_rate, weight_decay=change.decay, alpha=0.99, eps=1e-8, momentum=0.0,
        centered=False, foreach=True,
    )  # fmt: skip


def _adam(change: Change, *, decoupled: bool) -> None:
    means, squares, steps = change.state
    adam(
        change.params, change.grads, means, squares, [], steps,
        lr=change.learning_rate, weight_decay=change.decay, beta1=0.9, beta2=0.999, eps=1e-8,
        amsgrad=False, maximize=False, decoupled_weight_decay=decoupled, fused=True,
    )  # fmt: skip


#: Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586
SGD = Rule(_sgd)
#: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5
MOMENTUM = Rule(partial(_sgd, momentum=0.9), ("momentum",))
#: Sutskever et al. 2013, section 2, https://proceedings.mlr.press/v28/sutskever13.html
NESTEROV = Rule(partial(_sgd, momentum=0.9, nesterov=True), ("momentum",))
#: Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html
ADAGRAD = Rule(_adagrad, ("sum", "step"))
#: Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning
RMSPROP = Rule(_rmsprop, ("square", "step"))
#: Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980
ADAM = Rule(partial(_adam, decoupled=False), ("mean", "square", "step"))
#: Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101
ADAMW = Rule(partial(_adam, decoupled=True), ("mean", "square", "step"))
