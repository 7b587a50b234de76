"""Construction of networks on the meta device, for shapes and names only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

_DRAWS = {
    Tensor.uniform_, Tensor.normal_, Tensor.erfinv_, Tensor.bernoulli_, Tensor.random_,
    Tensor.exponential_, Tensor.log_normal_, Tensor.cauchy_, Tensor.geometric_,
    init.uniform_, init.normal_, init.trunc_normal_, init.kaiming_uniform_, init.kaiming_normal_,
    init.xavier_uniform_, init.xavier_normal_, init.orthogonal_, init.sparse_,
}  # fmt: skip


class _Undrawn(TorchFunctionMode):
    """Skip random initialization of tensors."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else named["tensor"]
        return func(*args, **named)


@contextlib.contextmanager
def meta_init() -> Generator[None]:
    """Build networks on the meta device: they take no memory and compute nothing.

    Random initialization is skipped: on that device it would load half of torch, which takes
    seconds.
    """
    with torch.device("meta"), _Undrawn():
        yield
