"""In a notebook every result shows itself as a table, and no name can write into its page."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import striate
from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.images.image import LoadedImage
from striate.images.numbers import numbers
from striate.model import Model
from striate.prediction.predictor import Prediction
from striate.tasks import bind_task
from striate.tasks.classification.answer import ClassAnswer

EVIL = "<script>alert(1)</script>\x1b]0;x\x07&\n"
MODEL = Model(
    zoo.build("lenet5", classes=3),
    EVIL,
    bind_task(None, TargetSpec("label", ("cat", EVIL, "owl"))),
    Preprocess(28, 1, "letterbox", (0.5,), (0.2,)),
    SplitFractions(0.1, 0.2),
    {EVIL: EVIL, "epochs": "5"},
)
PREDICTION = Prediction(EVIL, ClassAnswer(EVIL, 0.75, ((EVIL, 0.75), ("cat", 0.25))), ("rotated",))
FAILED = Prediction(EVIL, ClassAnswer(), error=EVIL)


class Tags(HTMLParser):
    """The tags of a page, which are all closed, and the text of its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.seen, self.cells = list[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.open[-1] in ("td", "th", "p") or "svg" in self.open, data
        if self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def cells(shown: Any) -> list[str]:
    page = shown._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen <= {"table", "thead", "tbody", "tr", "th", "td", "p", "svg", "path", "text"}
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", unescape(page))
    return tags.cells


@pytest.mark.parametrize(
    ("shown", "among"),
    [
        (striate.networks(), {"network", "lenet5", "61,706", "resnet18", "11,689,512"}),
        (striate.size(227, 11, stride=4), {"output", "55 = (227 - 11 + 2 * 0) / 4 + 1", "no"}),
        (
            striate.size("227x227x3", 11, stride=4, filters=96),
            {"55x55x96", "34,848", "96", "34,944", "105,415,200"},
        ),
        (striate.size("8x8", layers=["pool(2)", "dense(3)"]), {"4x4x1", "sum", "51"}),
        (
            numbers(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), patch=(1, 2, 2)),
            {"channel", "red", "green", "blue", "std", "blue: row, column", "47"},
        ),
        (
            MODEL,
            {"model", "classification", "61,111", "28x28 pixels, gray, letterbox", "epochs", "5"},
        ),
        (PREDICTION, {"confidence", "75.0 %", "cat", "25.0 %"}),
        (FAILED, {"image", "why it was not read"}),
        (striate.Predictions([PREDICTION, FAILED]), {"image", "class", "75.0 %", "rotated"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_verb_returns_is_a_table(shown: Any, among: set[str]):
    found = cells(shown)
    assert among <= set(found)
    assert not any("\x1b" in cell for cell in found)


def test_numbers_have_a_histogram_for_each_channel():
    page = numbers(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))._repr_html_()
    drawn = re.findall(r'<svg aria-label="(\w+)".*?</svg>', page, re.DOTALL)
    assert drawn == ["red", "green", "blue"]


def test_an_image_whose_name_is_markup_is_told_as_text():
    image = LoadedImage(EVIL, np.zeros((3, 3), np.uint8), notes=(EVIL,))
    page = numbers(image)._repr_html_()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 2
    cells(numbers(image))


def test_the_table_of_networks_is_that_of_the_terminal(capsys):
    from striate.cli import main

    assert main(["networks"]) == 0
    assert capsys.readouterr().out == f"{striate.networks()!r}\n"
    assert tuple(striate.networks()) == tuple(zoo.CARDS.values())


def test_every_class_that_a_verb_returns_has_a_table_or_an_image():
    """None is forgotten: these are the results of the verbs."""
    from striate.arithmetic import Size, Volumes
    from striate.data.check import Inspection
    from striate.images.filtering import Filtered
    from striate.images.numbers import Numbers
    from striate.summary import Summary
    from striate.tasks.classification.results import Evaluation
    from striate.training.run import Run
    from striate.verbs.looking import Networks

    results = (
        *(Summary, Size, Volumes, Inspection, Evaluation, Numbers, Run, Networks, Model),
        *(Prediction, striate.Predictions),
    )
    assert all(hasattr(result, "_repr_html_") for result in results)
    assert hasattr(Filtered, "_repr_png_")
