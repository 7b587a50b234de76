"""Make pairs of photographs: out of focus and noisy, as an input, and as they are, as the target.

python scripts/make_pairs.py garments pairs

`garments` is made by `benchmarks/task_data.py`. Photographs are cut to their middle and shrunk to
128 pixels; then they are blurred as by a lens out of focus, a disk of 5 pixels, and noise of a
standard deviation of 4 gray levels is added, both seeded. `pairs` gets the folders input and target
in train, validation and test.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIDE, DISK, NOISE = 128, 5, 4.0


def main(photographs: str, pairs: str) -> None:
    chance = np.random.default_rng(0)
    for split in ("train", "validation", "test"):
        folders = [Path(pairs) / split / name for name in ("input", "target")]
        for folder in folders:
            folder.mkdir(parents=True)
        files = sorted(Path(photographs, split).rglob("*.jpg"))
        for number, file in enumerate(files):
            with Image.open(file) as photograph:
                target = np.asarray(ImageOps.fit(photograph.convert("RGB"), (SIDE, SIDE)))
            for folder, pixels in zip(folders, (spoil(target, chance), target), strict=True):
                Image.fromarray(pixels).save(folder / f"{number:04}.png")


def spoil(target: NDArray[np.uint8], chance: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) out of focus, with noise."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (DISK, DISK)).astype(np.float32)
    blurred = cv2.filter2D(target.astype(np.float32), -1, disk / disk.sum())
    noisy = blurred + chance.normal(0, NOISE, target.shape)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8)


if __name__ == "__main__":
    main(*sys.argv[1:])
