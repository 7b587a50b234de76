"""Boxes as pictures: those that are true of an image, and those that were found in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.errors import printable
from striate.plotting.labeled_boxes import LabeledBox, draw_labeled_boxes
from striate.tasks.colors import color_classes
from striate.text import shorten_name

_CLASS, _IGNORED = 4, 5  #: columns of a true box
_SWATCH = 15  #: side in pixels of the swatch of a legend


def draw_targets(
    pixels: NDArray[np.uint8], boxes: NDArray[Any], spec: TargetSpec
) -> NDArray[np.uint8]:
    """Draw true boxes (M, 6) over their image (H, W, 1 or 3): (H, W, 3); ignored ones dashed."""
    colors = color_classes(spec.names)
    shown = [
        LabeledBox(tuple(row[:_CLASS]), name, colors[name], dashed=bool(row[_IGNORED]))
        for row in boxes.tolist()
        if row[_CLASS] >= 0
        for name in [spec.names[int(row[_CLASS])]]
    ]
    return draw_labeled_boxes(pixels, [_worded(box) for box in shown])


def make_legend(boxes: NDArray[Any], spec: TargetSpec) -> tuple[tuple[str, NDArray[np.uint8]], ...]:
    """Return the classes of true boxes (N, M, 6) with swatches (H, W, 3) of their colors."""
    colors, kinds = color_classes(spec.names), np.unique(boxes[..., _CLASS])
    names = [spec.names[int(kind)] for kind in kinds.tolist() if kind >= 0]
    return tuple((name, np.full((_SWATCH, _SWATCH, 3), colors[name], np.uint8)) for name in names)


def _worded(box: LabeledBox) -> LabeledBox:
    return box._replace(label=shorten_name(printable(box.label)))
