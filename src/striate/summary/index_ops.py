"""Receptive-field rules of operations that move, pad, slice or unfold values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from striate.arithmetic import span
from striate.summary.receptive_field import AxisLocation, ReceptiveField, join, reshape

See = Callable[
    [Tensor], ReceptiveField | None
]  #: receptive field of a tensor; None: independent of the image
Rule = Callable[[Mapping[str, Any], Tensor, See], ReceptiveField | None]
#: (arguments by name, output, see) -> the output's receptive field; None: unknown


def main(values: Mapping[str, Any], see: See) -> ReceptiveField:
    sight = see(next(iter(values.values())))
    assert sight is not None
    return sight


def several(value: int | Sequence[int]) -> Sequence[int]:
    return [value] if isinstance(value, int) else value


def each(value: int | Sequence[int], dims: int) -> Sequence[int]:
    values = several(value)
    return list(values) * dims if len(values) == 1 else values


def view(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    return reshape(main(values, see), values["self"].shape, output.shape)


def permuted(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    order = [dim % output.ndim for dim in values["dims"]]
    return main(values, see).permute(order.index)


def transposed(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    one, two = (values.get(name, at) % output.ndim for at, name in enumerate(("dim0", "dim1")))
    swap = {one: two, two: one}
    return main(values, see).permute(lambda dim: swap.get(dim, dim))


def sliced(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    sight, dim = main(values, see), values["dim"] % output.ndim
    length = values["self"].shape[dim]
    start, _, step = slice(values["start"], values["end"], values["step"]).indices(length)
    for number, place in enumerate(sight.locations):
        if place.dim == dim:
            axis = sight.axes[number].shift(start, step)
            sight = sight.replace_axis(number, axis, output.shape[dim], place)
    return sight


def selected(values: Mapping[str, Any], _output: Tensor, see: See) -> ReceptiveField:
    sight, dim = main(values, see), values["dim"] % values["self"].ndim
    index = values["index"] % values["self"].shape[dim]
    for number, place in enumerate(sight.locations):
        if place.dim == dim:
            chosen = sight.axes[number].shift(index).merge(1)
            sight = sight.replace_axis(number, chosen, 1, AxisLocation(None))
    return sight.permute(lambda other: other - (other > dim))


def joined_in_a_row(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Concatenation along a dimension that is not an image axis."""
    dim, tensors = values.get("dim", 0) % output.ndim, values["tensors"]
    sights = [(sight, tensor.shape) for tensor in tensors if (sight := see(tensor))]
    if any(place.dim == dim for sight, _ in sights for place in sight.locations):
        return None
    return join(sights, output.shape)


def stacked(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Stack: tensors of one shape along a new dimension."""
    dim, tensors = values.get("dim", 0) % output.ndim, values["tensors"]
    shape = [side for at, side in enumerate(output.shape) if at != dim]
    found = join([(sight, x.shape) for x in tensors if (sight := see(x))], shape)
    return found and found.permute(lambda other: other + (other >= dim))


def parted(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Split or unbind along a dimension that is not an image axis."""
    sight, dim = main(values, see), values["dim"] % values["self"].ndim
    if any(place.dim == dim for place in sight.locations):
        return None
    if output.ndim == values["self"].ndim:
        return sight
    return sight.permute(lambda other: other - (other > dim))


def turned(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField | None:
    """Flip or roll along dimensions that are not image axes."""
    sight = main(values, see)
    dims = {dim % output.ndim for dim in several(values["dims"]) or range(output.ndim)}
    return None if any(place.dim in dims for place in sight.locations) else sight


def elsewhere(_values: Mapping[str, Any], _output: Tensor, _see: See) -> None:
    """Indexing, sorting or sampling at arbitrary positions: the receptive field is unknown."""


def padded(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Padding; `padding` begins with the last dimension."""
    sight, padding = main(values, see), values.get("pad", values.get("padding"))
    for number, place in enumerate(sight.locations):
        at = 2 * (output.ndim - 1 - place.dim) if place.dim is not None else len(padding)
        if at < len(padding) and place.dim is not None:
            axis = sight.axes[number].shift(-padding[at])
            sight = sight.replace_axis(number, axis, output.shape[place.dim], place)
    return sight


def unfolded(values: Mapping[str, Any], output: Tensor, see: See) -> ReceptiveField:
    """Unfold: windows along one dimension; their content becomes the last dimension."""
    sight, dim = main(values, see), values["dimension"] % values["self"].ndim
    for number, place in enumerate(sight.locations):
        if place.dim == dim:
            axis = sight.axes[number].slide(values["size"], values["step"])
            sight = sight.replace_axis(number, axis, output.shape[dim], place)
    return sight


def columns(values: Mapping[str, Any], _output: Tensor, see: See) -> ReceptiveField | None:
    """im2col: windows of (N, C, H, W) as columns (N, C * window, positions)."""
    sight = main(values, see)
    if [place.dim for place in sight.locations] != [2, 3]:
        return None
    axes = [
        axis.slide(*(each(values[name], 2)[at] for name in _WINDOW))
        for at, axis in enumerate(sight.axes)
    ]
    padded = (
        side + 2 * each(values["padding"], 2)[at]
        for at, side in enumerate(values["self"].shape[2:])
    )
    rows, columns = (
        (side - span(each(values["kernel_size"], 2)[at], each(values["dilation"], 2)[at]))
        // each(values["stride"], 2)[at]
        + 1
        for at, side in enumerate(padded)
    )
    return ReceptiveField(tuple(axes), (rows, columns), (AxisLocation(2, columns), AxisLocation(2)))


_WINDOW = ("kernel_size", "stride", "padding", "dilation")
