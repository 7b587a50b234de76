"""Update rules that scale a layer's update, or take its sign alone: LAMB, LARS and Lion.

LAMB: Adam's direction, as long as the weights of its layer.

You et al. 2020: Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, algorithm
2, https://arxiv.org/abs/1904.00962, with the identity as its scaling function. As in the authors'
program, biases and scales take the step of Adam: their length says nothing. The epsilon of
that step is Adam's 1e-8 and not LAMB's 1e-6, which timm has for all; and timm clips the common norm
of the gradients at 1, where here `--clip-grad` is asked for.

LARS: momentum, where a layer's step is a share of the length of its weights.

You, Gitman and Ginsburg 2017: Large Batch Training of Convolutional Networks, algorithm 1,
https://arxiv.org/abs/1708.03888. Not as in the paper: the rate falls as the schedule has it, and
biases and scales take momentum at `TRUST` times the rate, as the length of those that begin at zero
would hold them there. As in the paper the rate stands inside the momentum, so that a step keeps the
rate it was taken at; timm and PyTorch multiply the whole momentum by the rate of the moment, which
is the same until the rate changes.

Lion: the sign of a momentum, so that every weight moves by the rate.

Chen et al. 2023: Symbolic Discovery of Optimization Algorithms, algorithm 2,
https://arxiv.org/abs/2302.06675.
"""

from __future__ import annotations

from functools import partial

import torch

from striate.optim.rules import UpdateArgs, UpdateRule


def _lamb(change: UpdateArgs, *, betas: tuple[float, float], eps: float) -> None:
    fade, fade_square = betas
    for param, grad, mean, square, step in zip(
        change.params, change.grads, *change.state, strict=True
    ):
        step += 1
        mean.mul_(fade).add_(grad, alpha=1 - fade)
        square.mul_(fade_square).addcmul_(grad, grad, value=1 - fade_square)
        unbiased, std = mean / (1 - fade**step), (square / (1 - fade_square**step)).sqrt()
        toward = unbiased / (std + eps) + change.weight_decay * param
        ratio = param.norm() / toward.norm()
        known = ratio.isfinite() & (ratio > 0)  # not so where all weights, or all gradients, are 0
        param.sub_(change.learning_rate * torch.where(known, ratio, 1.0) * toward)


def lamb_rule(betas: tuple[float, float], eps: float) -> UpdateRule:
    """The rule of kernels and matrices."""
    return UpdateRule(partial(_lamb, betas=betas, eps=eps), ("mean", "square", "step"))


TRUST = 0.001  #: the paper's eta


def _lars(change: UpdateArgs, *, momentum: float) -> None:
    for param, grad, step in zip(change.params, change.grads, *change.state, strict=True):
        length, slope = param.norm(), grad.norm()
        ratio = TRUST * length / (slope + change.weight_decay * length)
        known = ratio.isfinite() & (ratio > 0)  # not so where all weights, or all gradients, are 0
        local = torch.where(known, ratio, TRUST)
        toward = grad + change.weight_decay * param
        step.mul_(momentum).add_(change.learning_rate * local * toward)
        param.sub_(step)


def lars_rule(momentum: float) -> UpdateRule:
    """The rule of kernels and matrices."""
    return UpdateRule(partial(_lars, momentum=momentum), ("momentum",))


def _lion(change: UpdateArgs, *, betas: tuple[float, float]) -> None:
    fade_step, fade_momentum = betas
    for param, grad, momentum in zip(change.params, change.grads, *change.state, strict=True):
        toward = (fade_step * momentum + (1 - fade_step) * grad).sign()
        param.sub_(change.learning_rate * (toward + change.weight_decay * param))
        momentum.mul_(fade_momentum).add_(grad, alpha=1 - fade_momentum)


def lion_rule(betas: tuple[float, float]) -> UpdateRule:
    """The rule of every weight."""
    return UpdateRule(partial(_lion, betas=betas), ("momentum",))
