"""LARS: momentum, where a layer's step is a share of the length of its weights.

You, Gitman and Ginsburg 2017: Large Batch Training of Convolutional Networks, algorithm 1,
https://arxiv.org/abs/1708.03888. Not as in the paper: the rate falls as the schedule has it, and
biases and scales take momentum at `TRUST` times the rate, as the length of those that begin at zero
would hold them there. As in the paper the rate stands inside the momentum, so that a step keeps the
rate it was taken at; timm and PyTorch multiply the whole momentum by the rate of the moment, which
is the same until the rate changes.
"""

from __future__ import annotations

from functools import partial

import torch

from striate.optim.part import Change, Rule

TRUST = 0.001  #: the paper's eta


def _lars(change: Change, *, momentum: float) -> None:
    for param, grad, step in zip(change.params, change.grads, *change.state, strict=True):
        length, slope = param.norm(), grad.norm()
        ratio = TRUST * length / (slope + change.decay * length)
        known = ratio.isfinite() & (ratio > 0)  # not so where all weights, or all gradients, are 0
        local = torch.where(known, ratio, TRUST)
        towards = grad + change.decay * param
        step.mul_(momentum).add_(change.learning_rate * local * towards)
        param.sub_(step)


def lars_rule(momentum: float) -> Rule:
    """The rule of kernels and matrices."""
    return Rule(partial(_lars, momentum=momentum), ("momentum",))
