"""Images with a bar, which lies or stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw_bars(folder: Path, *names: str, count: int) -> Path:
    """Dark images of each name, with a bright bar somewhere; that of "standing" stands."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            random = np.random.default_rng((number, len(name)))
            pixels = random.normal(30, 5, (32, 32))
            pixels[random.integers(4, 24) :][:4] = 220
            shown = pixels.T if name == "standing" else pixels
            file = folder / name / f"{number:02}.png"
            Image.fromarray(shown.clip(0, 255).astype(np.uint8)).save(file)
    return folder
