"""Update rules with layerwise or sign-based steps: LAMB, LARS and Lion.

LAMB takes Adam's direction, scaled to the norm of the layer's weights. You et al. 2020: Large Batch
Optimization for Deep Learning: Training BERT in 76 minutes, algorithm 2,
https://arxiv.org/abs/1904.00962, with the identity as scaling function. As in the authors' code,
biases and norm scales take plain Adam steps. Their epsilon is Adam's 1e-8, where timm uses LAMB's
1e-6 for all; timm also clips the global gradient norm at 1, which here needs `--clip-grad`.

LARS is SGD with momentum whose step is proportional to the norm of the layer's weights. You, Gitman
and Ginsburg 2017: Large Batch Training of Convolutional Networks, algorithm 1,
https://arxiv.org/abs/1708.03888. Unlike the paper, the rate follows the chosen schedule, and biases
and norm scales take momentum steps at `TRUST` times the rate: those initialized to zero would
otherwise stay there. As in the paper, the learning rate multiplies the gradient before the momentum
buffer; timm and PyTorch multiply the buffer by the current rate, which is the same until the rate
changes.

Lion takes the sign of a momentum, so every weight moves by the learning rate. Chen et al. 2023:
Symbolic Discovery of Optimization Algorithms, algorithm 2, https://arxiv.org/abs/2302.06675.
"""

from __future__ import annotations

from functools import partial

import torch

from striate.optim.rules import UpdateArgs, UpdateRule

TRUST = 0.001  #: eta in the LARS paper


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
        known = ratio.isfinite() & (ratio > 0)  # not if all weights or gradients are 0
        param.sub_(change.learning_rate * torch.where(known, ratio, 1.0) * toward)


def lamb_rule(betas: tuple[float, float], eps: float) -> UpdateRule:
    """Return the LAMB rule, for kernels and matrices."""
    return UpdateRule(partial(_lamb, betas=betas, eps=eps), ("mean", "square", "step"))


def _lars(change: UpdateArgs, *, momentum: float) -> None:
    for param, grad, step in zip(change.params, change.grads, *change.state, strict=True):
        length, slope = param.norm(), grad.norm()
        ratio = TRUST * length / (slope + change.weight_decay * length)
        known = ratio.isfinite() & (ratio > 0)  # not if all weights or gradients are 0
        local = torch.where(known, ratio, TRUST)
        toward = grad + change.weight_decay * param
        step.mul_(momentum).add_(change.learning_rate * local * toward)
        param.sub_(step)


def lars_rule(momentum: float) -> UpdateRule:
    """Return the LARS rule, for kernels and matrices."""
    return UpdateRule(partial(_lars, momentum=momentum), ("momentum",))


def _lion(change: UpdateArgs, *, betas: tuple[float, float]) -> None:
    fade_step, fade_momentum = betas
    for param, grad, momentum in zip(change.params, change.grads, *change.state, strict=True):
        toward = (fade_step * momentum + (1 - fade_step) * grad).sign()
        param.sub_(change.learning_rate * (toward + change.weight_decay * param))
        momentum.mul_(fade_momentum).add_(grad, alpha=1 - fade_momentum)


def lion_rule(betas: tuple[float, float]) -> UpdateRule:
    """Return the Lion rule, for all weights."""
    return UpdateRule(partial(_lion, betas=betas), ("momentum",))
