"""Samples of labeled points in the plane: drawn by name, or read from a CSV file.

Sample images and a signal are in `striate.vision.samples`.
"""

from striate.samples.csv_points import read_points
from striate.samples.point_sets import POINT_SETS, checkerboard, moons, rings, spirals
from striate.samples.points import MOST_CLASSES, Points

__all__ = [
    "MOST_CLASSES",
    "POINT_SETS",
    "Points",
    "checkerboard",
    "moons",
    "read_points",
    "rings",
    "spirals",
]
