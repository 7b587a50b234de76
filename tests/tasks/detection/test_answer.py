"""The boxes of an image as words, CSV, JSON and picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from striate.data.listing.target_spec import TargetSpec
from striate.data.readers.scan import scan
from striate.prediction.predictor import Prediction
from striate.prediction.table import Rows
from striate.tasks.colors import class_colors
from striate.tasks.detection.answer import BoxAnswer
from striate.tasks.detection.drawing import draw_targets, make_legend
from striate.tasks.results import DrawnAnswer, PictureAnswer
from tests.data.boxes import boxes_of, photo

SPEC = TargetSpec("boxes", ("cat", "dog", "owl"))
DECODED = np.array(
    [
        [10.25, 4, 20, 30.5, 0.9, 1],
        [0, 0, 5, 5, 0.8, 0],
        [1, 0, 5, 5, 0.7, 0],
        [0, 0, 9, 9, 0.3, 2],
        [0, 0, 0, 0, 0, -1],
    ],
    np.float32,
)
ANSWER, NOTHING = BoxAnswer.of(DECODED, SPEC, 2), BoxAnswer.of(DECODED[4:], SPEC, 2)


def test_boxes_are_counted_by_class_and_the_best_is_told() -> None:
    assert ANSWER.columns == ("boxes", "best score", "best box")
    assert ANSWER.cells() == ("2 cat, 1 dog and 1 more", "90.0 %", "dog 10, 4 to 20, 30")
    assert NOTHING.cells() == ("none", "–", "–")
    assert ANSWER.details() == (
        ("box", "score"),
        ("dog 10, 4 to 20, 30", "90.0 %"),
        ("cat 0, 0 to 5, 5", "80.0 %"),
        ("cat 1, 0 to 5, 5", "70.0 %"),
        ("owl 0, 0 to 9, 9", "30.0 %"),
    )


def test_json_holds_every_box_in_pixels_of_the_image() -> None:
    assert ANSWER.to_json()["boxes"][:2] == [
        {"class": "dog", "score": 0.9, "box": [10.25, 4, 20, 30.5]},
        {"class": "cat", "score": 0.8, "box": [0, 0, 5, 5]},
    ]
    assert NOTHING.to_json() == {"boxes": []}


def test_a_csv_has_a_row_for_each_box_and_can_be_read_as_data(tmp_path: Path) -> None:
    rows = [
        Prediction("1.png", ANSWER),
        Prediction("2.png", NOTHING, ("rotated",)),
        Prediction("3.png", BoxAnswer(), error="empty"),
    ]
    made = Rows.of(Path("a.csv"), ANSWER.csv_columns)
    text = made.head + "".join(map(made.text, rows))
    assert text.splitlines() == [
        "path,class,score,xmin,ymin,xmax,ymax,error,notes",
        "1.png,dog,0.900000,10.25,4.00,20.00,30.50,,",
        "1.png,cat,0.800000,0.00,0.00,5.00,5.00,,",
        "1.png,cat,0.700000,1.00,0.00,5.00,5.00,,",
        "1.png,owl,0.300000,0.00,0.00,9.00,9.00,,",
        "2.png,,,,,,,,rotated",
        "3.png,,,,,,,empty,",
    ]
    for name in "123":
        photo(tmp_path / f"{name}.png")
    (tmp_path / "found.csv").write_text(text)
    read = boxes_of(scan(tmp_path / "found.csv"))
    assert read["1.png"][0] == ("dog", 10.25, 4, 20, 30.5)
    assert [len(boxes) for boxes in read.values()] == [4, 0, 0]


def test_boxes_are_drawn_over_their_image_in_the_colors_of_their_classes() -> None:
    image = np.full((48, 64, 3), 250, np.uint8)
    drawn = ANSWER.draw(image)
    assert drawn.shape == (48, 64, 3)
    assert (drawn[29, 12:18] == class_colors(3)[1]).all()
    assert (NOTHING.draw(image) == image).all()
    assert isinstance(ANSWER, DrawnAnswer)
    assert not isinstance(ANSWER, PictureAnswer)


def test_true_boxes_are_drawn_with_a_legend_and_ignored_ones_dashed() -> None:
    boxes = np.array([[4, 20, 40, 40, 2, 0], [4, 20, 40, 40, -1, 0]], np.float32)
    image = np.full((48, 64, 1), 250, np.uint8)
    whole = (draw_targets(image, boxes, SPEC) == class_colors(3)[2]).all(axis=2)
    assert whole[39, 4:40].all()
    boxes[0, 5] = 1
    dashed = (draw_targets(image, boxes, SPEC) == class_colors(3)[2]).all(axis=2)
    assert 10 < dashed[39, 4:40].sum() < 30
    ((name, swatch),) = make_legend(boxes[None], SPEC)
    assert name == "owl"
    assert swatch[0, 0].tolist() == class_colors(3)[2].tolist()


@pytest.mark.parametrize("name", ["a\x1b[31mb", "<script>"])
def test_names_from_the_data_are_written_as_they_can_be_printed(name: str) -> None:
    answer = BoxAnswer.of(DECODED[:1], TargetSpec("boxes", ("x", name)), 2)
    assert answer.draw(np.zeros((48, 64, 3), np.uint8)).any()
