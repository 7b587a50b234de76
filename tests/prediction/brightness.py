"""Stands for a model: the brighter an image, the more it is of the class "day"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.tasks import bind_task


class Brightness:
    task = bind_task(None, TargetSpec("label", ("day", "night")))
    preprocess = Preprocess(8, 3)
    views = (preprocess,)

    def decode_and_reject(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        days = pixels.mean(axis=(1, 2, 3)) / 255
        return np.stack([days, 1 - days], 1), np.zeros(len(days), np.bool_)
