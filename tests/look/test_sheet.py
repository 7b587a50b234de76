"""A sheet is written as PNG, SVG and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.errors import OptionError
from striate.look.sheet import Sheet
from striate.plotting.shapes import Picture, Text

SHEET = Sheet(
    Picture("two <b>", 120, 40, [Text(60, 20, "a <b>")]), {"maps": np.arange(4.0)}, "Four numbers."
)


def test_a_sheet_is_written_in_each_form(tmp_path: Path):
    for suffix in ("png", "svg", "npz"):
        SHEET.write(tmp_path / f"sheet.{suffix}")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (240, 80)
    assert "a &lt;b&gt;" in (tmp_path / "sheet.svg").read_text("utf-8")
    with np.load(tmp_path / "sheet.npz", allow_pickle=False) as arrays:
        assert arrays["maps"].tolist() == [0, 1, 2, 3]


def test_another_form_is_refused_and_nothing_written(tmp_path: Path):
    with pytest.raises(OptionError, match=r"\.png"):
        SHEET.write(tmp_path / "sheet.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_shows_itself():
    assert str(SHEET) == "Four numbers."
    png, size = SHEET._repr_png_()
    assert png[:4] == b"\x89PNG"
    assert size == {"width": 120, "height": 40}
