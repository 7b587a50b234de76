"""Resampling in blocks of columns, each of which is made of a band of the pixels of an axis.

Of a matrix with the weights of all pixels nearly all would be zeros: a column of 224 is made of 37
of 4,000 pixels.
"""

from __future__ import annotations

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.deployment.graph import Graph
from striate.deployment.weights import Placement, add_cubic, add_linear, whole

DIGIT = 256
ZERO = 128  #: added to digits, which are -128 to 127, as weights may be negative
_COLUMNS = 16  # of a block, at most
_SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}
_SPARE = 2.0  # pixels of a band, as its ends are rounded


def cut_bands(
    graph: Graph, images: str, placed: Placement, preprocess: Preprocess
) -> list[tuple[str, str]]:
    """Return for each block its pixels, along axis 2 of images, and the digits of their weights.

    These are (L, 3 * columns) bytes: the lowest digits of each column, the middle and the top ones.
    """
    blocks, columns = count_columns(preprocess)
    begins, length = _place(graph, placed, preprocess)
    block = graph.constant(np.arange(blocks * columns) // columns)
    rows = graph.add("Range", whole(graph, 0), graph.cast(length, np.int32), whole(graph, 1))
    rows = graph.add("Unsqueeze", rows, graph.constant([1]))
    starts = graph.add("Gather", graph.cast(begins, np.int32), block, axis=0)
    add = {"bilinear": add_linear, "bicubic": add_cubic}[preprocess.interpolation]
    weights = add(graph, placed, graph.add("Add", rows, starts), blocks * columns)
    first = graph.cast(begins, np.int64)
    split = [
        graph.add_many("Split", (value,), blocks, axis=axis, num_outputs=blocks)
        for value, axis in (
            (first, 0),
            (graph.add("Add", first, graph.cast(length, np.int64)), 0),
            (_digits(graph, weights, blocks, columns), 1),
        )
    ]
    along = graph.constant([2])
    return [
        (graph.add("Slice", images, begin, end, along), digits)
        for begin, end, digits in zip(*split, strict=True)
    ]


def count_columns(preprocess: Preprocess) -> tuple[int, int]:
    """Return the number of blocks, and of columns in each, of which the last has some to spare."""
    blocks = -(-preprocess.size // _COLUMNS)
    return blocks, -(-preprocess.size // blocks)


def _place(graph: Graph, placed: Placement, preprocess: Preprocess) -> tuple[str, str]:
    """Return the first pixel of each band, (blocks,), and how many all have, as float64."""
    blocks, columns = count_columns(preprocess)
    zero, one, half = (graph.constant(value) for value in (0.0, 1.0, 0.5))
    scale = graph.add("Div", graph.add("Sub", placed.high, placed.low), placed.inner)
    reach = graph.add("Max", scale, one)
    reach = graph.add("Mul", reach, graph.constant(_SUPPORT[preprocess.interpolation]))
    reach = graph.add("Add", reach, graph.constant(_SPARE))
    last = graph.add("Sub", placed.inner, one)
    ends = list[str]()
    for within, operator in ((0, "Sub"), (columns - 1, "Add")):
        column = graph.constant(np.arange(blocks) * float(columns) + within)
        at = graph.add("Max", graph.add("Sub", column, placed.place), zero)
        at = graph.add("Add", graph.add("Min", at, last), half)
        center = graph.add("Add", placed.low, graph.add("Mul", at, scale))
        end = graph.add("Floor", graph.add(operator, center, reach))
        ends.append(graph.add("Min", graph.add("Max", end, zero), placed.length))
    length = graph.add("ReduceMax", graph.add("Sub", ends[1], ends[0]), keepdims=0)
    return graph.add("Min", ends[0], graph.add("Sub", placed.length, length)), length


def _digits(graph: Graph, weights: str, blocks: int, columns: int) -> str:
    """Return the digits of weights, block by block: (L, blocks * 3 * columns) bytes."""
    rest = graph.add("Add", weights, whole(graph, ZERO * (1 + DIGIT + DIGIT**2)))
    digits = list[str]()
    for power in range(3):
        digit = graph.add("BitwiseAnd", rest, whole(graph, (DIGIT - 1) * DIGIT**power))
        rest = graph.add("Sub", rest, digit)
        small = graph.add("Mul", graph.cast(digit, np.float32),
                          graph.constant(float(DIGIT) ** -power, np.float32))  # fmt: skip
        shape = graph.constant([-1, blocks, 1, columns])
        digits.append(graph.add("Reshape", graph.cast(small, np.uint8), shape))
    joined = graph.add("Concat", *digits, axis=2)
    return graph.add("Reshape", joined, graph.constant([-1, blocks * 3 * columns]))
