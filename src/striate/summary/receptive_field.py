"""Receptive fields of tensors, propagated through torch's operations.

A `ReceptiveField` belongs to a tensor: for each image axis, the pixels that its units see, and the
location of the axis in the tensor. Axes are tracked through views, even when several are flattened
into one dimension.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from torch import Tensor

from striate.arithmetic.receptive_field import Axis, union

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AxisLocation:
    """Location of an image axis: units `inner` elements apart in `dim`; None: in no dimension."""

    dim: int | None
    inner: int = 1


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Receptive field of a tensor's elements: for each image axis, its `Axis` and location."""

    axes: tuple[Axis, ...]
    counts: tuple[int, ...]  #: units along each image axis
    locations: tuple[AxisLocation, ...]

    def replace_axis(
        self, number: int, axis: Axis, count: int, place: AxisLocation
    ) -> ReceptiveField:
        return ReceptiveField(
            _put(self.axes, number, axis),
            _put(self.counts, number, count),
            _put(self.locations, number, place),
        )

    def reduce(self, dims: Iterable[int]) -> ReceptiveField:
        """Merge all units along these dimensions into one; the dimensions remain."""
        found, gone = self, set(dims)
        for number, place in enumerate(self.locations):
            if place.dim in gone:
                merged = self.axes[number].merge(self.counts[number])
                found = found.replace_axis(number, merged, 1, AxisLocation(None))
        return found

    def permute(self, dim_of: Callable[[int], int | None]) -> ReceptiveField:
        """Renumber dimensions; the location of a removed dimension becomes None."""
        places = tuple(
            place if place.dim is None else replace(place, dim=dim_of(place.dim))
            for place in self.locations
        )
        return replace(self, locations=places)


def full_view(shape: Sequence[int], axes: int) -> ReceptiveField:
    """Return the receptive field of the image itself, whose last `axes` dimensions are its axes."""
    first = len(shape) - axes
    return ReceptiveField(
        (Axis(),) * axes,
        tuple(shape[first:]),
        tuple(AxisLocation(first + number) for number in range(axes)),
    )


def slide_windows(
    sight: ReceptiveField, output: Tensor, dims: int, step: Callable[[Axis, int], Axis]
) -> ReceptiveField:
    """Apply a sliding window along the last `dims` dimensions; `step(axis, which)` maps an axis."""
    first = output.ndim - dims
    found = sight
    for number, place in enumerate(sight.locations):
        if place.dim is None or place.dim < first:
            continue
        which = place.dim - first
        count = output.shape[place.dim]
        found = found.replace_axis(number, step(sight.axes[number], which), count, place)
    return found


def join(
    sights: Sequence[tuple[ReceptiveField, Sequence[int]]], shape: Sequence[int]
) -> ReceptiveField | None:
    """Return the receptive field of an elementwise result of broadcast tensors."""
    aligned = [(s.permute(_shift(len(shape) - len(own))), own) for s, own in sights]
    axes, counts, places = list[Axis](), list[int](), list[AxisLocation]()
    for number in range(len(aligned[0][0].axes)):
        here = {s.locations[number] for s, _ in aligned if s.locations[number].dim is not None}
        here = {place for place in here if place.dim is not None and shape[place.dim] > 1} or here
        if len(here) > 1:
            return None
        place = here.pop() if here else AxisLocation(None)
        count = max(s.counts[number] for s, _ in aligned) if place.dim is not None else 1
        seen = [_spread(s, number, count) for s, _ in aligned]
        axes.append(union(seen, count))
        counts.append(count)
        places.append(place)
    return ReceptiveField(tuple(axes), tuple(counts), tuple(places))


def reshape(sight: ReceptiveField, old: Sequence[int], new: Sequence[int]) -> ReceptiveField | None:
    """Return the receptive field after a reshape; None if an axis is not kept."""
    before, after = _strides(old), _strides(new)
    places = list[AxisLocation]()
    for count, place in zip(sight.counts, sight.locations, strict=True):
        if place.dim is None or count == 1:
            places.append(AxisLocation(None))
            continue
        apart = before[place.dim] * place.inner
        fits = (
            AxisLocation(dim, apart // after[dim])
            for dim, size in enumerate(new)
            if apart % after[dim] == 0 and after[dim] <= apart
            if apart * count <= after[dim] * size
        )
        if (found := next(fits, None)) is None:
            return None
        places.append(found)
    axes = (
        axis if place.dim is not None or old_place.dim is None else _fixed(axis)
        for axis, place, old_place in zip(sight.axes, places, sight.locations, strict=True)
    )
    return ReceptiveField(tuple(axes), sight.counts, tuple(places))


def _fixed(axis: Axis) -> Axis:
    """Return the axis of a single unit: every repetition sees the same pixels."""
    return replace(axis, jump=Fraction(0))


def _spread(sight: ReceptiveField, number: int, count: int) -> Axis:
    axis = sight.axes[number]
    return axis if sight.counts[number] == count else _fixed(axis)


def _shift(by: int) -> Callable[[int], int]:
    return lambda dim: dim + by


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[dim + 1 :]) for dim in range(len(shape))]


def _put(values: tuple[_T, ...], number: int, value: _T) -> tuple[_T, ...]:
    return (*values[:number], value, *values[number + 1 :])
