"""Weights of resampling as nodes: how much each pixel of an axis counts for each of the result.

They are those of Pillow (libImaging/Resample.c), in whole numbers of `BITS` bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from striate.deployment.graph import Graph

BITS = 22  #: of a weight: 32 less 8 of a byte and 2 to spare


class Placement(NamedTuple):
    """Along one axis: which part of an image lies where in the input; float64 (1,) each."""

    low: str  #: begin of the part in pixels of the image
    high: str  #: its end
    inner: str  #: its length in pixels of the input
    place: str  #: where it begins there
    length: str  #: of the image


def add_linear(graph: Graph, placed: Placement, pixels: str, columns: int) -> str:
    """Add the weights of linear resampling with antialiasing: (L, columns) int32.

    `pixels` are int32 (L, columns): those of a column, and others, which do not count for it.

    A weight is the share of two whole numbers: it is estimated as float32 and put right by the
    remainder, which is exact modulo 2**32. So it is right too where there are 32 bits alone, as in
    OpenVINO, which also compares and divides large whole numbers as float32.
    """
    zero, one, two = (whole(graph, each) for each in (0, 1, 2))
    part = graph.cast(graph.add("Sub", placed.high, placed.low), np.int32)
    twice = graph.cast(graph.add("Add", placed.low, placed.low), np.int32)
    inner = graph.cast(placed.inner, np.int32)
    numbers = graph.constant(np.arange(columns, dtype=np.int32))
    at = graph.add("Sub", numbers, graph.cast(placed.place, np.int32))
    shown = graph.add("And", graph.add("GreaterOrEqual", at, zero), graph.add("Less", at, inner))
    middles = graph.add("Add", graph.add("Mul", pixels, two), one)
    middles = graph.add("Mul", graph.add("Sub", middles, twice), inner)
    wanted = graph.add("Mul", graph.add("Add", graph.add("Mul", at, two), one), part)
    away = graph.add("Sub", middles, wanted)  # in halves of 1 / inner of a pixel
    away = graph.add("Max", away, graph.add("Neg", away))
    reach = graph.add("Mul", graph.add("Max", part, inner), two)
    rated = graph.add("Max", graph.add("Sub", reach, away), zero)
    rated = graph.add("Where", shown, rated, zero)
    total = graph.add("ReduceSum", rated, graph.constant([0]), keepdims=1)
    return _divide(graph, rated, graph.add("Max", total, one))


def _divide(graph: Graph, rated: str, total: str) -> str:
    """Add the shares of whole numbers in their total, of 2**BITS, rounded to the nearest."""
    zero = whole(graph, 0)
    share = graph.add("Div", graph.cast(rated, np.float32), graph.cast(total, np.float32))
    found = graph.add("Round", graph.add("Mul", share, graph.constant(1 << BITS, np.float32)))
    found = graph.cast(found, np.int32)
    scaled = graph.add("Mul", rated, whole(graph, 1 << BITS))
    missing = graph.add("Sub", scaled, graph.add("Mul", found, total))
    missing = graph.add("Add", missing, missing)
    for halves in (1, 3):  # the estimate is off by two at most
        most = graph.add("Mul", total, whole(graph, halves))
        more = graph.add("GreaterOrEqual", graph.add("Sub", missing, most), zero)
        fewer = graph.add("Less", graph.add("Add", missing, most), zero)
        found = graph.add("Add", found, graph.cast(more, np.int32))
        found = graph.add("Sub", found, graph.cast(fewer, np.int32))
    return found


def add_cubic(graph: Graph, placed: Placement, pixels: str, columns: int) -> str:
    """Add those of cubic resampling: (L, columns) int32, by the operations of Pillow in float64."""
    zero, one, half, two = (_number(graph, each) for each in (0.0, 1.0, 0.5, 2.0))
    numbers = graph.constant(np.arange(columns, dtype=np.float64))
    at = graph.add("Sub", numbers, placed.place)
    shown = graph.add(
        "And", graph.add("GreaterOrEqual", at, zero), graph.add("Less", at, placed.inner)
    )
    scale = graph.add("Div", graph.add("Sub", placed.high, placed.low), placed.inner)
    stretch = graph.add("Max", scale, one)
    reach = graph.add("Mul", stretch, two)
    center = graph.add("Add", placed.low, graph.add("Mul", graph.add("Add", at, half), scale))
    first = graph.add("Floor", graph.add("Add", graph.add("Sub", center, reach), half))
    end = graph.add("Floor", graph.add("Add", graph.add("Add", center, reach), half))
    pixels = graph.cast(pixels, np.float64)
    inside = graph.add(
        "And", graph.add("GreaterOrEqual", pixels, first), graph.add("Less", pixels, end)
    )
    apart = graph.add("Add", graph.add("Sub", pixels, center), half)
    apart = graph.add("Abs", graph.add("Mul", apart, graph.add("Div", one, stretch)))
    rated = graph.add("Where", graph.add("And", inside, shown), _convolve(graph, apart), zero)
    total = graph.add("ReduceSum", rated, graph.constant([0]), keepdims=1)
    total = graph.add("Where", shown, total, one)
    exact = graph.add("Mul", graph.add("Div", rated, total), _number(graph, 1 << BITS))
    up, down = graph.add("Add", exact, half), graph.add("Sub", exact, half)
    negative = graph.add("Less", exact, zero)
    rounded = graph.add("Where", negative, graph.add("Ceil", down), graph.add("Floor", up))
    return graph.cast(rounded, np.int32)


def _convolve(graph: Graph, apart: str) -> str:
    """Add the cubic convolution with a of -0.5, in the order of operations of Pillow."""
    a = -0.5

    def chained(*factors: float) -> str:
        value = _number(graph, factors[0])
        for factor in factors[1:]:
            value = graph.add("Add", graph.add("Mul", value, apart), _number(graph, factor))
        return value

    near = chained(a + 2.0, -(a + 3.0), 0.0, 1.0)
    far = graph.add("Mul", chained(1.0, -5.0, 8.0, -4.0), _number(graph, a))
    beyond = graph.add("GreaterOrEqual", apart, _number(graph, 2.0))
    far = graph.add("Where", beyond, _number(graph, 0.0), far)
    return graph.add("Where", graph.add("Less", apart, _number(graph, 1.0)), near, far)


def whole(graph: Graph, value: int) -> str:
    """Add a whole number, int32."""
    return graph.constant(value, np.int32)


def _number(graph: Graph, value: Any) -> str:
    return graph.constant(float(value), np.float64)
