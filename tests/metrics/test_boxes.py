"""Average precision of boxes: known cases by hand, and random ones as COCO's own tool has them."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.metrics.box_matching import Matches, match_boxes
from striate.metrics.boxes import estimate_boxes, measure_boxes, resample_ap

Boxes = NDArray[np.float64]


def true_boxes(*images: list[list[float]]) -> Boxes:
    return _padded(images, [0, 0, 0, 0, -1, 0])


def found_boxes(*images: list[list[float]]) -> Boxes:
    return _padded(images, [0, 0, 0, 0, 0, -1])


def _padded(images: Any, none: list[float]) -> Boxes:
    most = max(1, *map(len, images))
    return np.array([[*boxes, *[none] * (most - len(boxes))] for boxes in images], float)


def ap50(true: Boxes, found: Boxes) -> float:
    return float(measure_boxes(match_boxes(true, found, 1))[0][0, 0, 0])


BOX, FAR = [0, 0, 100, 100], [200, 0, 300, 100]


def test_average_precision_of_known_cases() -> None:
    true = true_boxes([[*BOX, 0, 0], [*FAR, 0, 0]])
    assert ap50(true, found_boxes([[*BOX, 0.9, 0], [*FAR, 0.8, 0]])) == pytest.approx(1)
    # one of two found: precision 1 up to a recall of one half, 51 of 101
    assert ap50(true, found_boxes([[*BOX, 0.9, 0]])) == pytest.approx(51 / 101)
    assert ap50(true, found_boxes([])) == 0
    # a false one before: precision 1/2
    first = [400, 0, 500, 100, 0.95, 0]
    assert ap50(true, found_boxes([first, [*BOX, 0.9, 0]])) == pytest.approx(51 / 101 / 2)
    # the same box a second time is false, and changes nothing behind the last hit
    twice = found_boxes([[*BOX, 0.9, 0], [*BOX, 0.85, 0], [*FAR, 0.8, 0]])
    assert ap50(true, twice) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_decides_at_each_threshold() -> None:
    true, found = true_boxes([[*BOX, 0, 0]]), found_boxes([[0, 0, 100, 72, 0.9, 0]])
    precision, recall = measure_boxes(match_boxes(true, found, 1))
    assert precision[0, :, 0] == pytest.approx([1] * 5 + [0] * 5)  # 0.5 to 0.7, not 0.75
    assert recall[0, :, 0].tolist() == [1] * 5 + [0] * 5


def test_ignored_boxes_are_neither_missed_nor_false_however_often_they_are_found() -> None:
    true = true_boxes([[*BOX, 0, 0], [*FAR, 0, 1]])
    inside = [[210, 10, 230, 30, 0.95, 0], [*FAR, 0.94, 0]]
    assert ap50(true, found_boxes([*inside, [*BOX, 0.9, 0]])) == pytest.approx(1)
    assert ap50(true, found_boxes(inside)) == 0
    only = match_boxes(true_boxes([[*FAR, 0, 1]]), found_boxes(inside), 1)
    assert np.isnan(measure_boxes(only)[0]).all()


def test_sizes_are_areas_in_the_image() -> None:
    true, found = true_boxes([[0, 0, 20, 20, 0, 0]]), found_boxes([[0, 0, 20, 20, 0.9, 0]])
    precision, _ = measure_boxes(match_boxes(true, found, 1))
    assert np.nan_to_num(precision[:, 0, 0], nan=-1).tolist() == pytest.approx([1, 1, -1, -1])
    scaled = np.concatenate([true, np.full((1, 1, 1), 9.0)], axis=2)  # 60 x 60 in the image
    precision, _ = measure_boxes(match_boxes(scaled, found, 1))
    assert np.nan_to_num(precision[:, 0, 0], nan=-1).tolist() == pytest.approx([1, -1, 1, -1])


def random_case(seed: int, images: int = 30, classes: int = 3) -> tuple[Boxes, Boxes]:
    """True boxes of all sizes, a few ignored; detections near them, doubled, missing and false."""
    draws = np.random.default_rng(seed)
    true, found = list[list[list[float]]](), list[list[list[float]]]()
    for _ in range(images):
        rows, seen = list[list[float]](), list[list[float]]()
        for _ in range(int(draws.integers(0, 9))):
            corner, sides = draws.integers(0, 200, 2), draws.integers(4, 160, 2)
            box = np.array([*corner, *(corner + sides)], float)
            kind = int(draws.integers(0, classes))
            rows.append([*box, kind, float(draws.random() < 0.15)])
            for _ in range(int(draws.choice([0, 1, 1, 1, 2]))):
                near = box + draws.normal(0, 0.12, 4) * np.tile(sides, 2)
                near = np.round([*np.minimum(near[:2], near[2:] - 1), *near[2:]], 1)
                other = kind if draws.random() < 0.9 else int(draws.integers(0, classes))
                seen.append([*near, round(float(draws.random()), 2), other])
        for _ in range(int(draws.integers(0, 4))):
            corner = draws.integers(0, 200, 2)
            box = [*corner, *(corner + draws.integers(4, 160, 2))]
            seen.append([*box, round(float(draws.random()), 2), int(draws.integers(0, classes))])
        true.append(rows)
        found.append(sorted(seen, key=lambda row: -row[4]))
    return true_boxes(*true), found_boxes(*found)


def reference(true: Boxes, found: Boxes, classes: int) -> Any:
    """COCO's own evaluation, in its tool or the faster one."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    annotations, detections = list[Any](), list[Any]()
    for image, (rows, seen) in enumerate(zip(true, found, strict=True), 1):
        for left, top, right, low, kind, ignored in rows[rows[:, 4] >= 0].tolist():
            box = [left, top, right - left, low - top]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": int(kind) + 1}
                | {"bbox": box, "area": box[2] * box[3], "iscrowd": int(ignored)}
            )
        for left, top, right, low, score, kind in seen[seen[:, 5] >= 0].tolist():
            box = [left, top, right - left, low - top]
            entry = {"image_id": image, "category_id": int(kind) + 1, "bbox": box, "score": score}
            detections.append(entry)
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO()
        known.dataset = {
            "info": {},
            "images": [{"id": image + 1} for image in range(len(true))],
            "annotations": annotations,
            "categories": [{"id": kind + 1} for kind in range(classes)],
        }
        known.createIndex()
        made = evaluation.COCOeval(known, known.loadRes(detections), "bbox")
        made.evaluate()
        made.accumulate()
    return made.eval


