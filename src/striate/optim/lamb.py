"""LAMB: Adam's direction, as long as the weights of its layer.

You et al. 2020: Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, algorithm
2, https://arxiv.org/abs/1904.00962, with the identity as its scaling function. As in the authors'
program, biases and scales take the step of Adam: their length says nothing. The epsilon of
that step is Adam's 1e-8 and not LAMB's 1e-6, which timm has for all; and timm clips the common norm
of the gradients at 1, where here `--clip` is asked for.
"""

from __future__ import annotations

from functools import partial

import torch

from striate.optim.part import Change, Rule


def _lamb(change: Change, *, betas: tuple[float, float], eps: float) -> None:
    fade, fade_square = betas
    for param, grad, mean, square, step in zip(
        change.params, change.grads, *change.state, strict=True
    ):
        step += 1
        mean.mul_(fade).add_(grad, alpha=1 - fade)
        square.mul_(fade_square).addcmul_(grad, grad, value=1 - fade_square)
        unbiased, deviation = mean / (1 - fade**step), (square / (1 - fade_square**step)).sqrt()
        towards = unbiased / (deviation + eps) + change.decay * param
        ratio = param.norm() / towards.norm()
        known = ratio.isfinite() & (ratio > 0)  # not so where all weights, or all gradients, are 0
        param.sub_(change.learning_rate * torch.where(known, ratio, 1.0) * towards)


def lamb_rule(betas: tuple[float, float], eps: float) -> Rule:
    """The rule of kernels and matrices."""
    return Rule(partial(_lamb, betas=betas, eps=eps), ("mean", "square", "step"))
