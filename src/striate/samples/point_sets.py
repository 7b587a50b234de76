"""Point sets that no straight line separates: moons, rings, spirals and a checkerboard.

Classes are as large as each other, but for one point; the order of points is random. The same
arguments give the same points. `noise` is the standard deviation of a normal displacement.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.samples.points import MOST_CLASSES, Points

_TURNS = 1.5  #: of an arm of the spirals
_FIELDS = 4  #: least along a side of the checkerboard
_CORE = 0.12  #: radius within which there are no spirals

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]


def moons(n: int = 400, noise: float = 0.15, seed: int = 0) -> Points:
    """Draw two half circles of radius 1, the second turned over and set into the first."""
    rng, labels = _start(n, 2, noise, seed)
    angles = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=1)
    return _finish("moons", np.where(labels[:, None] == 0, upper, lower), labels, noise, rng)


def rings(n: int = 400, noise: float = 0.08, seed: int = 0, classes: int = 2) -> Points:
    """Draw concentric circles, a class each; the outermost has radius 1."""
    rng, labels = _start(n, classes, noise, seed)
    radii = (labels + 1) / classes
    return _finish("rings", _polar(radii, rng.uniform(0, 2 * np.pi, n)), labels, noise, rng)


def spirals(n: int = 400, noise: float = 0.02, seed: int = 0, classes: int = 2) -> Points:
    """Draw the arms of a spiral out to radius 1, a class each."""
    rng, labels = _start(n, classes, noise, seed)
    radii = np.sqrt(rng.uniform(_CORE**2, 1, n))  # as many points on each length of an arm
    angles = 2 * np.pi * (_TURNS * radii + labels / classes)
    return _finish("spirals", _polar(radii, angles), labels, noise, rng)


def checkerboard(n: int = 400, noise: float = 0.0, seed: int = 0, classes: int = 2) -> Points:
    """Draw points over the fields of a board from -1 to 1; classes alternate along both sides.

    It has 4 x 4 fields, or as many a side as classes.
    """
    rng, labels = _start(n, classes, noise, seed)
    side = max(_FIELDS, classes)
    rows, columns = np.divmod(np.arange(side**2), side)
    corners = np.stack([columns, rows], axis=1)
    fields = [np.flatnonzero((rows + columns) % classes == label) for label in range(classes)]
    own = np.array([rng.choice(fields[label]) for label in labels])
    xy = (corners[own] + rng.uniform(0, 1, (n, 2))) * 2 / side - 1
    return _finish("checkerboard", xy, labels, noise, rng)


#: name -> generator
POINT_SETS: dict[str, Callable[..., Points]] = {
    "moons": moons,
    "rings": rings,
    "spirals": spirals,
    "checkerboard": checkerboard,
}


def _start(n: int, classes: int, noise: float, seed: int) -> tuple[np.random.Generator, Labels]:
    """Return the generator and the labels in random order. Raises OptionError."""
    if not 2 <= classes <= MOST_CLASSES:
        raise OptionError(f"point sets have 2 to {MOST_CLASSES} classes, but {classes} came")
    if n < 2 * classes:
        raise OptionError(
            f"{classes} classes need {2 * classes} points or more, two for each, but {n} came"
        )
    if not 0 <= noise < np.inf:
        raise OptionError(f"noise must be 0 or more, but {noise} came")
    rng = np.random.default_rng(seed)
    return rng, rng.permutation(np.arange(n) % classes)


def _polar(radii: Reals, angles: Reals) -> Reals:
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _finish(name: str, xy: Reals, labels: Labels, noise: float, rng: np.random.Generator) -> Points:
    moved = xy + rng.normal(0, 1, xy.shape) * noise
    names = tuple(map(str, range(labels.max() + 1)))
    return Points(moved.astype(np.float32), labels, names, name)
