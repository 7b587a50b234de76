"""Preprocessing as nodes: bytes of any size become what the network was trained on, bit by bit.

It is what `Preprocess.resize` does with Pillow, whose resampling (libImaging/Resample.c) is whole
numbers all the way: weights of 22 bits, a pass along the rows and one along the columns, rounded to
bytes after each. Here a pass is a product with a matrix of weights, computed from the size of the
image. ONNX multiplies bytes exactly, so weights are split into three digits of a byte each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.deployment.graph import Graph

_BITS = 22  # of a weight: 32 less 8 of a byte and 2 to spare
_DIGIT = 256
_TOP_ZERO = 128  # of the top digit, as weights may be negative
#: weights of red, green and blue in Pillow's mode L, of 65,536
_LUMINANCE = (19595, 38470, 7471)
_SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}


class Placement(NamedTuple):
    """Along one axis: which part of an image lies where in the input; float64 (1,) each."""

    low: str  #: begin of the part in pixels of the image
    high: str  #: its end
    inner: str  #: its length in pixels of the input
    place: str  #: where it begins there
    length: str  #: of the image


class Resized(NamedTuple):
    """Images as the network is given them, and how they were placed."""

    rows: str  #: (N, size, size, channels) uint8
    across: Placement
    down: Placement


def add_resizing(graph: Graph, images: str, preprocess: Preprocess) -> Resized:
    """Add the nodes from images (N, H, W, 3) uint8 of any size to what `resize` makes of them."""
    across, down = _place(graph, images, preprocess)
    colored = add_luminance(graph, images) if preprocess.channels == 1 else images
    fits = graph.add(
        "And",
        *(
            graph.add("Equal", graph.side(images, axis), graph.constant([preprocess.size]))
            for axis in (1, 2)
        ),
    )
    rows = _resample_unless(graph, fits, colored, across, down, preprocess)
    return Resized(rows, across, down)


def add_luminance(graph: Graph, images: str) -> str:
    """Add the nodes that make gray (N, H, W, 1) of color (N, H, W, 3), as Pillow does."""
    weights = np.array(_LUMINANCE, np.int64)[:, None]
    low, high = (weights % _DIGIT).astype(np.uint8), (weights // _DIGIT).astype(np.uint8)
    parts = [graph.add("MatMulInteger", images, graph.constant(part)) for part in (low, high)]
    total = graph.add("Add", _times(graph, parts[1], _DIGIT), graph.cast(parts[0], np.int64))
    return _to_bytes(graph, total, 16)


def _place(graph: Graph, images: str, preprocess: Preprocess) -> tuple[Placement, Placement]:
    """Add what `Preprocess` calls placement, along both axes."""
    wide, high = (graph.cast(graph.side(images, axis), np.float64) for axis in (2, 1))
    size, zero = graph.constant([float(preprocess.size)]), graph.constant([0.0])
    if preprocess.fit == "stretch":
        return Placement(zero, wide, size, zero, wide), Placement(zero, high, size, zero, high)
    half = graph.constant([2.0])
    if preprocess.fit == "crop":
        edge = graph.add("Min", wide, high)
        starts = [graph.add("Div", graph.add("Sub", side, edge), half) for side in (wide, high)]
        ends = [graph.add("Add", start, edge) for start in starts]
        return (
            Placement(starts[0], ends[0], size, zero, wide),
            Placement(starts[1], ends[1], size, zero, high),
        )
    scale = graph.add("Div", size, graph.add("Max", wide, high))
    placed = list[Placement]()
    for side in (wide, high):
        nearest = graph.add("Round", graph.add("Mul", side, scale))
        inner = graph.add("Max", nearest, graph.constant([1.0]))
        spare = graph.add("Div", graph.add("Sub", size, inner), half)
        placed.append(Placement(zero, side, inner, graph.add("Floor", spare), side))
    return placed[0], placed[1]


def _resample_unless(
    graph: Graph, fits: str, images: str, across: Placement, down: Placement, preprocess: Preprocess
) -> str:
    """Resample the images (N, H, W, C), unless they have the size already."""
    inner = Graph(f"{graph.prefix}resample_")
    planes = inner.add("Transpose", images, perm=(0, 3, 1, 2))
    rows = _resample(inner, planes, across, preprocess)
    columns = inner.add("Transpose", rows, perm=(0, 1, 3, 2))
    both = _resample(inner, columns, down, preprocess)
    resampled = inner.add("Transpose", both, perm=(0, 3, 2, 1))
    same = Graph(f"{graph.prefix}same_")
    return graph.branch(fits, (same, same.add("Identity", images)), (inner, resampled), np.uint8)


def _resample(graph: Graph, images: str, placed: Placement, preprocess: Preprocess) -> str:
    """Resample the last axis of bytes (N, C, H, L): (N, C, H, size)."""
    weights = _weights(graph, placed, preprocess)
    low = _digit(graph, weights, 1)
    middle = _digit(graph, weights, _DIGIT)
    top = graph.add("Floor", graph.add("Div", weights, _number(graph, _DIGIT**2)))
    top = graph.add("Add", top, _number(graph, _TOP_ZERO))
    zero = graph.constant(0, np.uint8)
    total = graph.cast(graph.add("MatMulInteger", images, graph.cast(low, np.uint8)), np.int64)
    parts = (
        (middle, (), _DIGIT),
        (top, (zero, graph.constant(_TOP_ZERO, np.uint8)), _DIGIT**2),
    )
    for digit, zeros, worth in parts:
        part = graph.add("MatMulInteger", images, graph.cast(digit, np.uint8), *zeros)
        total = graph.add("Add", total, _times(graph, part, worth))
    return _to_bytes(graph, total, _BITS)


def _weights(graph: Graph, placed: Placement, preprocess: Preprocess) -> str:
    """Add the weight of each pixel in each of the result: (L, size) float64 whole numbers."""
    one, half = _number(graph, 1.0), _number(graph, 0.5)
    support = _SUPPORT[preprocess.interpolation]
    at = graph.add(
        "Sub", graph.constant(np.arange(preprocess.size, dtype=np.float64)), placed.place
    )
    shown = graph.add("And", graph.add("GreaterOrEqual", at, _number(graph, 0.0)),
                      graph.add("Less", at, placed.inner))  # fmt: skip
    scale = graph.add("Div", graph.add("Sub", placed.high, placed.low), placed.inner)
    stretch = graph.add("Max", scale, one)
    reach = graph.add("Mul", stretch, _number(graph, support))
    center = graph.add("Add", placed.low, graph.add("Mul", graph.add("Add", at, half), scale))
    first = graph.add("Floor", graph.add("Add", graph.add("Sub", center, reach), half))
    end = graph.add("Floor", graph.add("Add", graph.add("Add", center, reach), half))
    count = graph.add("Squeeze", placed.length)
    pixels = graph.add("Range", _number(graph, 0.0), count, one)
    pixels = graph.add("Unsqueeze", pixels, graph.constant([1]))
    inside = graph.add("And", graph.add("GreaterOrEqual", pixels, first),
                       graph.add("Less", pixels, end))  # fmt: skip
    inside = graph.add("And", inside, shown)
    apart = graph.add("Add", graph.add("Sub", pixels, center), half)
    apart = graph.add("Abs", graph.add("Mul", apart, graph.add("Div", one, stretch)))
    rated = _triangle(graph, apart) if support == 1 else _cubic(graph, apart)
    rated = graph.add("Where", inside, rated, _number(graph, 0.0))
    total = graph.add("ReduceSum", rated, graph.constant([0]), keepdims=1)
    total = graph.add("Where", shown, total, one)
    exact = graph.add("Mul", graph.add("Div", rated, total), _number(graph, 1 << _BITS))
    up, down = graph.add("Add", exact, half), graph.add("Sub", exact, half)
    negative = graph.add("Less", exact, _number(graph, 0.0))
    return graph.add("Where", negative, graph.add("Ceil", down), graph.add("Floor", up))


def _triangle(graph: Graph, apart: str) -> str:
    left = graph.add("Sub", _number(graph, 1.0), apart)
    return graph.add("Max", left, _number(graph, 0.0))


def _cubic(graph: Graph, apart: str) -> str:
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


def _digit(graph: Graph, weights: str, worth: int) -> str:
    """Return one of the lower digits of whole numbers, 0 to 255."""
    shifted = graph.add("Floor", graph.add("Div", weights, _number(graph, worth)))
    above = graph.add("Floor", graph.add("Div", shifted, _number(graph, _DIGIT)))
    return graph.add("Sub", shifted, graph.add("Mul", above, _number(graph, _DIGIT)))


def _to_bytes(graph: Graph, total: str, bits: int) -> str:
    """Divide whole numbers by a power of 2, rounded to the nearest byte."""
    rounded = graph.add("Add", total, graph.constant(1 << (bits - 1), np.int64))
    divided = graph.add("Div", rounded, graph.constant(1 << bits, np.int64))
    ends = graph.constant(0, np.int64), graph.constant(255, np.int64)
    return graph.cast(graph.add("Clip", divided, *ends), np.uint8)


def _times(graph: Graph, value: str, factor: int) -> str:
    return graph.add("Mul", graph.cast(value, np.int64), graph.constant(factor, np.int64))


def _number(graph: Graph, value: Any) -> str:
    return graph.constant(float(value), np.float64)
