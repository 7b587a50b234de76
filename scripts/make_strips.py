"""Make a figure of the page on pictures, kept in the repository: four images in a row each.

    striate train garments --recipe benchmarks/recipes/tasks/garments-larger.toml --out runs/larger
    python scripts/make_strips.py enlarged runs/larger garments

Each row is of a typical test image: what the network is given, the best answer without a network,
the network's, and the truth. What is the truth itself is not shown twice. `garments` is made by
`benchmarks/task_data.py`; `denoised`, `colored`, `coded` and `restored` are of the recipes
garments-clean, -colors, -code and -restored, the last of the pairs that belong to it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.tasks.pictures.color import Pixels
from striate.tasks.pictures.metrics import Strip
from striate.tasks.pictures.results import PictureResults

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SHOWN, SIDE, GAP = 3, 256, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=("enlarged", "denoised", "colored", "coded", "restored"))
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    asked = parser.parse_args()
    results = striate.evaluate(asked.run, asked.data, split="test")
    assert isinstance(results, PictureResults)
    rows = [strip_row(strip, results) for strip in results.typical[:SHOWN]]
    file = IMAGES / f"{asked.name}.webp"
    Image.fromarray(np.concatenate(rows)[:-GAP]).save(file, quality=85, method=6)
    print(results, *(remark.text for remark in results.remarks()), sep="\n")


def strip_row(strip: Strip, results: PictureResults) -> Pixels:
    """Return the pictures of a strip side by side, with gaps: (H, W, 3)."""
    shown = list(pictures(strip, results))
    row = np.full((SIDE + GAP, len(shown) * (SIDE + GAP) - GAP, 3), 255, np.uint8)
    for at, pixels in enumerate(shown):
        image = Image.fromarray(pixels.squeeze()).convert("RGB")
        row[:SIDE, at * (SIDE + GAP) :][:, :SIDE] = image.resize(
            (SIDE, SIDE), Image.Resampling.NEAREST
        )
    return row


def pictures(strip: Strip, results: PictureResults) -> Iterator[Pixels]:
    """Yield what is given, answered without a network and by it, and true."""
    if not np.array_equal(strip.given, strip.truth):
        yield strip.given
    yield results.words.filters[results.baseline_name](strip.given)
    yield strip.answer
    yield strip.truth


if __name__ == "__main__":
    main()
