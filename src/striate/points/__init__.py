"""Points in the plane: a dense network by hand, its training, and figures of what it learned."""

from striate.points.backprop import (
    DenseNetwork,
    Layer,
    deltas,
    forward,
    gradients,
    loss,
)
from striate.points.curves import draw_fits, fit_curve
from striate.points.figure import draw_comparison, draw_history, draw_regions, write_figure
from striate.points.history import History, Score, Snapshot
from striate.points.training import stream_points, train_points

__all__ = [
    "DenseNetwork",
    "History",
    "Layer",
    "Score",
    "Snapshot",
    "deltas",
    "draw_comparison",
    "draw_fits",
    "draw_history",
    "draw_regions",
    "fit_curve",
    "forward",
    "gradients",
    "loss",
    "stream_points",
    "train_points",
    "write_figure",
]
