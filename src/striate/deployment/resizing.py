"""Preprocessing as nodes: bytes of any size become what the network was trained on, bit by bit.

It is what `Preprocess.resize` does with Pillow, whose resampling (libImaging/Resample.c) is whole
numbers all the way: weights of 22 bits, a pass along the rows and one along the columns, rounded to
bytes after each. Here a pass is products with matrices of weights, computed from the size of the
image. ONNX multiplies bytes exactly, so weights are split into three digits of a byte each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.deployment.bands import DIGIT, ZERO, count_columns, cut_bands
from striate.deployment.graph import Graph
from striate.deployment.weights import BITS, Placement, whole

#: weights of red, green and blue in Pillow's mode L, of 65,536
_LUMINANCE = (19595, 38470, 7471)


class Resized(NamedTuple):
    """Images as the network is given them, and how they were placed."""

    rows: str  #: (N, size, size, channels) uint8
    across: Placement
    down: Placement


def add_resizing(
    graph: Graph, images: str, preprocess: Preprocess, *, branching: bool = True
) -> Resized:
    """Add the nodes from images (N, H, W, 3) uint8 of any size to what `resize` makes of them.

    Images that have the size are passed on by an `If`, or else resampled too, which changes none.
    """
    across, down = _place(graph, images, preprocess)
    colored = add_luminance(graph, images) if preprocess.channels == 1 else images
    if not branching:
        return Resized(_resample_both(graph, colored, across, down, preprocess), across, down)
    size = graph.constant([preprocess.size])
    sides = [graph.add("Equal", graph.side(images, axis), size) for axis in (1, 2)]
    same, inner = (Graph(f"{graph.prefix}{name}_") for name in ("same", "resample"))
    passed = same, same.add("Identity", colored)
    resampled = inner, _resample_both(inner, colored, across, down, preprocess)
    rows = graph.branch(graph.add("And", *sides), passed, resampled, np.uint8)
    return Resized(rows, across, down)


def add_luminance(graph: Graph, images: str) -> str:
    """Add the nodes that make gray (N, H, W, 1) of color (N, H, W, 3), as Pillow does.

    Sums of 65,536ths of bytes are below 2 ** 24 of these: float32 holds each of them exactly.
    """
    weights = graph.constant(np.divide(_LUMINANCE, 1 << 16)[:, None], np.float32)
    total = graph.add("MatMul", graph.cast(images, np.float32), weights)
    rounded = graph.add("Floor", graph.add("Add", total, graph.constant(0.5, np.float32)))
    return graph.cast(rounded, np.uint8)


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


def _resample_both(
    graph: Graph, images: str, across: Placement, down: Placement, preprocess: Preprocess
) -> str:
    """Resample images (N, H, W, C) along their rows, then along their columns."""
    parts = list[str]()
    for seen, digits in cut_bands(graph, images, across, preprocess):
        planes = graph.add("Transpose", seen, perm=(0, 3, 1, 2))
        parts.append(_multiply(graph, planes, digits, (0, ZERO), axis=3))
    rows = _join(graph, parts, 3, preprocess)
    parts.clear()
    for seen, digits in cut_bands(graph, rows, down, preprocess):
        turned = graph.add("Transpose", digits, perm=(1, 0))
        parts.append(_multiply(graph, turned, seen, (ZERO, 0), axis=2))
    return graph.add("Transpose", _join(graph, parts, 2, preprocess), perm=(0, 2, 3, 1))


def _multiply(graph: Graph, one: str, other: str, zeros: tuple[int, int], axis: int) -> str:
    """Multiply bytes by digits, which lie along an axis of the product, and add these up."""
    points = (graph.constant(zero, np.uint8) for zero in zeros)
    product = graph.add("MatMulInteger", one, other, *points)
    low, middle, top = graph.add_many("Split", (product,), 3, axis=axis, num_outputs=3)
    worth = whole(graph, DIGIT)
    total = graph.add("Add", graph.add("Mul", top, worth), middle)
    return graph.add("Add", graph.add("Mul", total, worth), low)


def _join(graph: Graph, parts: list[str], axis: int, preprocess: Preprocess) -> str:
    """Join blocks of columns as bytes, without those to spare."""
    total = graph.add("Concat", *parts, axis=axis)
    blocks, columns = count_columns(preprocess)
    if blocks * columns > preprocess.size:
        ends = graph.constant([0]), graph.constant([preprocess.size]), graph.constant([axis])
        total = graph.add("Slice", total, *ends)
    return _to_bytes(graph, total)


def _to_bytes(graph: Graph, total: str) -> str:
    """Divide sums of weights by what these are parts of, rounded to the nearest byte."""
    rounded = graph.add("Add", total, whole(graph, 1 << (BITS - 1)))
    rest = graph.add("BitwiseAnd", rounded, whole(graph, (1 << BITS) - 1))
    multiples = graph.cast(graph.add("Sub", rounded, rest), np.float32)  # exact, as what follows
    divided = graph.add("Mul", multiples, graph.constant(2.0**-BITS, np.float32))
    ends = graph.constant(0, np.float32), graph.constant(255, np.float32)
    return graph.cast(graph.add("Clip", divided, *ends), np.uint8)
