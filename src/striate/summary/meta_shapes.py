"""Output shapes of the operations of convolutional networks, on the meta device.

torch's own meta kernels would load its compiler, which takes seconds, and their errors for an image
that is too small do not say what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from striate.arithmetic import output_size, transposed_size
from striate.errors import OptionError
from striate.summary.index_ops import each, several


def infer_shape(func: Any, values: Mapping[str, Any]) -> Any:
    """Return an operation's output on the meta device; None: left to torch.

    Raises OptionError for arguments that do not match.
    """
    first = next(iter(values.values()), None)
    first = first[0] if isinstance(first, list | tuple) and first else first
    if not isinstance(first, Tensor) or not first.is_meta or not first.is_floating_point():
        return None
    if func in _SHAPES:
        return _SHAPES[func](values)
    if torch.Tag.pointwise in func.tags and len(func._schema.returns) == 1:  # noqa: SLF001
        return _elementwise(func, values)
    return None


def named_arguments(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation's arguments by name, including defaults."""
    values = {argument.name: argument.default_value for argument in func._schema.arguments}  # noqa: SLF001
    return values | dict(zip(values, args, strict=False)) | dict(kwargs)


def _elementwise(func: Any, values: Mapping[str, Any]) -> Tensor | None:
    tensors = [value for value in values.values() if isinstance(value, Tensor)]
    first = tensors[0]
    name = func.overloadpacket.__name__
    if "out" in values or any(x.dtype != first.dtype for x in tensors) or name in _OF_OTHER_TYPE:
        return None
    if name.endswith("_"):
        return first
    try:
        return first.new_empty(np.broadcast_shapes(*(x.shape for x in tensors)))
    except ValueError as error:
        shapes = " and ".join("x".join(map(str, x.shape[1:])) for x in tensors)
        raise OptionError(f"volumes of {shapes} cannot be joined by {name}") from error


def _convolution(values: Mapping[str, Any]) -> Tensor:
    x, weight, dims = values["input"], values["weight"], values["weight"].ndim - 2
    stride, padding, dilation, extra = (
        each(values[name], dims) for name in ("stride", "padding", "dilation", "output_padding")
    )
    inputs = weight.shape[0] if values["transposed"] else weight.shape[1] * values["groups"]
    if x.ndim != weight.ndim or x.shape[1] != inputs:
        raise OptionError(f"it takes {inputs} channels, but {x.shape[1]} came")
    sides = list[int]()
    for at, (size, kernel) in enumerate(zip(x.shape[2:], weight.shape[2:], strict=True)):
        steps = stride[at], padding[at], dilation[at]
        if values["transposed"]:
            sides.append(transposed_size(size, kernel, *steps, extra=extra[at]))
        else:
            sides.append(output_size(size, kernel, *steps))
    outputs = weight.shape[1] * values["groups"] if values["transposed"] else weight.shape[0]
    return x.new_empty((x.shape[0], outputs, *sides))


def _pool(values: Mapping[str, Any], dims: int = 2) -> Tensor:
    x, ceil = values["self"], bool(values["ceil_mode"])
    kernel = each(values["kernel_size"], dims)
    stride = each(values["stride"] or kernel, dims)
    padding, dilation = each(values["padding"], dims), each(values.get("dilation", 1), dims)
    sides = (
        output_size(
            x.shape[at - dims], kernel[at], stride[at], padding[at], dilation[at], ceil=ceil
        )
        for at in range(dims)
    )  # fmt: skip
    return x.new_empty((*x.shape[:-dims], *sides))


def _max_pool(values: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    output = _pool(values)
    return output, output.new_empty(output.shape, dtype=torch.int64)


def _batch_norm(values: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    x: Tensor = values["input"]
    saved = (x.shape[1] if values["training"] else 0,)
    return x.new_empty(x.shape), x.new_empty(saved), x.new_empty(saved)


def _joined_in_a_row(values: Mapping[str, Any]) -> Tensor | None:
    first, *others = values["tensors"]
    dim = values["dim"] % first.ndim
    rest = [(*x.shape[:dim], *x.shape[dim + 1 :]) for x in (first, *others)]
    if len(set(rest)) > 1 or any(x.dtype != first.dtype for x in others):
        return None
    sides = list(first.shape)
    sides[dim] += sum(x.shape[dim] for x in others)
    return first.new_empty(sides)


def _to_size(values: Mapping[str, Any]) -> Tensor:
    x: Tensor = values["self"]
    return x.new_empty((*x.shape[:-2], *values["output_size"]))


def _as_it_came(values: Mapping[str, Any]) -> Tensor:
    x: Tensor = values["self"]
    return x.new_empty(x.shape)


def _reduced(values: Mapping[str, Any]) -> Tensor | None:
    x: Tensor = values["self"]
    if values["dim"] is None or values["dtype"] is not None:
        return None
    gone = {dim % x.ndim for dim in several(values["dim"])}
    sides = [1 if dim in gone else side for dim, side in enumerate(x.shape)]
    if not values["keepdim"]:
        sides = [side for dim, side in enumerate(x.shape) if dim not in gone]
    return x.new_empty(sides)


def _product(values: Mapping[str, Any]) -> Tensor | None:
    left, right = values.get("mat1", values["self"]), values["mat2"]
    if left.ndim != right.ndim:
        return None
    if left.shape[-1] != right.shape[-2]:
        raise OptionError(f"it takes {right.shape[-2]:,} features, but {left.shape[-1]:,} came")
    return left.new_empty((*left.shape[:-1], right.shape[-1]))


_SHAPES = {
    torch.ops.aten.mm.default: _product,
    torch.ops.aten.addmm.default: _product,
    torch.ops.aten.bmm.default: _product,
    torch.ops.aten.convolution.default: _convolution,
    torch.ops.aten.avg_pool2d.default: _pool,
    torch.ops.aten.avg_pool3d.default: partial(_pool, dims=3),
    torch.ops.aten.max_pool2d_with_indices.default: _max_pool,
    torch.ops.aten.native_batch_norm.default: _batch_norm,
    torch.ops.aten.cat.default: _joined_in_a_row,
    torch.ops.aten.mean.dim: _reduced,
    torch.ops.aten.sum.dim_IntList: _reduced,
    torch.ops.aten._adaptive_avg_pool2d.default: _to_size,  # noqa: SLF001
    torch.ops.aten.upsample_nearest2d.default: _to_size,
    torch.ops.aten.hardswish.default: _as_it_came,
    torch.ops.aten.masked_scatter.default: _as_it_came,
}
#: elementwise operations whose output dtype differs from their input's
_OF_OTHER_TYPE = frozenset(
    {"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "signbit", "_to_copy"}
    | {"float_power", "isposinf", "isneginf"}
    | {"logical_and", "logical_or", "logical_xor", "logical_not"}
)
