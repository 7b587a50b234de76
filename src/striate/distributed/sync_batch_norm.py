"""Synchronized batch norm on the CPU: statistics over the global batch.

The gradient of Ioffe and Szegedy 2015, section 3, https://arxiv.org/abs/1502.03167, with sums
all-reduced over the ranks. PyTorch's own SyncBatchNorm is faster but GPU-only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.distributed import collectives
from striate.errors import OptionError

_BATCH_NORMS = nn.modules.batchnorm._BatchNorm  # noqa: SLF001  # pyright: ignore


def convert_batch_norms(network: nn.Module, name: str) -> nn.Module:
    """Replace BatchNorm layers by synchronized ones. Raises OptionError for custom norms."""
    on_cpu = next(network.parameters()).device.type == "cpu"
    norms = [module for module in network.modules() if isinstance(module, _BATCH_NORMS)]
    for module in norms:
        if type(module) is not nn.BatchNorm2d or not _usual(module):
            raise OptionError(
                f"{name} has norms of its own kind ({type(module).__name__}), which cannot be "
                "synchronized; use --batch-norm local"
            )
        if on_cpu:
            module.__class__ = SyncBatchNorm  # same parameters, another forward
    return network if on_cpu else nn.SyncBatchNorm.convert_sync_batchnorm(network)


def _usual(norm: nn.BatchNorm2d) -> bool:
    return norm.affine and norm.track_running_stats and norm.momentum is not None


class SyncBatchNorm(nn.BatchNorm2d):
    """(N, C, H, W) -> (N, C, H, W); N may differ between ranks and may be 0."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if not self.training:
            return super().forward(input)
        mean, variance, count = _moments(input.detach())
        mean, variance = mean.to(self.weight), variance.to(self.weight)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return _Normalized.apply(input, self.weight, self.bias, mean, variance, count, self.eps)  # pyright: ignore


def _moments(values: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return the global mean and variance (C,) in float64, and the number of values per channel."""
    dims, size = (0, 2, 3), values.numel() // values.shape[1]
    if size:
        variance, mean = (each.double() for each in torch.var_mean(values, dims, correction=0))
    else:
        mean = variance = torch.zeros(values.shape[1], dtype=torch.float64)
    own = torch.cat([mean * size, (variance + mean**2) * size, mean.new_tensor([size])])
    sums = collectives.all_reduce_(own)
    count = float(sums[-1])
    mean, squares = (sums[:-1] / count).chunk(2)
    variance = (squares - mean**2).clamp_min(0)
    return mean, variance, count


class _Normalized(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor,
        count: float, eps: float,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(values, weight, mean, variance)
        ctx.count, ctx.eps = count, eps
        return F.batch_norm(values, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, mean, variance = ctx.saved_tensors
        if len(values):
            gradient, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
                given[0], values, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
            )
        else:  # PyTorch 2.13 crashes on an empty batch
            gradient, of_weight, of_bias = map(torch.zeros_like, (values, weight, weight))
        # that treats mean and variance as constants; add their gradient, summed over all ranks
        by_weight, by_bias = collectives.all_reduce_(torch.stack([of_weight, of_bias])) / ctx.count
        inverse = (variance + ctx.eps).rsqrt()
        factor = -weight * inverse * inverse * by_weight
        offset = -weight * inverse * by_bias - factor * mean
        factor, offset = factor[:, None, None], offset[:, None, None]
        gradient = gradient.addcmul(values, factor.to(values)).add_(offset)
        return gradient, of_weight, of_bias, None, None, None, None
