"""The answer of segmentation: shares, and the mask as an indexed PNG file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from striate.data.listing.target_spec import TargetSpec
from striate.tasks.segmentation.answer import MaskAnswer
from striate.tasks.segmentation.task import Segmentation
from tests.tasks.masks import STREET

MASK = np.array([[0, 0, 0, 2], [255, 0, 0, 2]], np.uint8)
ANSWER = Segmentation(STREET).answer(MASK, 3)


def test_shares_are_of_the_pixels_that_have_an_answer():
    assert ANSWER.shares == pytest.approx({"road": 5 / 7, "sky": 0, "car": 2 / 7})
    assert ANSWER.csv_columns == ("share of road", "share of sky", "share of car")
    assert ANSWER.csv_cells() == ("0.714286", "0.000000", "0.285714")
    assert ANSWER.to_json() == {"shares": {"road": 0.714286, "sky": 0.0, "car": 0.285714}}


def test_a_table_lists_the_largest_classes():
    assert ANSWER.columns == ("largest class", "share", "other classes")
    assert ANSWER.cells() == ("road", "71.4 %", "car 28.6 %")
    assert ANSWER.details() == (("class", "share"), ("road", "71.4 %"), ("car", "28.6 %"))
    one = Segmentation(STREET).answer(MASK, 1)
    assert one.cells() == ("road", "71.4 %", "–")


def test_the_mask_is_the_image_of_an_indexed_png_in_the_colors_of_the_data():
    spec = TargetSpec("mask", ("road", "car"), {"colors": (128, 64, 128, 0, 0, 142)})
    answer = MaskAnswer.of(np.array([[0, 1, 255]], np.uint8), spec, 3)
    assert answer.mask.tolist() == [[0, 1, 255]]
    image = Image.open(io.BytesIO(answer.png))
    assert image.mode == "P"
    colors = np.array(image.convert("RGB"))[0].tolist()
    assert colors == [[128, 64, 128], [0, 0, 142], [224, 224, 192]]


def test_an_image_that_could_not_be_read_has_no_share_of_any_class():
    blank = Segmentation(STREET).blank
    assert blank.shares == {"road": 0, "sky": 0, "car": 0}
    assert blank.csv_columns == ANSWER.csv_columns
    assert blank.png == b""
