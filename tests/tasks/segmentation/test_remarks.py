"""Remarks on predicted masks: each where it holds, and only there."""

from __future__ import annotations

import numpy as np

from striate.data.listing.target_spec import TargetSpec
from tests.tasks.masks import STREET, draw_masks, evaluate


def remarks(*given, **about):
    return {remark.text: remark.warning for remark in evaluate(*given, **about).remarks()}


def test_a_wide_interval_is_a_warning_and_a_narrow_one_is_not():
    wide = remarks(*draw_masks(4, wrong=0.4))
    start = "With 4 images the 95 % interval is "
    (text,) = [text for text in wide if text.startswith(start)]
    assert wide[text]
    assert text.endswith(
        " points wide: take the mean IoU as a rough estimate, and evaluate on more images before "
        "relying on it."
    )
    narrow = remarks(*draw_masks(40, wrong=0.05))
    (text,) = [text for text in narrow if text.startswith("With 40 images")]
    assert not narrow[text]
    assert text.endswith("a smaller difference between two networks may be chance.")


def test_one_image_has_no_interval():
    (first, *_) = remarks(*draw_masks(1)).items()
    assert first == (
        "With 1 image nothing is known of how the mean IoU varies: evaluate on more.",
        True,
    )


def test_a_network_that_does_not_beat_a_constant_answer_is_named():
    _, true = draw_masks(12, ignored=0)
    true[:, 8:20] = 1
    constant = remarks(np.ones_like(true), true)
    assert constant[
        "Always predicting “sky” has a mean IoU of 16.7 %: the network is not clearly better "
        "than this baseline."
    ]
    assert (
        "50 % of the pixels are “sky”: always predicting it has that pixel accuracy already, so "
        "look at the mean IoU." in constant
    )
    assert not any("baseline" in text for text in remarks(*draw_masks(12)))


def test_a_network_that_answers_alike_for_all_images_is_named():
    _, true = draw_masks(12, ignored=0)
    same = "The network gives the same answer for all 12 images: it has learned nothing yet."
    constant = np.ones_like(true)
    assert remarks(constant, true)[same]
    assert f"  {same}" in str(evaluate(constant, true)).split("\n")
    other = constant.copy()
    other[0, 0, 0] = 0
    found = (remarks(other, true), remarks(constant, constant), remarks(constant[:9], true[:9]))
    assert not any(
        text.startswith("The network gives the same") for texts in found for text in texts
    )


def test_rare_classes_and_classes_that_are_not_there_are_warned_of():
    predicted, true = draw_masks(12, wrong=0, ignored=0)
    true[3:][true[3:] == 2] = 1
    predicted = true.copy()
    predicted[0, 0, 0] = 3
    spec = TargetSpec("mask", ("road", "sky", "car", "boat", "cat"))
    found = remarks(predicted, true, spec)
    assert found[
        "1 class is in fewer than 10 images here (“car”): the IoU of such a class is little more "
        "than chance, and weighs as much in the mean as any other."
    ]
    assert found[
        "2 classes have no pixel here (“boat”, “cat”): nothing is known of them, but some is "
        "predicted as “boat”: an IoU of 0."
    ]
    weakest = [text for text in found if text.startswith("Weakest class")]
    assert weakest == [
        "Weakest class: “road”, IoU 99.96 %. Of its pixels 99.96 % are found (recall), the others "
        "predicted as another class, most often as “boat”; 100 % of the pixels predicted so are "
        "correct (precision)."
    ]


def test_a_class_that_is_never_predicted_is_said_to_be_so():
    _, true = draw_masks(12, ignored=0)
    predicted = np.where(true == 2, 1, true).astype(np.uint8)
    assert "Weakest class: “car”, IoU 0 %. It is never predicted." in remarks(predicted, true)


def test_all_classes_that_share_the_lowest_iou_are_named():
    _, true = draw_masks(12, ignored=0, classes=8)
    spec = TargetSpec("mask", tuple("abcdefgh"))
    assert (
        "Weakest classes: “b”, “c”, “d”, “e”, “f” and 2 more, each with an IoU of 0 %. They are "
        "never predicted."
    ) in remarks(np.zeros_like(true), true, spec)
    swapped = np.choose(true, (0, 2, 1, 3, 4, 5, 6, 7)).astype(np.uint8)
    assert "Weakest classes: “b”, “c”, each with an IoU of 0 %." in remarks(swapped, true, spec)


def test_a_pixel_accuracy_below_that_of_one_class_everywhere_is_warned_of():
    _, true = draw_masks(12, ignored=0)
    true[:, 8:20] = 1
    predicted = np.where(true == 1, 0, true).astype(np.uint8)
    said = "The pixel accuracy, 50.0 %, is below that of always predicting “sky”, 50.0 %."
    assert said not in remarks(predicted, true)
    predicted[:, 0] = 2
    said = "The pixel accuracy, 45.8 %, is below that of always predicting “sky”, 50.0 %."
    assert remarks(predicted, true)[said]
    assert not any("already" in text for text in remarks(predicted, true))
    assert said in repr(evaluate(predicted, true))


def test_classes_that_no_training_mask_shows_are_said_to_count_as_0():
    _, true = draw_masks(12, ignored=0)
    predicted = np.where(true == 2, 1, true).astype(np.uint8)
    spec = TargetSpec("mask", (*STREET.names, "tram"), {"unseen": (2.0, 3.0)})
    said = "No training mask shows “car”: it counts in the mean IoU, as 0."
    assert remarks(predicted, true, spec)[said]
    assert said in repr(evaluate(predicted, true, spec))
    assert not any("training mask" in text for text in remarks(predicted, true))
    predicted[0, 0, 0] = 3
    said = "No training mask shows “car”, “tram”: they count in the mean IoU, as 0."
    assert remarks(predicted, true, spec)[said]