def halved(true: Boxes, found: Boxes) -> tuple[Boxes, Boxes]:
    """The same boxes as an input of half the side has them, and that a pixel of it is four."""
    shown = [np.concatenate([rows[..., :4] / 2, rows[..., 4:]], axis=2) for rows in (true, found)]
    return np.concatenate([shown[0], np.full((*true.shape[:2], 1), 4.0)], axis=2), shown[1]


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_cocos_tool_in_the_image(seed: int) -> None:
    true, found = random_case(seed)
    expected = reference(true, found, 3)
    given = (true, found) if seed % 2 else halved(true, found)
    precision, recall = measure_boxes(match_boxes(*given, 3))
    theirs = expected["precision"][..., -1].mean(axis=1)  # (T, K, A)
    theirs[expected["precision"][..., -1].min(axis=1) < 0] = np.nan
    assert np.allclose(precision, theirs.transpose(2, 0, 1), atol=1e-12, equal_nan=True)
    known = np.where(expected["recall"][..., -1] < 0, np.nan, expected["recall"][..., -1])
    assert np.allclose(recall, known.transpose(2, 0, 1), atol=1e-12, equal_nan=True)


def test_only_the_best_hundred_of_a_class_in_an_image_count() -> None:
    false = [[300, 300, 310, 310, 0.5 + at / 1000, 0] for at in range(100)]
    true = true_boxes([[*BOX, 0, 0]])
    assert ap50(true, found_boxes([*false, [*BOX, 0.1, 0]])) == 0
    assert ap50(true, found_boxes([*false[1:], [*BOX, 0.1, 0]])) == pytest.approx(0.01)


def by_hand(matches: Matches, images: list[int], true: Boxes, found: Boxes) -> float:
    return estimate_boxes(match_boxes(true[images], found[images], 3), resamples=2).ap.value


def test_an_image_drawn_twice_counts_as_two() -> None:
    true, found = random_case(11)
    matches, draws = match_boxes(true, found, 3), np.random.default_rng(0)
    for _ in range(3):
        images = sorted(draws.integers(0, len(true), len(true)).tolist())
        counts = np.bincount(images, minlength=len(true))[None]
        (value,) = resample_ap(matches, counts)
        # equal scores of copies may be ordered otherwise
        assert value == pytest.approx(by_hand(matches, images, true, found), abs=0.01)


def test_intervals_hold_the_figures_and_come_again() -> None:
    true, found = random_case(3, images=40)
    matches = match_boxes(true, found, 3)
    figures = estimate_boxes(matches, resamples=200)
    assert figures == estimate_boxes(matches, resamples=200)
    every = figures.ap, figures.ap50, figures.ap75, figures.recall
    for each in (*every, *figures.by_class, *figures.by_size, *figures.by_class50):
        low, high = each.bounds
        assert 0 <= low <= high <= 1
        assert low - 0.03 <= each.value <= high + 0.03
        assert each.n == 40
    assert figures.ap75.value < figures.ap.value < figures.ap50.value
    assert figures.ap.value == pytest.approx(np.mean([each.value for each in figures.by_class]))


def test_one_image_has_no_interval_and_a_class_without_boxes_no_figure() -> None:
    matches = match_boxes(true_boxes([[*BOX, 0, 0]]), found_boxes([[*BOX, 0.9, 0]]), 2)
    figures = estimate_boxes(matches)
    assert (figures.ap.value, figures.ap.low) == (pytest.approx(1), None)
    assert np.isnan(figures.by_class[1].value)


@pytest.mark.parametrize(
    ("true", "found", "message"),
    [
        (
            true_boxes([], []),
            found_boxes([]),
            "boxes must be of the same images, but there are those of 2 and predictions for 1",
        ),
        (
            true_boxes([[*BOX, 2, 0]]),
            found_boxes([]),
            "the true boxes must be of classes below 2, but one is of 2",
        ),
        (
            true_boxes([]),
            found_boxes([[*BOX, float("nan"), 0]]),
            "the predicted boxes must be numbers, but one is not finite",
        ),
    ],
)
def test_boxes_that_cannot_be_are_refused(true: Boxes, found: Boxes, message: str) -> None:
    with pytest.raises(OptionError) as raised:
        match_boxes(true, found, 2)
    assert str(raised.value) == message
