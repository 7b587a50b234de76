"""Receptive-field rules of torch's operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from torch import Tensor

from striate.arithmetic.receptive_field import Axis
from striate.summary import index_ops
from striate.summary.index_ops import Rule, See, each, main, several
from striate.summary.receptive_field import ReceptiveField, join, slide_windows


def elementwise(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Elementwise operations, with broadcasting."""
    sights = [
        (sight, tensor.shape)
        for value in values.values()
        for tensor in (value if isinstance(value, Sequence) else (value,))
        if isinstance(tensor, Tensor) and (sight := see(tensor))
    ]
    return join(sights, output.shape)


def _convolution(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    dims = values["weight"].ndim - 2
    kernel = values["weight"].shape[2:]
    stride, padding, dilation = (
        each(values[name], dims) for name in ("stride", "padding", "dilation")
    )
    method = Axis.transpose if values["transposed"] else Axis.slide

    def step(axis: Axis, at: int) -> Axis:
        return method(axis, kernel[at], stride[at], padding[at], dilation[at])

    return None if see(values["weight"]) else slide_windows(main(values, see), output, dims, step)


def _pool(dims: int) -> Rule:
    def rule(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
        kernel = each(values["kernel_size"], dims)
        stride = each(values["stride"] or kernel, dims)
        padding = each(values["padding"], dims)
        dilation = each(values.get("dilation", 1), dims)

        def step(axis: Axis, at: int) -> Axis:
            return axis.slide(kernel[at], stride[at], padding[at], dilation[at])

        return slide_windows(main(values, see), output, dims, step)

    return rule


def _adaptive(dims: int) -> Rule:
    def rule(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
        sides = values["self"].shape[-dims:]

        def step(axis: Axis, at: int) -> Axis:
            before, after = sides[at], output.shape[at - dims]
            ends = (
                (unit * before // after, -(-(unit + 1) * before // after)) for unit in range(after)
            )
            widest = max(end - start for start, end in ends)
            ratio = Fraction(before, after)
            center = axis.start + (ratio - 1) / 2 * axis.jump
            return Axis(axis.size + (widest - 1) * axis.jump, axis.jump * ratio, center)

        return slide_windows(main(values, see), output, dims, step)

    return rule


def _resized(dims: int, taps: int) -> Rule:
    def rule(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
        sides = values["self"].shape[-dims:]

        def step(axis: Axis, at: int) -> Axis:
            before, after = sides[at], output.shape[at - dims]
            return axis if before == after else axis.resize(Fraction(before, after), taps)

        return slide_windows(main(values, see), output, dims, step)

    return rule


def _shuffled(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    factor = values["upscale_factor"]
    return slide_windows(
        main(values, see), output, 2, lambda axis, _: axis.resize(Fraction(1, factor), 1)
    )


def _gathered(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    factor = values["downscale_factor"]
    return slide_windows(main(values, see), output, 2, lambda axis, _: axis.slide(factor, factor))


def _reduced(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Means, sums and maxima over dimensions, with or without keepdim."""
    source: Tensor = values["self"]
    asked = values.get("dim")
    asked = range(source.ndim) if asked in (None, []) else several(asked)
    dims = {dim % source.ndim for dim in asked}
    found = main(values, see).reduce(dims)
    if output.ndim == source.ndim:
        return found
    kept = [dim for dim in range(source.ndim) if dim not in dims]
    return found.permute(lambda dim: kept.index(dim) if dim in kept else None)


def _along(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Softmax and similar: each element depends on all along a dimension."""
    sight, dim = main(values, see), values["dim"] % output.ndim
    return _remembering(sight, sight.reduce([dim]))


def _normalized(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Norms over the last dimensions of one sample: channels and positions."""
    sight = main(values, see)
    last = len(values["normalized_shape"]) if "normalized_shape" in values else output.ndim - 1
    return _remembering(sight, sight.reduce(range(output.ndim - last, output.ndim)))


def _batch_norm(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Batch norm: pointwise with running statistics, global with batch statistics."""
    sight = main(values, see)
    if not values.get("training") and values.get("running_mean") is not None:
        return sight
    return _remembering(sight, sight.reduce(range(output.ndim)))


def _remembering(before: ReceptiveField, after: ReceptiveField) -> ReceptiveField:
    """Return the axes of a reduction with the counts and locations before it."""
    return ReceptiveField(after.axes, before.counts, before.locations)


def _product(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Matrix product: axes in the rows of one and the columns of the other are kept.

    If both depend on the image, as in attention, every element sees the whole image.
    """
    left, right = (
        next(values[name] for name in names if name in values)
        for names in (("mat1", "batch1", "self"), ("mat2", "batch2"))
    )
    one, two = see(left), see(right)
    if one and two:
        both = [(one.reduce(range(left.ndim)), ()), (two.reduce(range(right.ndim)), ())]
        return join(both, output.shape)
    return one.reduce([left.ndim - 1]) if one else two and two.reduce([right.ndim - 2])


#: rules of matrix products
MULTIPLYING: dict[str, Rule] = {
    "convolution": _convolution,
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm"), _product),
}
#: rules of operations without matrix products, besides those torch tags pointwise
FREE: dict[str, Rule] = {
    **{f"max_pool{dims}d_with_indices": _pool(dims) for dims in (2, 3)},
    **{f"avg_pool{dims}d": _pool(dims) for dims in (1, 2, 3)},
    **{f"_adaptive_avg_pool{dims}d": _adaptive(dims) for dims in (2, 3)},
    **{f"adaptive_max_pool{dims}d": _adaptive(dims) for dims in (2, 3)},
    **{f"upsample_nearest{dims}d": _resized(dims, 1) for dims in (1, 2, 3)},
    **{f"_upsample_nearest_exact{dims}d": _resized(dims, 1) for dims in (1, 2, 3)},
    "upsample_linear1d": _resized(1, 2),
    "upsample_bilinear2d": _resized(2, 2),
    "upsample_trilinear3d": _resized(3, 2),
    "upsample_bicubic2d": _resized(2, 4),
    "pixel_shuffle": _shuffled,
    "pixel_unshuffle": _gathered,
    "channel_shuffle": elementwise,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "var", "var_mean"), _reduced),
    **dict.fromkeys(("logsumexp", "prod", "norm", "linalg_vector_norm", "argmax"), _reduced),
    **dict.fromkeys(("std", "std_mean", "argmin", "any", "all"), _reduced),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax", "cumsum"), _along),
    **dict.fromkeys(("native_layer_norm", "native_group_norm"), _normalized),
    "_fused_rms_norm": _normalized,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training"), _batch_norm),
    **dict.fromkeys(("_native_batch_norm_legit", "_batch_norm_with_update"), _batch_norm),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "squeeze", "unsqueeze"), index_ops.view),
    "_reshape_alias": index_ops.view,
    "permute": index_ops.permuted,
    **dict.fromkeys(("transpose", "t"), index_ops.transposed),
    "slice": index_ops.sliced,
    "select": index_ops.selected,
    "cat": index_ops.joined_in_a_row,
    "stack": index_ops.stacked,
    **dict.fromkeys(("split", "split_with_sizes", "unsafe_split", "unbind"), index_ops.parted),
    **dict.fromkeys(("constant_pad_nd", "reflection_pad1d", "reflection_pad2d"), index_ops.padded),
    **dict.fromkeys(("replication_pad1d", "replication_pad2d"), index_ops.padded),
    "unfold": index_ops.unfolded,
    "im2col": index_ops.columns,
    **dict.fromkeys(("clone", "copy", "expand", "contiguous", "detach", "alias"), elementwise),
    **dict.fromkeys(("_to_copy", "lift_fresh", "dropout", "where", "masked_fill"), elementwise),
    **dict.fromkeys(("hardtanh", "leaky_relu", "prelu", "_prelu_kernel", "celu"), elementwise),
    "hardswish": elementwise,
    **dict.fromkeys(("roll", "flip"), index_ops.turned),
    **dict.fromkeys(("index", "index_select", "index_put", "gather", "take"), index_ops.elsewhere),
    **dict.fromkeys(("as_strided", "col2im", "scatter", "sort", "topk"), index_ops.elsewhere),
    "grid_sampler_2d": index_ops.elsewhere,
    **dict.fromkeys(("_embedding_bag", "_embedding_bag_forward_only"), index_ops.elsewhere),
}
#: operations that use only shape and dtype of a tensor
CREATING = frozenset(
    name for what in ("zeros", "ones", "empty", "full") for name in (f"new_{what}", f"{what}_like")
)
