"""Search at all sizes: a classifier slid over an image that is made smaller step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.layers.boxes import keep_best
from striate.model import Ensemble, Model
from striate.prediction.sliding_window import slide


@dataclass(frozen=True, eq=False)
class SizedMatches:
    """Boxes of any size found in an image, by descending score."""

    boxes: NDArray[np.float64]  #: (M, 4): left, top, right and bottom in pixels of the image
    scores: NDArray[np.float32]  #: (M,) probabilities of the class
    windows: int  #: how many windows were looked at

    def __len__(self) -> int:
        return len(self.boxes)


def slide_sizes(
    model: Model | Ensemble,
    image: Any,
    class_name: str,
    *,
    smallest: int | None = None,
    largest: int | None = None,
    step: float = 1.2,
    threshold: float = 0.9,
    most_overlap: float = 0.3,
) -> SizedMatches:
    """Find a class in (H, W) or (H, W, C) uint8 where it may be of any size.

    The image is scaled so that a window of the model has sides from `smallest` to `largest` pixels
    of the image, by default of its own size and the whole image, a factor of `step` apart. Of boxes
    that overlap by more than `most_overlap` (intersection over union) the best is kept. Raises
    OptionError as `slide` does, and for sizes that do not fit.
    """
    pixels, size = np.asarray(image), model.preprocess.size
    shortest = min(pixels.shape[:2])
    first, last = smallest or min(size, shortest), min(largest or shortest, shortest)
    if not (4 <= first <= last and step > 1):
        raise OptionError(
            f"expected sizes from 4 to {shortest} pixels, the shorter side of the image, and a "
            f"step above 1, but {first} to {last} and {step:g} came"
        )
    boxes, scores, windows = list[NDArray[np.float64]](), list[NDArray[np.float32]](), 0
    side = float(first)
    while side <= last:
        scaled = _scaled(pixels, size / side, size)
        slid = slide(model, scaled)
        found = slid.find(class_name, threshold=threshold)
        high, wide = (a / b for a, b in zip(pixels.shape[:2], scaled.shape[:2], strict=True))
        corners = found.positions[:, [1, 0, 1, 0]] + np.array([0, 0, size, size])
        boxes.append(corners * np.array([wide, high, wide, high], np.float64))
        scores.append(np.asarray(found.scores, np.float32))
        windows += slid.probabilities[0].size
        side *= step
    every, rated = np.concatenate(boxes), np.concatenate(scores)
    kept = keep_best(
        torch.from_numpy(every).float(), torch.from_numpy(rated), most_overlap,
        torch.zeros(len(rated), dtype=torch.int64),
    ).numpy()  # fmt: skip
    order = np.flatnonzero(kept)[np.argsort(-rated[kept], kind="stable")]
    return SizedMatches(every[order], rated[order], windows)


def _scaled(pixels: NDArray[np.uint8], scale: float, least: int) -> NDArray[np.uint8]:
    """Return an image resized, no side of it shorter than `least` pixels."""
    high, wide = (max(least, round(side * scale)) for side in pixels.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(pixels, (wide, high), interpolation=method).astype(np.uint8)
