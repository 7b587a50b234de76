"""LAMB: Adam's direction, as long as the weights of its layer.

You et al. 2020: Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, algorithm
2, https://arxiv.org/abs/1904.00962, with the identity as its scaling function. As in the authors'
program, biases and scales take the step of Adam: their length says nothing. The epsilon of
that step is Adam's 1e-8 and not LAMB's 1e-6, which timm has for all; and timm clips the common norm
of the gradients at 1, where here `--clip` is asked for.
"""

from __future__ import annotations

import torch

from striate.training.learning.part import Change, Rule

_FADE, _FADE_SQUARE, _EPSILON = 0.9, 0.999, 1e-6


def _lamb(change: Change) -> None:
    for param, grad, mean, square, step in zip(
        change.params, change.grads, *change.state, strict=True
    ):
        step += 1
        mean.mul_(_FADE).add_(grad, alpha=1 - _FADE)
        square.mul_(_FADE_SQUARE).addcmul_(grad, grad, value=1 - _FADE_SQUARE)
        unbiased, deviation = mean / (1 - _FADE**step), (square / (1 - _FADE_SQUARE**step)).sqrt()
        towards = unbiased / (deviation + _EPSILON) + change.decay * param
        ratio = param.norm() / towards.norm()
        known = ratio.isfinite() & (ratio > 0)  # not so where all weights, or all gradients, are 0
        param.sub_(change.learning_rate * torch.where(known, ratio, 1.0) * towards)


LAMB = Rule(_lamb, ("mean", "square", "step"))
