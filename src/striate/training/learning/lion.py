"""Lion: the sign of a momentum, so that every weight moves by the rate.

Chen et al. 2023: Symbolic Discovery of Optimization Algorithms, algorithm 2,
https://arxiv.org/abs/2302.06675.
"""

from __future__ import annotations

from striate.training.learning.part import Change, Rule

_FADE_STEP, _FADE_MOMENTUM = 0.9, 0.99  # the paper's beta 1 and beta 2


def _lion(change: Change) -> None:
    for param, grad, momentum in zip(change.params, change.grads, *change.state, strict=True):
        towards = (_FADE_STEP * momentum + (1 - _FADE_STEP) * grad).sign()
        param.sub_(change.learning_rate * (towards + change.decay * param))
        momentum.mul_(_FADE_MOMENTUM).add_(grad, alpha=1 - _FADE_MOMENTUM)


LION = Rule(_lion, ("momentum",))
