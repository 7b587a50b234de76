"""Results of segmentation: figures of pooled pixels, what is printed, and the report."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score

from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, ModelError
from striate.tasks.sections import Charts, Gallery, Matrix, Ranking, Table, Text, Tiles
from tests.tasks.masks import STREET, draw_masks, evaluate


@pytest.fixture(scope="module")
def drawn():
    return draw_masks(30)


def test_figures_are_those_of_scikit_learn_over_the_pixels_of_all_images(drawn):
    predicted, true = drawn
    results = evaluate(predicted, true)
    kept = true != IGNORE
    expected = jaccard_score(true[kept], predicted[kept], average=None)
    mean, accuracy, weighted = results.scores()
    assert mean.value == pytest.approx(expected.mean())
    assert accuracy.value == pytest.approx((true == predicted)[kept].mean())
    share = np.bincount(true[kept]) / kept.sum()
    assert weighted.value == pytest.approx((share * expected).sum())
    assert [row.iou.value for row in results.per_class] == pytest.approx(expected.tolist())
    assert [row.share for row in results.per_class] == pytest.approx(share.tolist())
    assert np.array_equal(results.confusion, confusion_matrix(true[kept], predicted[kept]))
    assert mean.low < mean.value < mean.high
    assert len(results) == mean.images == 30


def test_the_size_of_batches_changes_nothing(drawn):
    one, other = (evaluate(*drawn, batch=batch) for batch in (1, 30))
    assert one.to_json() == other.to_json()


def test_the_best_constant_answer_is_the_most_frequent_class(drawn):
    predicted, true = drawn
    baseline = evaluate(predicted, true).baseline()
    always = [evaluate(np.full_like(true, at), true).scores()[0].value for at in range(3)]
    assert baseline.value == pytest.approx(max(always))
    assert baseline.name == STREET.names[int(np.argmax(always))]
    assert baseline.rule == "always predicting the most frequent class"


def test_a_class_that_is_nowhere_is_left_out_of_the_mean_and_last(drawn):
    predicted, true = drawn
    spec = TargetSpec("mask", ("boat", "road", "sky", "car"))
    shifted = np.where(true == IGNORE, true, true + 1).astype(np.uint8)
    results = evaluate((predicted + 1).astype(np.uint8), shifted, spec)
    assert results.scores()[0].value == pytest.approx(evaluate(predicted, true).scores()[0].value)
    assert [row.name for row in results.weakest()][-1] == "boat"
    assert results.to_json()["per_class"][0]["iou"]["value"] is None
    assert json.loads(json.dumps(results.to_json(), allow_nan=False)) == results.to_json()


def test_the_worst_images_are_those_of_the_lowest_mean_iou(drawn):
    predicted, true = drawn
    results = evaluate(predicted, true)
    each = [evaluate(predicted[[at]], true[[at]]).scores()[0].value for at in range(30)]
    order = np.argsort(each)[:12]
    assert [image.row for image in results.worst] == order.tolist()
    assert [image.mean_iou for image in results.worst] == pytest.approx(np.array(each)[order])
    assert np.array_equal(results.worst[0].true, true[order[0]])
    assert np.array_equal(results.worst[0].predicted, predicted[order[0]])
    assert results.worst[0].path == f"streets/{order[0]}.png"


def test_masks_in_which_nothing_counts_cannot_be_evaluated():
    nothing = np.full((2, 4, 4), IGNORE, np.uint8)
    with pytest.raises(DataError) as error:
        evaluate(np.zeros_like(nothing), nothing)
    assert str(error.value) == (
        "2 images of net.safetensors: every pixel of their masks is ignored, so there is nothing "
        "to compare"
    )


def test_answers_that_are_not_finite_are_an_error_of_the_model():
    predicted, true = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)
    predicted[1, 0, :3] = IGNORE
    with pytest.raises(ModelError) as error:
        evaluate(predicted, true)
    assert str(error.value) == (
        "net.safetensors: its answers for 3 pixels of streets/1.png are not finite;\n"
        "its weights are damaged or diverged: use an earlier checkpoint"
    )


def test_what_is_printed_names_the_figures_and_the_weakest_classes_first():
    predicted, true = draw_masks(9, seed=1)
    lines = repr(evaluate(predicted, true, split="validation")).splitlines()
    assert lines[0] == "9 validation images, 3 classes: net.safetensors"
    assert lines[1].startswith("  mean IoU                ")
    assert lines[4].startswith("  mean IoU to beat")
    assert lines[6].split() == [
        "class", "images", "pixels", "IoU", "recall", "precision", "most", "confused", "with",
    ]  # fmt: skip
    assert lines[-1] == "  * in fewer than 10 images: too few to rely on"


def test_the_report_has_figures_confusion_classes_and_the_worst_images(drawn):
    figures, confusion, classes, worst = evaluate(*drawn).sections()
    kinds = [tuple(map(type, each.parts)) for each in (figures, confusion, classes, worst)]
    assert kinds == [(Tiles,), (Matrix, Ranking), (Table, Charts), (Text, Gallery)]
    assert confusion.parts[0].percent
    pairs = worst.parts[1].pictures
    assert len(pairs) == 24
    assert pairs[0].row == pairs[1].row
    assert (pairs[1].caption, pairs[0].caption[0]) == ("true", "predicted, mean IoU ")
    assert [span.text for span in worst.parts[0].phrase] == ["road", "sky", "car"]


def test_a_picture_of_the_report_is_without_the_padding_of_the_input():
    predicted, true = draw_masks(3, ignored=0)
    true[:, :4] = IGNORE
    *_, worst = evaluate(predicted, true).sections()
    pixels = np.full((24, 24, 3), 100, np.uint8)
    wrong, right = (picture.overlay(pixels) for picture in worst.parts[1].pictures[:2])
    assert wrong.shape == right.shape == (20, 24, 3)
    row = worst.parts[1].pictures[0].row
    differ = (wrong != right).any(axis=2)
    assert np.array_equal(differ, predicted[row, 4:] != true[row, 4:])


def test_no_image_is_shown_where_every_pixel_is_right():
    _, true = draw_masks(3)
    *_, worst = evaluate(np.where(true == IGNORE, 0, true).astype(np.uint8), true).sections()
    assert worst.parts == (Text("None: every pixel of the 3 images is correct."),)


def test_a_resample_is_the_evaluation_of_images_repeated(drawn):
    predicted, true = drawn
    counts = np.random.default_rng(3).integers(0, 3, (2, 30))
    found = evaluate(predicted, true).resample(counts)
    for value, row in zip(found, counts, strict=True):
        repeated = evaluate(predicted.repeat(row, axis=0), true.repeat(row, axis=0))
        assert value == pytest.approx(repeated.scores()[0].value)
