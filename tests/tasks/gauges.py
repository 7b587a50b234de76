"""Images of gauges that show their own numbers: a bright bar at a place, on a background."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24
COLUMNS = ("place (px)", "light")


def draw(place: float, light: float) -> np.ndarray:
    """A bar three pixels wide, `place` pixels right of the middle, on a background of `light`."""
    columns = np.arange(SIDE) - (SIDE - 1) / 2
    bar = np.clip(2 - np.abs(columns - place), 0, 1)
    return np.tile((light + (250 - light) * bar).round().astype(np.uint8), (SIDE, 1))


def write(folder: Path, count: int = 80, seed: int = 0) -> Path:
    """A manifest of gauges, of which every fifth has no light; most bars are on the right."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(seed)
    with (folder / "gauges.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", *COLUMNS))
        for number in range(count):
            place, light = round(draws.uniform(-3, 9), 2), int(draws.integers(10, 120))
            Image.fromarray(draw(place, light)).save(folder / f"{number:03}.png")
            rows.writerow((f"{number:03}.png", place, "" if number % 5 == 0 else light))
    return folder / "gauges.csv"


def places(pixels: np.ndarray) -> np.ndarray:
    """Where the bars of images (N, H, W) are, right of the middle."""
    bright = pixels.mean(axis=1) - pixels.mean(axis=1).min(axis=1, keepdims=True)
    columns = np.arange(pixels.shape[2]) - (pixels.shape[2] - 1) / 2
    return (bright * columns).sum(axis=1) / bright.sum(axis=1)
