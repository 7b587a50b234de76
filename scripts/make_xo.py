"""Draw X's and O's, as folders to train with: 32 pixels, black on white, each in the middle.

    python scripts/make_xo.py FOLDER [--each 500] [--seed 0]

Strokes differ in width, and the ends of an X and the radii of an O by up to 0.7 pixels: as a
careful hand draws them. Nothing is shifted, turned or scaled; networks are tested with that.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE, FINE = 32, 8  # pixels; a drawing is made so many times as large, for smooth edges
INK, PAPER = 0, 255
RADIUS = 6.0  # from the middle to the ends of an X and to an O's line, along the axes
THIN, THICK = 1.0, 3.0  # strokes, in pixels
JITTER = 0.7


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """Draw one "X" or "O"."""
    return {"X": _draw_x, "O": _draw_o}[name](random)


def _draw_x(random: np.random.Generator) -> Image.Image:
    """Two straight strokes whose ends are moved a little."""
    page, pen, width = _page(random)
    ends = np.array([[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]]) * RADIUS
    for stroke in ends + random.uniform(-JITTER, JITTER, ends.shape):
        pen.line(_fine(stroke), fill=INK, width=width)
        for end in stroke:
            pen.circle(_fine(end), width / 2, fill=INK)
    return _reduced(page)


def _draw_o(random: np.random.Generator) -> Image.Image:
    """An ellipse whose radii differ a little."""
    page, pen, width = _page(random)
    radii = RADIUS + random.uniform(-JITTER, JITTER, 2)
    outer = radii + width / FINE / 2
    pen.ellipse(_fine(np.stack([-outer, outer])), outline=INK, width=width)
    return _reduced(page)


def make(folder: Path, each: int, seed: int) -> None:
    """Write `each` images of both classes to folders called X and O."""
    random = np.random.default_rng(seed)
    for name in ("X", "O"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            draw(name, random).save(folder / name / f"{number:04}.png")


def _page(random: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    page = Image.new("L", (SIDE * FINE, SIDE * FINE), PAPER)
    return page, ImageDraw.Draw(page), round(random.uniform(THIN, THICK) * FINE)


def _fine(points: np.ndarray) -> list[float]:
    """Pixels from the middle -> x and y on the enlarged page, one after the other."""
    return ((points + SIDE / 2) * FINE).ravel().tolist()


def _reduced(page: Image.Image) -> Image.Image:
    return page.resize((SIDE, SIDE), Image.Resampling.BOX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    make(asked.folder, asked.each, asked.seed)


if __name__ == "__main__":
    main()
