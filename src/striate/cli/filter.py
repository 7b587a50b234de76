"""`striate filter`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json


@click.command("filter", cls=VerbCommand, model="FilterOptions")
@click.argument("image", help="An image, or sample:NAME, which may be a signal.")
@click.option("--kernel", help='A name, "gaussian(9, sigma=2)", "0 1; 1 0", or a file.')
@click.option("--all", "every", is_flag=True, help="Draw all named kernels.")
@as_json
def command(
    image: str, kernel: str | None, every: bool, as_json: bool, options: dict[str, Any]
) -> int:
    """Slide a kernel over an image: numbers, and a figure.

    Without --out the image, the kernel and the result are drawn beside each other.
    Example: striate filter cat.jpg --kernel sobel-x --out edges.png
    """
    from striate.errors import OptionError, printable

    if every == (kernel is not None):
        came = "both came" if every else "neither came"
        raise OptionError(f"filter takes --kernel, as in --kernel sobel-x, or --all; {came}")
    told, document, files = _all(image, options) if every else _one(image, str(kernel), options)
    if as_json:
        print_json({**document, "files": files})
        return 0
    click.echo(told)
    for what, place in files.items():
        click.echo(f"{what:<8} {printable(str(place))}")
    if "figure" in files and _has_screen():
        click.launch(files["figure"])
    return 0


def _one(
    image: str, kernel: str, options: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Apply one kernel; return the result as text and JSON-ready values, and the files written."""
    from striate import storage
    from striate.images.filtering import file_name, filter  # noqa: A004
    from striate.plotting.ink import encode_file

    found = filter(image, kernel, **options)
    files = {name: str(options[name]) for name in ("out", "raw") if name in options}
    if "out" not in options:
        place = storage.free_name(Path(file_name(image, kernel)))
        storage.write(place, encode_file(found.figure(), ".png"))
        files = {"figure": str(place), **files}
    told = repr(found)
    if found.numbers.ndim > 1 and found.scale.kind == "diverging" and "out" in options:
        told += "; --clip draws it as an image"
    return told, found.to_json(), files


def _all(image: str, options: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Draw the gallery; return text, JSON-ready values and the files written, like `_one`."""
    from striate import storage
    from striate.images.filtering import file_name
    from striate.images.gallery import draw_gallery
    from striate.vision import KERNELS

    if "out" in options:
        place, name = Path(options["out"]), "out"
    else:
        place, name = storage.free_name(Path(file_name(image, "all"))), "figure"
    draw_gallery(image, **{**options, "out": place})
    return f"kernels  {', '.join(KERNELS)}", {"kernels": list(KERNELS)}, {name: str(place)}


def _has_screen() -> bool:
    """Whether the terminal belongs to a desktop session."""
    desktop = sys.platform == "darwin" or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    return desktop and sys.stdout.isatty()
