"""Reports on signals and sequences speak of these."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from striate.evaluation.content import rename_inputs
from striate.tasks.sections import Cell, Head, Section, Span, Table, Text
from striate.text import name_inputs


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        ("An image of 5 images", "A signal of 5 signals"),
        ("Images that an image is like", "Signals that a signal is like"),
        ("more images.", "more signals."),
        ("images/1.csv, my-image.png, imagery, --image-size", None),
        ("the image's class", "the signal's class"),
    ],
)
def test_words_change_but_paths_do_not(text: str, signals: str | None) -> None:
    assert name_inputs(text, "signal") == (signals or text)
    assert name_inputs(text, "image") == text


@dataclass(frozen=True)
class Page:
    """As `Content`: texts, sections, and what is not to change."""

    title: str
    sections: tuple[Section, ...]
    facts: dict[str, str]
    command: str


def test_texts_of_a_report_change_and_names_of_the_data_do_not() -> None:
    parts = (
        Text(("An image of ", Span("image"), Span("each image", "soft"))),
        Table("Images", (Head("images"),), ((Cell("5 images"),),)),
    )
    page = Page("all images", (Section("Images", "", parts),), {"images": "9"}, "striate images")
    table = Table("Sequences", (Head("sequences"),), ((Cell("5 sequences"),),))
    text = Text(("A sequence of ", Span("image"), Span("each image", "soft")))
    assert rename_inputs(page, "sequence") == Page(  # type: ignore[arg-type]
        "all sequences", (Section("Sequences", "", (text, table)),), {"sequences": "9"},
        "striate images",
    )  # fmt: skip
    assert rename_inputs(page, "image") is page  # type: ignore[arg-type]
