"""Scenes of discs and boxes on noise, and their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from striate.data.listing.samples import IGNORE

WIDE, HIGH, COUNT = 48, 36, 24
NAMES = ("ground", "disc", "box")


def draw_scene(random):
    """A red disc and a green box on gray noise, 36 rows of 48 pixels, and their mask."""
    rows, columns = np.indices((HIGH, WIDE))
    down, across = random.integers(9, 27), random.integers(9, 20)
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[(rows - down) ** 2 + (columns - across) ** 2 < 50] = 1
    down, across = random.integers(7, 29), random.integers(28, WIDE - 7)
    mask[(abs(rows - down) < 6) & (abs(columns - across) < 6)] = 2
    pixels = random.integers(0, 100, (HIGH, WIDE, 1)).repeat(3, axis=2)
    pixels = pixels + np.array([[0, 0, 0], [150, 0, 0], [0, 150, 0]])[mask]
    mask[0, :3] = IGNORE
    return pixels.astype(np.uint8), mask


def write_scenes(root: Path) -> Path:
    """Write a folder of scenes, one of their masks, and a list of the classes."""
    random = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(COUNT):
        for folder, drawn in zip(("images", "masks"), draw_scene(random), strict=True):
            Image.fromarray(drawn).save(root / folder / f"{number:02}.png")
    (root / "classes.txt").write_text("\n".join(NAMES))
    return root
