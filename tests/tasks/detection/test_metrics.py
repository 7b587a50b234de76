"""Detections: decoded, counted in bins, sorted by kinds of errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.data.listing.target_spec import TargetSpec
from striate.metrics.box_matching import match_boxes
from striate.metrics.boxes import measure_boxes
from striate.tasks.detection.binned import choose_thresholds, count_bins, measure_bins
from striate.tasks.detection.constant import choose_constant
from striate.tasks.detection.decoding import MOST, decode
from striate.tasks.detection.errors import sort_errors
from striate.tasks.detection.metrics import keep_sure
from striate.tasks.detection.results import make_results
from striate.tasks.results import About
from striate.tasks.sections import Rank, Ranking
from striate.zoo.regions_on import Detections

SPEC = TargetSpec("boxes", ("cat", "dog"))
TRUE = [[0, 0, 10, 10, 0, 0], [20, 20, 40, 40, 1, 0], [50, 50, 60, 60, 0, 1]]


def test_the_best_boxes_of_each_class_are_decoded() -> None:
    proposals = torch.tensor([[[0.0, 0, 10, 10], [1, 0, 10, 10], [0, 0, 10, 9], [-5, 50, 80, 90]]])
    logits = torch.tensor([[[2.0, 0, 0], [3, 0, 0], [0, 3, 0], [-9, 0, 9]]])
    empty = torch.zeros(1, 1, 4)
    found = decode(
        Detections(empty[0], empty[..., 0], empty, proposals, logits, 0 * proposals, (64, 64))
    )
    assert found.shape == (1, MOST, 6)
    rows = found[0, found[0, :, 5] >= 0]
    sure = 1 / (1 + 2 * np.exp(-3))
    # the second box hides the first, of the same class; the third is of another, as is its rest
    assert rows[:2, 5].tolist() == [0, 1]
    assert rows[:2, 4].tolist() == pytest.approx([sure, sure])
    assert rows[0, :4].tolist() == [1, 0, 10, 10]
    assert rows[:, 4].tolist() == sorted(rows[:, 4].tolist(), reverse=True)
    assert found[0, -1].tolist() == [0, 0, 0, 0, 0, -1]


def test_outputs_that_are_no_numbers_stay_none() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [20, 20, 30, 30]]])
    logits = torch.full((1, 2, 3), torch.nan)
    empty = torch.zeros(1, 1, 4)
    found = decode(Detections(empty[0], empty[..., 0], empty, boxes, logits, 0 * boxes, (64, 64)))
    assert found.isnan().any()


def some_boxes(images: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 80, (images, 6, 2))
    boxes = np.concatenate((corners, corners + random.uniform(10, 40, (images, 6, 2))), 2)
    true = np.concatenate(
        (boxes, random.integers(-1, 3, (images, 6, 1)), np.zeros((images, 6, 1))), 2
    )
    moved = boxes + random.normal(0, 3, boxes.shape)
    scores = random.uniform(0, 1, (images, 6, 1)) ** 2
    kinds = np.where(random.random((images, 6, 1)) < 0.8, true[..., 4:5], 1)
    return true, np.concatenate((moved, scores, kinds), 2)


def test_the_precision_of_bins_is_that_of_the_boxes() -> None:
    true, found = some_boxes()
    matches = match_boxes(true, found, 3)
    exact, _ = measure_boxes(matches)
    halves = [match_boxes(true[part], found[part], 3) for part in (slice(20), slice(20, None))]
    bins = sum(count_bins(half) for half in halves)  # they add up
    there = matches.positives[0].sum(axis=0)
    binned = measure_bins(np.asarray(bins, np.float64), there.astype(np.float64))
    assert 0.1 < exact[0, 0].min() < exact[0, 0].max() < 0.9
    assert binned == pytest.approx(exact[0].T, abs=0.01)


def test_the_threshold_is_that_of_the_best_f1() -> None:
    """Cats: 0.9 and 0.8 are right, 0.3 is not. Of dogs there is none."""
    true = np.array([[[0, 0, 9, 9, 0, 0], [20, 20, 30, 30, 0, 0.0]]])
    found = np.array([[[0, 0, 9, 9, 0.9, 0], [20, 20, 30, 30, 0.8, 0], [50, 50, 60, 60, 0.3, 0.0]]])
    bins = count_bins(match_boxes(true, found, 2)).astype(np.float64)
    cat, dog = choose_thresholds(bins, np.array([2.0, 0]))
    assert 0.3 < cat <= 0.8
    assert dog == 0.5


def test_errors_are_sorted_by_kind() -> None:
    found = [
        [0, 0, 10, 10, 0.9, 0],  # right
        [0, 0, 10, 9, 0.8, 0],  # twice
        [0, 0, 10, 3, 0.7, 0],  # badly placed
        [20, 20, 40, 41, 0.6, 0],  # of another class
        [20, 20, 40, 25, 0.6, 0],  # and badly placed
        [50, 50, 60, 60, 0.5, 0],  # on one that is ignored
        [90, 90, 99, 99, 0.5, 1],  # on none
        [0, 0, 0, 0, 0, -1],
    ]
    errors = sort_errors(np.array([TRUE]), np.array([found]))
    names = ("hits", "twice", "badly_placed", "wrong_class", "both", "background", "missed")
    assert [int(getattr(errors, name)[0]) for name in names] == [1] * 7
    assert errors.false.tolist() == [5]


def test_boxes_below_the_threshold_of_their_class_are_no_answers() -> None:
    rows = np.array([[0, 0, 1, 1, 0.6, 0], [0, 0, 1, 1, 0.6, 1], [0, 0, 0, 0, 0, -1]])
    assert keep_sure(rows, np.array([0.7, 0.5])).tolist() == [[0, 0, 1, 1, 0.6, 1]]


def test_results_tell_figures_classes_and_errors() -> None:
    found = np.zeros((2, 3, 6))
    found[..., 5] = -1
    found[0, :2] = [0, 0, 10, 10, 0.9, 0], [20, 20, 40, 40, 0.8, 1]
    found[1, 0] = [0, 0, 10, 10, 0.7, 0]
    true = np.array([TRUE, TRUE], np.float64)
    about = About("m", "test", ("a.png", "b.png"), tests=0)
    results = make_results([(found, true)], SPEC, np.array([0.5, 0.5]), about)
    assert [score.figure.name for score in results.scores()] == ["ap50", "ap", "ap75"]
    dog = 51 / 101  # one of two dogs is found
    assert results.scores()[0].value == pytest.approx((1 + dog) / 2)
    assert results.tell(1) == ("2 boxes", "1 found, 0 wrong")
    assert results.image_errors.tolist() == pytest.approx([0, 1 / 3])
    assert results.worst() == [1]
    assert results.baseline().value == 1.0  # all images have the same boxes
    report = results.to_json()
    assert report["errors"]["missed"] == 1
    assert report["per_class"][1]["recall"] == 0.5
    counts = np.array([[1, 1], [2, 0]])
    assert results.resample(counts).tolist() == pytest.approx([(1 + dog) / 2, 1])
    sections = list(results.sections())
    assert sections[-1].title == "The worst images"
    (ranking,) = sections[1].parts
    assert isinstance(ranking, Ranking)
    first, second, *_ = ranking.ranks
    assert first == Rank("true boxes that were not found", "1", 1.0)
    assert (second.value, second.share) == ("0", 0)


def test_the_constant_answer_has_the_boxes_that_hit_in_the_most_images() -> None:
    """Cats lie left in two of three images and right in one; one of two near boxes is taken."""
    none = [0, 0, 0, 0, -1, 0]
    true = np.array(
        [
            [[0, 0, 10, 10, 0, 0], [0, 0, 10, 9, 0, 0], [60, 0, 80, 10, 1, 1]],
            [[0, 0, 10, 10, 0, 0], none, none],
            [[40, 0, 50, 10, 0, 0], none, none],
        ],
        np.float64,
    )
    left, right = [0, 0, 10, 10, 2 / 3, 0], [40, 0, 50, 10, 1 / 3, 0]
    assert choose_constant(true, 2).tolist() == [left, right]
    assert choose_constant(true[:, 2:], 2).shape == (0, 6)


def test_the_constant_answer_has_a_hundred_boxes_at_most() -> None:
    corners = np.arange(240.0).reshape(1, 240, 1) * 10 + np.array([0, 0, 9, 9])
    true = np.concatenate((corners, np.zeros((1, 240, 2))), axis=2)
    assert choose_constant(true, 1).shape == (100, 6)
