"""Muon: momentum whose matrices are made orthogonal, so that no direction is favoured.

Jordan et al. 2024: Muon: An optimizer for hidden layers in neural networks, "Definition" and
"Design choices", https://kellerjordan.github.io/posts/muon/; decay as in Liu et al. 2025, section
2.2, https://arxiv.org/abs/2502.16982. It is for hidden layers: convolutions as matrices with a row
for each output; the first and the last layer, biases and scales take AdamW.
"""

from __future__ import annotations

from torch import Tensor

from striate.training.learning.part import Change, Rule

_MOMENTUM, _EPSILON, _STEPS = 0.95, 1e-7, 5
_A, _B, _C = 3.4445, -4.7750, 2.0315


def _muon(change: Change) -> None:
    for param, grad, momentum in zip(change.params, change.grads, *change.state, strict=True):
        momentum.lerp_(grad, 1 - _MOMENTUM)
        ahead = grad.lerp(momentum, _MOMENTUM)  # as Nesterov looks ahead
        matrix = ahead.reshape(len(ahead), -1)
        tall = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        towards = orthogonal(matrix).reshape(param.shape)
        param.mul_(1 - change.learning_rate * change.decay)
        param.add_(towards, alpha=-change.learning_rate * tall)


def orthogonal(matrix: Tensor) -> Tensor:
    """(rows, columns) -> the same directions, all singular values between about 0.7 and 1.2.

    Five steps of a Newton-Schulz iteration. On a GPU in bfloat16, as the author has it; a CPU
    without matrix tiles is slower in it than in float32.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    found = matrix.bfloat16() if matrix.is_cuda else matrix
    found = found if wide else found.T
    found = found / (found.norm() + _EPSILON)
    for _ in range(_STEPS):
        gram = found @ found.T
        found = _A * found + (_B * gram + _C * gram @ gram) @ found
    return (found if wide else found.T).to(matrix.dtype)


MUON = Rule(_muon, ("momentum",))
