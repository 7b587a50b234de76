"""Loading of samples by name."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import unknown

#: name -> file
SAMPLES = {
    "brick": "brick.png",
    "camera": "camera.png",
    "cat": "cat.jpg",
    "checkerboard": "checkerboard.png",
    "crosses": "crosses.png",
    "ecg": "ecg.npy",
    "shapes": "shapes.png",
    "zone-plate": "zone-plate.png",
}


def sample(name: str) -> NDArray[Any]:
    """Load a sample by its name: an image (H, W) or (H, W, 3), uint8; a signal (N,), int16.

    Raises OptionError.

    >>> sample("camera").shape
    (256, 256)
    """
    if name not in SAMPLES:
        raise unknown("sample", name, SAMPLES)
    with (files("striate.vision.samples") / SAMPLES[name]).open("rb") as file:
        if SAMPLES[name].endswith(".npy"):
            return np.load(file, allow_pickle=False)
        from PIL import Image

        return np.array(Image.open(file))
