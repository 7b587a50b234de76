"""Two classes: figures are scikit-learn's, and stand in text, JSON and page."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from sklearn import metrics

from striate.metrics.binary import precision_recall_curve, roc_curve
from striate.metrics.estimates import from_hits
from striate.tasks.classification.results import Evaluation, make_evaluation
from striate.tasks.classification.threshold import EVENLY, Threshold
from striate.tasks.results import About
from striate.tasks.sections import Charts, Table, Text, Tiles

NAMES = ("defect", "sound")


def of_scores(scores, labels, threshold: Threshold = EVENLY, split="test") -> Evaluation:
    """An evaluation of probabilities of the second class."""
    scores = np.float32(scores)
    rated = np.stack([1 - scores, scores], axis=1)
    paths = [f"{row}.png" for row in range(len(labels))]
    about = About("net", split, tuple(paths), 0)
    return make_evaluation(rated, labels, NAMES, about, threshold)


def binary(evaluation: Evaluation):
    assert evaluation.binary
    return evaluation.binary


#: at 0.3 of "sound": 4 found, 1 missed, 2 of "defect" taken for it, 1 not
SMALL = [0.9, 0.8, 0.6, 0.4, 0.35, 0.3, 0.2, 0.1], [1, 1, 0, 1, 0, 1, 1, 0]


def drawn(threshold: Threshold = EVENLY) -> Evaluation:
    """300 images, some of equal probabilities."""
    draw = np.random.default_rng(5)
    labels = draw.integers(0, 2, 300)
    scores = np.round(1 / (1 + np.exp(-draw.normal(1.5 * labels - 1, 1))), 2)
    return of_scores(scores, labels, threshold)


@pytest.mark.parametrize("positive", [0, 1])
def test_curves_and_areas_are_those_of_scikit_learn(positive: int):
    evaluation = drawn(Threshold(positive))
    found = binary(evaluation)
    truth, scores = evaluation.labels == positive, evaluation.probabilities[:, positive]
    assert found.positive == NAMES[positive]
    false, true, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    assert np.allclose(roc_curve(found.sweep), (false, true))
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    assert np.allclose(precision_recall_curve(found.sweep), (precision[::-1], recall[::-1]))
    assert found.roc_auc.value == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert found.average_precision.value == pytest.approx(
        metrics.average_precision_score(truth, scores)
    )


@pytest.mark.parametrize("threshold", [EVENLY, Threshold(1, 0.3), Threshold(0, 0.8)])
def test_every_figure_is_that_of_the_threshold_in_force(threshold: Threshold):
    evaluation = drawn(threshold)
    found = binary(evaluation)
    truth = evaluation.labels == threshold.positive
    scores = evaluation.probabilities[:, threshold.positive]
    said = scores >= np.float32(threshold.value) if threshold.value else scores > 0.5
    assert ((evaluation.predicted == threshold.positive) == said).all()
    assert evaluation.accuracy.value == pytest.approx(metrics.accuracy_score(truth, said))
    assert found.chosen.f1 == pytest.approx(metrics.f1_score(truth, said))
    shares = found.chosen.shares()
    assert {name: share and share.value for name, share in shares.items()} == pytest.approx({
        "precision": metrics.precision_score(truth, said),
        "recall": metrics.recall_score(truth, said),
        "specificity": metrics.recall_score(~truth, ~said),
    })  # fmt: skip
    own = next(row for row in evaluation.per_class if row.name == found.positive)
    assert (own.precision, own.recall) == (shares["precision"].value, shares["recall"].value)


def test_a_small_evaluation_by_hand():
    found = binary(of_scores(*SMALL, Threshold(1, 0.3)))
    counts = {"true_positives": 4, "false_positives": 2, "false_negatives": 1, "true_negatives": 1}
    assert asdict(found.chosen.counts) == counts
    assert found.chosen.precision == from_hits(4, 6)
    assert found.chosen.recall == from_hits(4, 5)
    assert found.chosen.specificity == from_hits(1, 3)
    assert found.chosen.f1 == 8 / 11
    assert found.roc_auc.value == pytest.approx(10 / 15)  # pairs in order: 3 + 3 + 2 + 1 + 1
    assert found.average_precision.value == pytest.approx((1 + 1 + 3 / 4 + 4 / 6 + 5 / 7) / 5)
    document = json.loads(json.dumps(of_scores(*SMALL, Threshold(1, 0.3)).to_json()))["binary"]
    assert document["positive"] == "sound"
    assert document["threshold"] == 0.3
    assert {name: document[name] for name in counts} == counts
    assert document["recall"] == asdict(from_hits(4, 5))
    assert document["roc_auc"] == asdict(found.roc_auc)
    assert document["f1"] == 8 / 11


def test_it_is_printed_below_the_figures_of_all_classes():
    assert repr(of_scores(*SMALL, Threshold(1, 0.3))).split("\n")[1:14] == [
        "  accuracy           62 %    (95 % interval 31 to 86 %)",
        "  accuracy to beat   62 %    (always “sound”)",
        "  macro-F1           56 %",
        "  log-loss           0.6888  (uniform guess: 0.6931)",
        "  calibration error  29 %    (95 % interval 0 to 52 %)",
        "  ROC AUC            67 %    (95 % interval 21 to 94 %)",
        "  average precision  83 %    (95 % interval 44 to 97 %)",
        "  threshold          0.3     (positive class: sound)",
        "  precision          67 %    (95 % interval 30 to 90 %)",
        "  recall             80 %    (95 % interval 38 to 96 %)",
        "  specificity        33 %    (95 % interval 6 to 79 %)",
        "  F1                 73 %",
        "",
    ]


def test_a_threshold_is_not_judged_by_the_images_that_may_have_chosen_it_without_a_remark():
    said = "A threshold chosen on validation images is judged a little too well by them."
    fitted = of_scores(*SMALL, Threshold(1, 0.3), "validation")
    assert [remark.text for remark in fitted.remarks()][-1] == said
    assert f"  {said}" in repr(fitted).split("\n")
    for other in (of_scores(*SMALL, EVENLY, "validation"), of_scores(*SMALL, Threshold(1, 0.3))):
        assert said not in repr(other)
        assert said not in [remark.text for remark in other.remarks()]


def test_the_page_shows_both_curves_with_the_threshold_and_a_row_for_each():
    figures, roc, pair, *_ = of_scores(*SMALL, Threshold(1, 0.25)).sections()
    assert [figures.title, roc.title, pair.title] == ["Metrics", "ROC", "Precision and recall"]
    tiles, named, curve = roc.parts
    assert isinstance(tiles, Tiles)
    assert isinstance(named, Text)
    assert isinstance(curve, Charts)
    assert [getattr(span, "text", span) for span in named.phrase] == [
        "The positive class is ", "sound", ": 5 of 8 images.",
    ]  # fmt: skip
    assert tiles.tiles[0].text == "area under the ROC curve, 95 % interval 21 to 94 %"
    mark = curve.charts[0].series[-1]
    assert (mark.label, mark.points) == ("threshold 0.25", ((pytest.approx(2 / 3), 0.8),))
    _, curve, table = pair.parts
    assert isinstance(curve, Charts)
    assert isinstance(table, Table)
    mark = curve.charts[0].series[-1]
    assert (mark.label, mark.points) == ("threshold 0.25", ((0.8, 4 / 6),))
    heads = [row[0].phrase for row in table.rows]
    assert heads[:2] == ["0.1", "0.2"]
    assert getattr(heads[2][0], "text", "") == "0.25"
    assert heads[3:] == ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    assert [cell.phrase for cell in table.rows[2][1:]] == ["67 %", "80 %", "33 %", "73 %", "6"]
    assert getattr(table.rows[2][2].bar, "low", None) == from_hits(4, 5).low


def test_a_listed_threshold_in_force_stands_there_once():
    _, _, pair, *_ = of_scores(*SMALL).sections()
    table = pair.parts[-1]
    assert isinstance(table, Table)
    assert len(table.rows) == 9


def test_what_one_class_alone_leaves_open_is_a_dash_and_no_curve():
    evaluation = of_scores([0.2, 0.4], [0, 0])
    document = evaluation.to_json()["binary"]
    empty = ("roc_auc", "average_precision", "precision", "recall", "f1")
    assert [document[name] for name in empty] == [None] * 5
    assert math.isnan(binary(evaluation).roc_auc.value)
    assert "  ROC AUC            –\n" in repr(evaluation)
    _, roc, pair, *_ = evaluation.sections()
    assert roc.parts[-1] == Text("All images are of one class, so there is no curve.")
    assert not any(isinstance(part, Charts) for part in pair.parts)


def test_an_error_against_the_odds_is_told_with_the_probability_of_what_was_answered():
    evaluation = of_scores(*SMALL, Threshold(1, 0.3))
    assert evaluation.confidence.tolist() == pytest.approx(
        [0.9, 0.8, 0.6, 0.4, 0.35, 0.3, 0.8, 0.9]
    )
    assert [doubt.row for doubt in evaluation.least_sure(2)] == [5, 3]
    assert [mistake.predicted for mistake in evaluation.worst_mistakes()] == [
        "defect", "sound", "sound",
    ]  # fmt: skip


def test_three_classes_have_none_of_it():
    rated = np.full((3, 3), 1 / 3)
    evaluation = make_evaluation(rated, [0, 1, 2], "abc", About("net", "test", ("a", "b", "c")))
    assert evaluation.binary is None
    assert "binary" not in evaluation.to_json()
    assert "ROC" not in {section.title for section in evaluation.sections()}
    assert "threshold" not in repr(evaluation)
