"""`striate size`: output size and cost of a window along one axis, a layer or a chain of layers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

from striate.arithmetic.volumes import LayerSize, Volumes
from striate.arithmetic.windows import Size, checked, window
from striate.errors import OptionError, printable, unknown
from striate.text import MISWRITTEN, parse_arguments

_LONGEST = 200  # most characters of a layer's text
_EXAMPLE = 'as in "conv(96, 11, stride=4)" "pool(3, stride=2)" "dense(10)"'

_USUAL = (None, 1, True, False)  # defaults of filters, groups, bias, pool

Sides = int | Sequence[int]  #: for all axes, or for each
Padding = int | Literal["same", "valid"] | Sequence[int | Literal["same", "valid"]]  #: the same


@overload
def size(
    input: int,
    kernel: int,
    stride: int | None = None,
    padding: int | Literal["same", "valid"] = 0,
    dilation: int = 1,
    *,
    transposed: bool = False,
) -> Size: ...


@overload
def size(
    input: str | Sequence[int],
    kernel: Sides | None = None,
    stride: Sides | None = None,
    padding: Padding = 0,
    dilation: Sides = 1,
    *,
    transposed: bool = False,
    filters: int | None = None,
    groups: int = 1,
    bias: bool = True,
    pool: bool = False,
    layers: Sequence[str] = (),
) -> Volumes: ...


def size(
    input: int | str | Sequence[int],  # noqa: A002
    kernel: Sides | None = None,
    stride: Sides | None = None,
    padding: Padding = 0,
    dilation: Sides = 1,
    *,
    transposed: bool = False,
    filters: int | None = None,
    groups: int = 1,
    bias: bool = True,
    pool: bool = False,
    layers: Sequence[str] = (),
) -> Size | Volumes:
    """Compute output size and cost of a window, a layer or a chain of layers.

    An integer input and kernel give the output size along one axis. An input (height, width) or
    (height, width, channels), or "227x227x3", gives a convolution with `filters` (default one), or
    a pooling with `pool`; kernel, stride, padding and dilation may have a value for each axis.
    `layers` replaces these by a chain of conv(filters, kernel, stride, padding, dilation, groups,
    bias=True, transposed=False), pool(kernel, stride, padding, dilation), whose stride defaults to
    its kernel, and dense(units, bias=True). "same" padding keeps the size at stride 1, "valid" is
    no padding. Raises OptionError when a window does not fit, and for invalid numbers.

    >>> size(227, 11, stride=4)
    55 = (227 - 11 + 2 * 0) / 4 + 1
    >>> size("227x227x3", 11, stride=4, filters=96).params
    34944
    """
    whole = filters, groups, bias, pool
    if layers:
        given = kernel, stride, padding, dilation, transposed, whole
        if given != (None, None, 0, 1, False, _USUAL):
            raise OptionError(f"a chain has its numbers in its layers, {_EXAMPLE}; drop the others")
        return _chain(_volume(input), [_read(layer) for layer in layers])
    if kernel is None:
        raise OptionError(f"size takes a kernel, or layers, {_EXAMPLE}; neither came")
    axis = not isinstance(input, str | Sequence) and not isinstance(kernel, Sequence)
    if axis and whole == _USUAL:
        step = 1 if stride is None else stride
        return window(input, kernel, step, padding, dilation, transposed=transposed)
    steps = {} if stride is None else {"stride": stride}
    steps |= {"padding": padding, "dilation": dilation}
    return _chain(_volume(input), [_single(kernel, steps, *whole, transposed=transposed)])


_Layer = tuple[str, str, Sequence[Any], dict[str, Any]]  # text, kind, args, kwargs


def _single(
    kernel: Sides,
    steps: dict[str, Any],
    filters: int | None,
    groups: int,
    bias: bool,  # noqa: FBT001
    pool: bool,  # noqa: FBT001
    *,
    transposed: bool,
) -> _Layer:
    """Return the single layer given by keyword arguments."""
    if pool:
        if (filters, groups, transposed, bias) != (None, 1, False, True):
            raise OptionError("a pooling has no filters, groups, bias or transposed form")
        return _spelled("pool", (kernel,), steps), "pool", (kernel,), steps
    numbers = (1 if filters is None else filters, kernel)
    named = {**steps, "groups": groups, "bias": bias, "transposed": transposed}
    return _spelled("conv", numbers, named), "conv", numbers, named


def _chain(volume: tuple[int, ...], layers: Sequence[_Layer]) -> Volumes:
    found, current = list[LayerSize](), volume
    for at, (spelled, name, numbers, named) in enumerate(layers, 1):
        try:
            layer = _LAYERS[name](current, *numbers, **named)
        except OptionError as error:
            place = f"layer {at}, {spelled}: " if len(layers) > 1 else ""
            raise OptionError(f"{place}{error}") from error
        found.append(replace(layer, layer=spelled))
        current = layer.output
    return Volumes(volume, tuple(found))


def _read(text: str) -> _Layer:
    """Parse a layer's text without evaluating it."""
    spelled = printable(text.strip(), _LONGEST)
    name, bracket, rest = text.strip().partition("(")
    name = name.strip()
    if name not in _LAYERS:
        raise unknown("layer", name, _LAYERS)
    signature = inspect.signature(_LAYERS[name])
    try:
        numbers, named = parse_arguments(bracket and rest, _LONGEST)
        signature.bind((), *numbers, **named)
    except MISWRITTEN as error:
        _, *takes = signature.parameters.values()
        shown = ", ".join(str(one).partition(":")[0] + _default(one) for one in takes)
        raise OptionError(f"{name} takes ({shown}), but {spelled} came") from error
    return spelled, name, numbers, named


