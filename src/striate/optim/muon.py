"""Muon: SGD with momentum, its update matrices orthogonalized.

Jordan et al. 2024: Muon: An optimizer for hidden layers in neural networks, "Definition" and
"Design choices", https://kellerjordan.github.io/posts/muon/; decay as in Liu et al. 2025, section
2.2, https://arxiv.org/abs/2502.16982. Applies to hidden layers, with convolution kernels flattened
to a row per output channel; the first and last layer, biases and norm scales use AdamW.
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
        ahead = grad.lerp(mean, momentum)  # Nesterov momentum
        matrix = ahead.reshape(len(ahead), -1)
        alike[matrix.shape].append((param, matrix))
    for (rows, columns), those in alike.items():
        params, matrices = zip(*those, strict=True)
        tall = max(1.0, rows / columns) ** 0.5
        for param, toward in zip(params, orthogonalize(torch.stack(matrices)), strict=True):
            param.mul_(1 - change.learning_rate * change.weight_decay)
            param.add_(toward.reshape(param.shape), alpha=-change.learning_rate * tall)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Set all singular values of (N, rows, columns) matrices to about 0.7 to 1.2.

    Five Newton-Schulz iterations. In bfloat16 on a GPU, as in the author's code; in float32 on a
    CPU, where bfloat16 is slower without AMX.
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
    """Return the Muon rule, for hidden kernels and matrices."""
    return UpdateRule(partial(_muon, momentum=momentum), ("momentum",))
