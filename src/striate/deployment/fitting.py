"""Preprocessing of signals as nodes: of any length they become as long as in training, exactly."""

from __future__ import annotations

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.data.signals.letters import UNKNOWN
from striate.deployment.graph import Graph


def add_fitting(graph: Graph, signals: str, view: Preprocess) -> str:
    """Add the nodes from signals (N, L, channels) to what `SignalInput.fit_signal` makes of them.

    Signals are float32, sequences codes in uint8, whose padding is the unknown letter.
    """
    if view.fit == "stretch" and view.dtype == "float32":
        return _interpolate(graph, signals, view.size)
    size, zero = graph.constant([view.size]), graph.constant([0])
    axis, one = graph.constant([1]), graph.constant([1])
    first = zero
    if view.fit == "crop":
        spare = graph.add("Sub", graph.side(signals, 1), size)
        odd = graph.add("Mod", spare, graph.constant([2]))
        first = graph.add("Div", graph.add("Sub", spare, odd), graph.constant([2]))
    start = graph.add("Max", first, zero)
    kept = graph.add("Slice", signals, start, graph.add("Add", start, size), axis, one)
    before = graph.add("Max", graph.add("Neg", first), zero)
    after = graph.add("Sub", graph.add("Sub", size, before), graph.side(kept, 1))
    pads = graph.add("Concat", before, after, axis=0)
    blank = np.array(UNKNOWN if view.dtype == "uint8" else 0, view.dtype)
    return graph.add("Pad", kept, pads, graph.constant(blank), axis)


def _interpolate(graph: Graph, signals: str, size: int) -> str:
    """Add what `numpy.interp` computes at the middles of `size` equal parts, in float64."""
    length = graph.side(signals, 1)
    middles = graph.constant(np.arange(size) + 0.5)
    scaled = graph.add("Mul", middles, graph.cast(length, np.float64))
    places = graph.add("Sub", graph.add("Div", scaled, graph.constant([float(size)])),
                       graph.constant([0.5]))  # fmt: skip
    last = graph.add("Sub", length, graph.constant([1]))
    inside = graph.add("Max", places, graph.constant([0.0]))
    inside = graph.add("Min", inside, graph.cast(last, np.float64))
    left = graph.cast(graph.add("Floor", inside), np.int64)
    right = graph.add("Min", graph.add("Add", left, graph.constant([1])), last)
    wide = graph.cast(signals, np.float64)
    low, high = (graph.add("Gather", wide, index, axis=1) for index in (left, right))
    share = graph.add("Sub", inside, graph.cast(left, np.float64))
    slopes = graph.add("Sub", high, low)
    moved = graph.add("Mul", slopes, graph.add("Unsqueeze", share, graph.constant([1])))
    return graph.cast(graph.add("Add", moved, low), np.float32)
