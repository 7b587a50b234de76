"""Make the strips of the page on pictures, which are kept in the repository.

striate train garments --recipe benchmarks/recipes/tasks/garments-larger.toml --out runs/larger
python scripts/make_enlarged.py runs/larger garments

`garments` is made by `benchmarks/task_data.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.tasks.pictures.metrics import Strip
from striate.tasks.pictures.results import PictureResults

FILE = Path(__file__).parents[1] / "docs" / "images" / "enlarged.webp"
SHOWN, SIDE, GAP = 4, 192, 8


def main(run: str, data: str) -> None:
    results = striate.evaluate(run, data, split="test")
    assert isinstance(results, PictureResults)
    (bicubic,) = results.words.filters.values()
    rows = [strip_row(strip, bicubic(strip.given)) for strip in results.typical[:SHOWN]]
    Image.fromarray(np.concatenate(rows)[:-GAP]).save(FILE, quality=85, method=6)
    print(results)


def strip_row(strip: Strip, bicubic: np.ndarray) -> np.ndarray:
    """Small, bicubic, answered and true picture side by side, with gaps: (H, W, 3)."""
    row = np.full((SIDE + GAP, 4 * (SIDE + GAP) - GAP, 3), 255, np.uint8)
    for at, pixels in enumerate((strip.given, bicubic, strip.answer, strip.truth)):
        image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        row[:SIDE, at * (SIDE + GAP) :][:, :SIDE] = np.asarray(image)
    return row


if __name__ == "__main__":
    main(*sys.argv[1:])
