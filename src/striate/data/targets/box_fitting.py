"""Boxes fitted to the decoded images: turned upright, scaled, clipped, and what is odd about it.

The tool that made a list of boxes showed each image either as it is stored or turned upright as its
EXIF tag says, and only the size that it wrote beside the boxes may tell which. Boxes that were
written for the size of the stored image are turned with it, unless one of the data set lies beyond
that size but within the upright image: such a tool shows images upright and writes the other size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records
from striate.data.listing.samples import ROTATED, Finding, show_orientation

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_BEYOND = 1.0  #: pixels that a box may reach beyond its image unmentioned: corners were rounded
_LIKE = 0.01  #: difference of two aspect ratios that are the same: sides were rounded
_SIDEWAYS = 5  #: EXIF orientations from here on swap width and height
_SHARES = 1.0, 1.0  #: frame of boxes that are written as shares of the image


class Fitted(NamedTuple):
    """Boxes in pixels of their upright images, and how they came there."""

    corners: Floats  #: (B, 4) left, top, right, bottom
    frames: Floats  #: (N, 2) as they were written for
    turned: Flags  #: (N,)
    scaled: Flags  #: (N,) from another size of the same shape
    strange: Flags  #: (N,) written for another shape


def read_orientations(records: Records) -> NDArray[np.int64]:
    """Return the EXIF orientation of each image (N,), from the findings."""
    numbers = {show_orientation(number): number for number in range(2, 9)}
    found = np.ones(len(records), np.int64)
    for row, findings in records.findings.items():
        details = (finding.detail for finding in findings if finding.kind == ROTATED)
        found[row] = next((numbers.get(detail, 1) for detail in details), 1)
    return found


def fit_boxes(
    corners: Floats,
    owners: NDArray[np.int64],
    frames: Floats,
    sizes: Floats,
    orientations: NDArray[np.int64],
) -> Fitted:
    """Fit boxes (B, 4) of the images `owners` (B,) to their upright `sizes` (N, 2).

    `frames` (N, 2) are width and height that the boxes were written for; 0: unknown.
    """
    stored = np.where(orientations[:, None] >= _SIDEWAYS, sizes[:, ::-1], sizes)
    known, same = frames.min(axis=1) > 0, (frames == sizes).all(axis=1)
    shares = (frames == _SHARES).all(axis=1)
    other = known & ~same & ~shares
    turned = other & (frames == stored).all(axis=1)
    sides = frames[owners]
    if (turned[owners] & _beyond(corners, sides) & ~_beyond(corners, sizes[owners])).any():
        other, turned = other & ~turned, np.zeros_like(turned)
    other &= ~turned
    shape, ratio = (each[:, 0] / np.maximum(each[:, 1], 1) for each in (sizes, frames))
    scaled = other & (np.abs(ratio - shape) <= _LIKE * shape)
    scale = np.where((scaled | shares)[:, None], sizes / np.maximum(frames, 1), 1.0)
    moved = corners * np.tile(scale[owners], 2)
    moved = np.where(turned[owners, None], _turned(moved, owners, sizes, orientations), moved)
    return Fitted(moved, frames, turned, scaled, other & ~scaled)


def clip(corners: Floats, sizes: Floats) -> Floats:
    """Clip boxes (B, 4) to images of `sizes` (B, 2); without area outside of them."""
    return np.minimum(corners.clip(0), np.tile(sizes, 2))


def find_odd(
    fitted: Fitted,
    clipped: Floats,
    owners: NDArray[np.int64],
    sizes: Floats,
    tell: Callable[[int], tuple[str, str]],
) -> dict[int, tuple[Finding, ...]]:
    """Return row -> findings of the boxes that were fitted and `clipped`, images of no size aside.

    `tell` returns the file of a box, and what it is.
    """
    odd: dict[int, list[Finding]] = {}
    outside = (clipped[:, 2] <= clipped[:, 0]) | (clipped[:, 3] <= clipped[:, 1])
    usable = sizes.min(axis=1) > 0
    said = outside | (np.abs(clipped - fitted.corners) > _BEYOND).any(axis=1)
    for box in np.flatnonzero(said & usable[owners]).tolist():
        row = int(owners[box])
        (file, what), kind = tell(box), "box outside" if outside[box] else "box clipped"
        corners = " ".join(f"{corner:.6g}" for corner in fitted.corners[box])
        detail = f"{what}, {corners} in {_show(sizes[row])} pixels"
        odd.setdefault(row, []).append(Finding(kind, file, detail))
    firsts = dict(zip(owners[::-1].tolist(), range(len(owners) - 1, -1, -1), strict=True))
    for kind, flags in (
        ("boxes rotated", fitted.turned),
        ("boxes scaled", fitted.scaled),
        ("boxes of another size", fitted.strange),
    ):
        for row in (row for row in np.flatnonzero(flags & usable).tolist() if row in firsts):
            file, _ = tell(firsts[row])
            detail = f"written for {_show(fitted.frames[row])}, the image has {_show(sizes[row])}"
            odd.setdefault(row, []).append(Finding(kind, file, f"{detail} pixels"))
    return {row: tuple(found) for row, found in odd.items()}


def _beyond(corners: Floats, sizes: Floats) -> Flags:
    """Return which boxes (B, 4) reach beyond images of `sizes` (B, 2)."""
    right, low = (corners[:, 2:] - sizes).T
    return np.maximum(right, low) > _BEYOND


def _turned(
    corners: Floats,
    owners: NDArray[np.int64],
    sizes: Floats,
    orientations: NDArray[np.int64],
) -> Floats:
    """Turn boxes of sideways stored images upright, whose `sizes` (N, 2) are those."""
    orientation, (wide, high) = orientations[owners], sizes[owners].T
    top, left, low, right = corners.T  # rows and columns of the stored image change places
    mirrored, upturned = np.isin(orientation, (6, 7)), np.isin(orientation, (7, 8))
    left, right = np.where(mirrored, (wide - right, wide - left), (left, right))
    top, low = np.where(upturned, (high - low, high - top), (top, low))
    return np.stack([left, top, right, low], axis=1)


def _show(size: Floats) -> str:
    wide, high = size.tolist()
    return f"{wide:,.0f} x {high:,.0f}"
