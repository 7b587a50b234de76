"""Images with up to three labels: a red square, a green bar and a blue dot, drawn or not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("red", "green", "blue")


def shapes(folder: Path, count: int, seed: int = 0) -> Path:
    """Write the images and their manifest; return the manifest. One image in eight is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    rows = [("path", "labels")]
    for number in range(count):
        having = [at for at in range(3) if (number >> at) & 1]
        pixels = random.integers(90, 130, (20, 20, 3), dtype=np.uint8)
        for at in having:
            top, left = random.integers(0, 13, 2)
            high, wide = ((7, 7), (3, 7), (4, 4))[at]
            pixels[top : top + high, left : left + wide] = 30
            pixels[top : top + high, left : left + wide, at] = 230
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        rows.append((f"{number:03}.png", ";".join(NAMES[at] for at in having)))
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "list.csv"
