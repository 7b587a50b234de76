"""Output shapes of the operations that training adds to a forward pass, on the meta device.

As in `striate.summary.meta_shapes`: torch's own meta kernels would load its compiler or SymPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Values = Mapping[str, Any]  #: an operation's arguments by name


def infer_training_shape(func: Any, values: Values) -> Any:
    """Return an operation's output on the meta device; None if it is not covered here."""
    first = next(iter(values.values()), None)
    name: str = func.overloadpacket.__name__
    if not isinstance(first, Tensor) or not first.is_meta or "out" in values:
        return None
    return _SHAPES[name](values) if name in _SHAPES else None


def _like(name: str) -> Callable[[Values], Tensor]:
    """Output with shape and dtype of an argument."""
    return lambda values: values[name].new_empty(values[name].shape)


def _sized(name: str) -> Callable[[Values], Tensor]:
    """Output with the shape given by an argument."""
    return lambda values: next(iter(values.values())).new_empty(values[name])


def _filled(values: Values) -> Tensor:
    x: Tensor = values["self"]
    return x.new_empty(x.shape, dtype=values["dtype"] or x.dtype)


def _sum(values: Values) -> Tensor | None:
    x, dims = values["self"], values.get("dim")
    if values["dtype"] is not None:
        return None
    gone = {dim % x.ndim for dim in dims or range(x.ndim)}
    keep = values.get("keepdim")
    return x.new_empty([1 if dim in gone else side for dim, side in enumerate(x.shape)
                        if keep or dim not in gone])  # fmt: skip


def _each_like(*names: str) -> Callable[[Values], tuple[Tensor | None, ...]]:
    """One gradient per named argument where `output_mask` is set, else None."""

    def gradients(values: Values) -> tuple[Tensor | None, ...]:
        wanted = zip(names, values["output_mask"], strict=True)
        return tuple(values[name].new_empty(values[name].shape) if asked else None
                     for name, asked in wanted)  # fmt: skip

    return gradients


def _convolution(values: Values) -> tuple[Tensor | None, ...]:
    gradient: Tensor = values["grad_output"]
    shapes = (values["input"].shape, values["weight"].shape, gradient.shape[1:2])
    wanted = zip(shapes, values["output_mask"], strict=True)
    return tuple(gradient.new_empty(shape) if asked else None for shape, asked in wanted)


def _layer_norm(values: Values) -> tuple[Tensor, Tensor, Tensor]:
    x, last = values["input"], len(values["normalized_shape"])
    return _normalized(x, (*x.shape[:-last], *[1] * last))


def _group_norm(values: Values) -> tuple[Tensor, Tensor, Tensor]:
    return _normalized(values["input"], (values["N"], values["group"]))


def _normalized(x: Tensor, statistics: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(statistics), x.new_empty(statistics)


def _resized(values: Values) -> Tensor:
    x, sides = values["self"], values["output_size"]
    return x.new_empty((*x.shape[: -len(sides)], *sides))


def _padded(values: Values) -> Tensor:
    """Padding; negative values crop, as in the backward pass of padding."""
    x, sides = values["self"], list(values["self"].shape)
    for at, (before, after) in enumerate(zip(values["pad"][::2], values["pad"][1::2], strict=True)):
        sides[-1 - at] += before + after
    return x.new_empty(sides)


def _compared(values: Values) -> Tensor:
    one, two = values["self"], values["other"]
    shape = np.broadcast_shapes(one.shape, two.shape) if isinstance(two, Tensor) else one.shape
    return one.new_empty(shape, dtype=torch.bool)


def _chosen(values: Values) -> Tensor | None:
    one, two = values.get("self"), values.get("other")
    if isinstance(one, Tensor) and isinstance(two, Tensor) and one.dtype == two.dtype:
        shapes = (values["condition"].shape, one.shape, two.shape)
        return one.new_empty(np.broadcast_shapes(*shapes))
    return None


_POOLED = ("max_pool2d_with_indices", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d")
_UPSAMPLED = ("nearest2d", "bilinear2d", "bicubic2d")

_SHAPES: dict[str, Callable[[Values], Any]] = {
    "convolution_backward": _convolution,
    "native_batch_norm_backward": _each_like("input", "weight", "weight"),
    "native_layer_norm": _layer_norm,
    "native_layer_norm_backward": _each_like("input", "weight", "bias"),
    "native_group_norm": _group_norm,
    "native_group_norm_backward": _each_like("input", "weight", "weight"),
    "_adaptive_avg_pool2d": _resized,
    **{f"{kind}_backward": _like("self") for kind in _POOLED},
    **{f"upsample_{kind}": _resized for kind in _UPSAMPLED},
    **{f"upsample_{kind}_backward": _sized("input_size") for kind in _UPSAMPLED},
    **{f"{kind}_backward": _sized("input_sizes") for kind in ("slice", "select", "unfold")},
    "constant_pad_nd": _padded,
    **dict.fromkeys(("empty_like", "zeros_like", "ones_like"), _filled),
    **dict.fromkeys(("_softmax", "_log_softmax"), _like("self")),
    **{f"{name}_backward": _like("grad_output") for name in ("hardtanh", "leaky_relu", "elu")},
    **{f"{name}_backward_data": _like("output") for name in ("_softmax", "_log_softmax")},
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _compared),
    "where": _chosen,
    "sum": _sum,
}