def _default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is parameter.empty else f"={parameter.default!r}"


def _spelled(name: str, numbers: Sequence[Any], named: dict[str, Any]) -> str:
    usual = inspect.signature(_LAYERS[name]).parameters
    told = [f"{key}={value!r}" for key, value in named.items() if value != usual[key].default]
    return f"{name}({', '.join([*map(repr, numbers), *told])})"


def _volume(given: int | str | Sequence[int]) -> tuple[int, ...]:
    """Parse (length, channels) or (height, width, channels); channels default to one."""
    told = [given] if isinstance(given, int) else given
    if isinstance(told, str):
        told = [int(side) if side.isdecimal() else side for side in told.lower().split("x")]
    if not 1 <= len(told) <= 3:
        raise OptionError(
            "input must be a length, height x width, or height x width x channels, but "
            f"{given} came"
        )
    sides = [checked("input", side, least=1) for side in told]
    return (*sides, 1) if len(sides) < 3 else tuple(sides)


def _windows(
    volume: tuple[int, ...], kernel: Sides, stride: Sides, padding: Padding, dilation: Sides,
    *, transposed: bool = False,
) -> tuple[Size, ...]:  # fmt: skip
    """Return the window along each axis of a volume."""
    sides = volume[:-1]
    if not sides:
        raise OptionError("a window needs an image, but dense layers have none; put it before them")
    along = [
        _each(name, given, len(sides))
        for name, given in (("kernel", kernel), ("stride", stride), ("padding", padding),
                            ("dilation", dilation))
    ]  # fmt: skip
    return tuple(
        window(side, *numbers, transposed=transposed)
        for side, *numbers in zip(sides, *along, strict=True)
    )


def _each(name: str, given: Any, axes: int) -> Sequence[Any]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        return [given] * axes
    if len(given) != axes:
        shown = "x".join(map(str, given))
        raise OptionError(f"{name} needs one number, or {axes} for {axes} axes, but {shown} came")
    return given


def _conv(
    volume: tuple[int, ...],
    filters: int,
    kernel: Sides,
    stride: Sides = 1,
    padding: Padding = 0,
    dilation: Sides = 1,
    groups: int = 1,
    *,
    bias: bool = True,
    transposed: bool = False,
) -> LayerSize:
    axes = _windows(volume, kernel, stride, padding, dilation, transposed=transposed)
    channels = volume[-1]
    for name, number in (("filters", filters), ("groups", groups)):
        checked(name, number, least=1)
    if channels % groups or filters % groups:
        raise OptionError(
            f"groups must divide the channels and the filters, but {channels} channels and "
            f"{filters} filters came for {groups} groups"
        )
    output = (*(axis.output for axis in axes), filters)
    weights = math.prod(axis.kernel for axis in axes) * (channels // groups) * filters
    positions = math.prod((volume if transposed else output)[:-1])
    return LayerSize("", output, axes, weights, filters * bool(bias), positions * weights)


def _pool(
    volume: tuple[int, ...],
    kernel: Sides,
    stride: Sides | None = None,
    padding: Padding = 0,
    dilation: Sides = 1,
) -> LayerSize:
    axes = _windows(volume, kernel, kernel if stride is None else stride, padding, dilation)
    return LayerSize("", (*(axis.output for axis in axes), volume[-1]), axes, 0, 0, 0)


def _dense(volume: tuple[int, ...], units: int, *, bias: bool = True) -> LayerSize:
    weights = math.prod(volume) * checked("units", units, least=1)
    return LayerSize("", (units,), (), weights, units * bool(bias), weights)


_LAYERS: dict[str, Callable[..., LayerSize]] = {"conv": _conv, "pool": _pool, "dense": _dense}
