"""Answers brought back to the image: nodes after the body, for boxes and maps of classes.

They do what `Preprocess.restore_boxes` and `restore_mask` do; where an image has the size of the
input already, they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from striate.data.listing.samples import IGNORE
from striate.deployment.graph import Graph
from striate.deployment.resizing import Resized
from striate.deployment.weights import Placement
from striate.onnx_model import RESTORED


def find_restoring(head: str) -> Callable[[Graph, str, Resized], str] | None:
    """Return what adds the nodes for outputs of a kind of head; None: they stay as they are."""
    return (add_boxes, add_map)[RESTORED.index(head)] if head in RESTORED else None


def add_boxes(graph: Graph, boxes: str, resized: Resized) -> str:
    """Add the nodes that bring boxes (N, M, 6) to pixels of their image, clipped to it."""
    across, down = resized.across, resized.down
    scale, place, low, side = (
        graph.add("Concat", *(parts * 2), axis=0)
        for parts in (
            [_scale(graph, placed) for placed in (across, down)],
            [across.place, down.place],
            [across.low, down.low],
            [across.length, down.length],
        )
    )
    split = graph.constant([4, 2])
    corners, rest = graph.add_many("Split", (boxes, split), 2, axis=2)
    moved = graph.add("Sub", graph.cast(corners, np.float64), place)
    moved = graph.add("Add", graph.add("Mul", moved, scale), low)
    moved = graph.add("Min", graph.add("Max", moved, graph.constant(0.0)), side)
    return graph.add("Concat", graph.cast(moved, np.float32), rest, axis=2)


def add_map(graph: Graph, classes: str, resized: Resized) -> str:
    """Add the nodes from class indices (N, size, size) to (N, H, W) of their image.

    By nearest neighbor; what was cropped is `IGNORE`.
    """
    found = classes
    for placed, axis in ((resized.down, 1), (resized.across, 2)):
        rows, shown = _pick(graph, placed)
        found = graph.add("Gather", found, rows, axis=axis)
        if axis == 1:
            shown = graph.add("Unsqueeze", shown, graph.constant([1]))
        found = graph.add("Where", shown, found, graph.constant(IGNORE, np.uint8))
    return found


def _pick(graph: Graph, placed: Placement) -> tuple[str, str]:
    """Return which row of the input each of the image is, and whether it is there: (L,) each."""
    count, zero, one = (graph.add("Squeeze", placed.length), *map(graph.constant, (0.0, 1.0)))
    middles = graph.add("Add", graph.add("Range", zero, count, one), graph.constant(0.5))
    past = graph.add("Mul", graph.add("Sub", middles, placed.low), placed.inner)
    at = graph.add("Div", past, graph.add("Sub", placed.high, placed.low))
    begun, ended = graph.add("GreaterOrEqual", at, zero), graph.add("Less", at, placed.inner)
    last = graph.add("Sub", placed.inner, one)
    kept = graph.add("Min", graph.add("Max", graph.add("Floor", at), zero), last)
    return graph.cast(graph.add("Add", kept, placed.place), np.int64), graph.add(
        "And", begun, ended
    )


def _scale(graph: Graph, placed: Placement) -> str:
    """Return pixels of the image in one of the input, (1,)."""
    return graph.add("Div", graph.add("Sub", placed.high, placed.low), placed.inner)
