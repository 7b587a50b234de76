"""Forms: large pages with handwritten digits at known places, the same ones for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.vision.template_match import Matches

DIGITS = Path(__file__).parents[1] / "src" / "striate" / "data" / "samples" / "digits.npz"
SIDE = 28  #: of a digit, in pixels
PITCH = 45  #: pixels from one cell of a form to the next
NEAR = 8  #: a box is right when its middle is so near to a digit's, in pixels, down and across
NOTHING = "nothing"  #: the class of what shows no digit, or none in its middle
_LOOSE = 4  # whole pixels by which a digit is off the middle of its cell, at most
_PATCH = 72  # side of the square that a changed digit is drawn in


@dataclass(frozen=True)
class Change:
    """What was done to every digit of a form, or to the page."""

    turn: float = 0.0  #: degrees, to the left or to the right
    scale: float = 1.0  #: times its size
    shear: float = 0.0  #: pixels across for a pixel down, to the left or to the right
    shift: float = 0.0  #: pixels off the grid of pixels, down or up and left or right
    noise: float = 0.0  #: deviation in gray levels of 255
    light: float = (
        0.0  #: gray levels by which the paper's right edge is nearer to ink than its left
    )


@dataclass(frozen=True, eq=False)
class Form:
    page: NDArray[np.uint8]  #: (H, W), 0 paper to 255 ink
    labels: NDArray[np.uint8]  #: (N,)
    centers: NDArray[np.float64]  #: (N, 2): row and column of the middle of each digit


@dataclass(frozen=True)
class Score:
    precision: float
    recall: float
    f1: float


def digits(part: slice) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The sample digits `part` of each class: (N, 28, 28) and (N,)."""
    with np.load(DIGITS) as arrays:
        images, labels = arrays["x"], arrays["y"]
    rows = np.concatenate([np.flatnonzero(labels == digit)[part] for digit in range(10)])
    return images[rows], labels[rows]


def form(part: slice, *, seed: int, change: Change | None = None, columns: int = 40) -> Form:
    """The sample digits `part` of each class on a grid, in drawn order, each a little loose."""
    images, labels = digits(part)
    change, random = change or Change(), np.random.default_rng(seed)
    order = random.permutation(len(labels))
    cells = np.stack(np.divmod(np.arange(len(labels)), columns), axis=1)
    loose = random.integers(-_LOOSE, _LOOSE, (len(labels), 2), endpoint=True)
    corners = cells * PITCH + _LOOSE + loose
    signs = random.choice((-1.0, 1.0), (len(labels), 4))
    page = np.zeros(cells.max(axis=0) * PITCH + 2 * _LOOSE + _PATCH, np.uint8)
    for image, (row, column), sign in zip(images[order], corners, signs, strict=True):
        under = page[row : row + _PATCH, column : column + _PATCH]
        np.maximum(under, changed(image, change, sign), out=under)
    middles = (_PATCH - 1) / 2 + change.shift * signs[:, 2:]
    return Form(_aged(page, change, random), labels[order], corners + middles)


def changed(
    image: NDArray[np.uint8], change: Change, signs: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """A digit sheared, turned and scaled about its middle, and moved: (_PATCH, _PATCH)."""
    angle = np.deg2rad(change.turn) * signs[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = change.scale * turn @ np.array([[1, change.shear * signs[1]], [0, 1]])
    down, across = (_PATCH - 1) / 2 + change.shift * signs[2:]
    offset = np.array([across, down]) - linear @ np.full(2, (SIDE - 1) / 2)
    return cv2.warpAffine(image, np.column_stack((linear, offset)), (_PATCH, _PATCH))


def crops(
    source: Form, size: int, *, seed: int, loose: int = 2, away: int = 9
) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """What a network learns from: squares of a form (N, size, size), and what each shows.

    One for each digit, its middle up to `loose` pixels off the square's; and one of nothing for
    every two digits, no digit's middle within `away` pixels of its own.
    """
    random = np.random.default_rng(seed)
    count, corners = len(source.labels), source.centers - (size - 1) / 2
    shown = np.rint(corners).astype(int) + random.integers(-loose, loose, (count, 2), endpoint=True)
    places = random.integers(0, np.array(source.page.shape) - size, (4 * count, 2), endpoint=True)
    nearest = np.array([np.abs(corners - place).max(axis=1).min() for place in places])
    empty = places[nearest >= away][: count // 2]
    images = [
        source.page[row : row + size, column : column + size]
        for row, column in np.concatenate((shown, empty))
    ]
    labels = [*map(str, source.labels), *[NOTHING] * len(empty)]
    return np.stack(images), np.array(labels)


def hits(matches: Matches, source: Form, digit: int) -> NDArray[np.bool_]:
    """Which boxes, the best first, show a digit that none before them showed."""
    middles = source.centers[source.labels == digit]
    free, found = np.ones(len(middles), np.bool_), np.zeros(len(matches), np.bool_)
    for number, center in enumerate(matches.centers):
        away = np.where(free, np.abs(middles - center).max(axis=1), np.inf)
        nearest = away.argmin()
        found[number] = away[nearest] <= NEAR
        free[nearest] &= not found[number]
    return found


def judged(matches: Matches, source: Form, digit: int, threshold: float) -> Score:
    """Precision, recall and F1 of the boxes that reach a threshold."""
    found = hits(matches, source, digit)[matches.scores >= threshold]
    right, there = int(found.sum()), int((source.labels == digit).sum())
    return Score(right / max(len(found), 1), right / there, 2 * right / (len(found) + there))


def best_threshold(matches: Matches, source: Form, digit: int) -> float:
    """The score from which on the boxes have the highest F1."""
    right = hits(matches, source, digit).cumsum()
    there = (source.labels == digit).sum()
    return float(matches.scores[(right / (np.arange(1, len(right) + 1) + there)).argmax()])


def _aged(
    page: NDArray[np.uint8], change: Change, random: np.random.Generator
) -> NDArray[np.uint8]:
    ramp = np.linspace(0, change.light, page.shape[1])
    noise = random.normal(0, change.noise, page.shape) if change.noise else 0
    lit = ramp + page * (1 - ramp / 255)  # ink stays ink
    return np.clip(np.rint(lit + noise), 0, 255).astype(np.uint8)
