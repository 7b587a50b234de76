"""Make the figures of the page about points, which are kept in the repository.

python scripts/make_points.py
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from striate.plotting.png import to_png
from striate.plotting.shapes import Picture
from striate.plotting.svg import to_svg
from striate.points import draw_comparison, draw_fits, draw_history, fit_curve, train_points

IMAGES = Path(__file__).parents[1] / "docs" / "images"
UNITS = (2, 4, 8, 16, 32, 64)


def save(name: str, picture: Picture) -> None:
    """As WebP where it holds pixels, else as SVG."""
    target = IMAGES / name
    if target.suffix == ".svg":
        target.write_text(to_svg(picture), "utf-8")
    else:
        Image.open(io.BytesIO(to_png(picture))).save(target, lossless=True, quality=100, method=6)
    print(f"{target}: {target.stat().st_size:,} bytes")


def moons() -> None:
    save("points-moons.webp", draw_history(train_points("moons")))


def widths() -> None:
    """What no line separates, by more units and by more layers."""
    asked = [("moons", "none"), ("moons", "2"), ("moons", "4"),
             ("spirals", "4"), ("spirals", "16"), ("spirals", "8,8")]  # fmt: skip
    histories = [train_points(name, layers=layers, at=(2000,)) for name, layers in asked]
    save("points-widths.webp", draw_comparison(histories, "Units and layers"))


def curves() -> None:
    x = np.linspace(-1, 1, 201)
    for name, y, activation in (
        ("sine", np.sin(2 * np.pi * x), "relu"),
        ("step", np.where(x < 0, -1.0, 1.0), "sigmoid"),
    ):
        fits = {units: fit_curve(x, y, units, activation=activation) for units in UNITS}
        title = f"A {name} by one hidden layer of {activation} units"
        save(f"points-{name}.svg", draw_fits(x, y, fits, title))


if __name__ == "__main__":
    for make in (moons, widths, curves):
        make()
