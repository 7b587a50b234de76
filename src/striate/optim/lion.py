"""Lion: the sign of a momentum, so that every weight moves by the rate.

Chen et al. 2023: Symbolic Discovery of Optimization Algorithms, algorithm 2,
https://arxiv.org/abs/2302.06675.
"""

from __future__ import annotations

from functools import partial

from striate.optim.part import Change, Rule


def _lion(change: Change, *, betas: tuple[float, float]) -> None:
    fade_step, fade_momentum = betas
    for param, grad, momentum in zip(change.params, change.grads, *change.state, strict=True):
        towards = (fade_step * momentum + (1 - fade_step) * grad).sign()
        param.sub_(change.learning_rate * (towards + change.decay * param))
        momentum.mul_(fade_momentum).add_(grad, alpha=1 - fade_momentum)


def lion_rule(betas: tuple[float, float]) -> Rule:
    """The rule of every weight."""
    return Rule(partial(_lion, betas=betas), ("momentum",))
