"""Muon: momentum whose matrices are made orthogonal, so that no direction is favored.

Jordan et al. 2024: Muon: An optimizer for hidden layers in neural networks, "Definition" and
"Design choices", https://kellerjordan.github.io/posts/muon/; decay as in Liu et al. 2025, section
2.2, https://arxiv.org/abs/2502.16982. It is for hidden layers: convolutions as matrices with a row
for each output; the first and the last layer, biases and scales take AdamW.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import torch
from torch import Tensor

from striate.optim.rules import UpdateArgs, UpdateRule

_EPSILON, _STEPS = 1e-7, 5
_A, _B, _C = 3.4445, -4.7750, 2.0315


def _muon(change: UpdateArgs, *, momentum: float) -> None:
    alike: defaultdict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    for param, grad, mean in zip(change.params, change.grads, *change.state, strict=True):
        mean.lerp_(grad, 1 - momentum)
        ahead = grad.lerp(mean, momentum)  # as Nesterov looks ahead
        matrix = ahead.reshape(len(ahead), -1)
        alike[matrix.shape].append((param, matrix))
    for (rows, columns), those in alike.items():
        params, matrices = zip(*those, strict=True)
        tall = max(1.0, rows / columns) ** 0.5
        for param, toward in zip(params, orthogonalize(torch.stack(matrices)), strict=True):
            param.mul_(1 - change.learning_rate * change.weight_decay)
            param.add_(toward.reshape(param.shape), alpha=-change.learning_rate * tall)


def orthogonalize(matrices: Tensor) -> Tensor:
    """(N, rows, columns) -> the same directions, all singular values between about 0.7 and 1.2.

    Five steps of a Newton-Schulz iteration. On a GPU in bfloat16, as the author has it; a CPU
    without matrix tiles is slower in it than in float32.
    """
    wide = matrices.shape[1] <= matrices.shape[2]
    found = matrices.bfloat16() if matrices.is_cuda else matrices
    found = found if wide else found.mT
    found = found / (found.norm(dim=(1, 2), keepdim=True) + _EPSILON)
    for _ in range(_STEPS):
        gram = found @ found.mT
        gram = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        found = torch.baddbmm(found, gram, found, beta=_A)
    return (found if wide else found.mT).to(matrices.dtype)


def muon_rule(momentum: float) -> UpdateRule:
    """The rule of hidden kernels and matrices."""
    return UpdateRule(partial(_muon, momentum=momentum), ("momentum",))
