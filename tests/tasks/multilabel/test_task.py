"""Several labels: the loss adds up, figures agree with scikit-learn, thresholds divide best."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.nn import functional as F

from striate.data.listing.target_spec import TargetSpec
from striate.errors import ModelError, OptionError
from striate.layers import AuxOutputs
from striate.options import TrainOptions
from striate.tasks.fitness import check_options
from striate.tasks.multilabel.answer import LabelsAnswer
from striate.tasks.multilabel.loss import loss, positive_weights
from striate.tasks.multilabel.results import LabelResults, make_results
from striate.tasks.multilabel.task import MultiLabel
from striate.tasks.results import About

PETS = MultiLabel(TargetSpec("labels", ("cat", "dog", "emu")))
RANDOM = torch.Generator().manual_seed(0)
#: multiples of the width of a bin, so that histograms lose nothing
LOGITS = (torch.randn((60, 3), generator=RANDOM) * 256).round() / 128
TRUTH = (torch.rand((60, 3), generator=RANDOM) < torch.tensor([0.5, 0.3, 0.1])).to(torch.uint8)


def sums_of(logits, truth):
    counted = PETS.count_validation(logits, truth)
    return {name: values.double().numpy() for name, values in counted.items()}


def test_the_loss_is_the_mean_over_labels_and_images():
    expected = F.binary_cross_entropy_with_logits(LOGITS, TRUTH.float())
    torch.testing.assert_close(PETS.loss(LOGITS, TRUTH), expected)
    aux = AuxOutputs(LOGITS, (LOGITS / 2,), 0.3)
    both = expected + 0.3 * F.binary_cross_entropy_with_logits(LOGITS / 2, TRUTH.float())
    torch.testing.assert_close(PETS.loss(aux, TRUTH), both)


@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"balance": "weights"}, {"task_params": "focal=2"}]
)
def test_losses_and_gradients_of_parts_add_up(options):
    rule = PETS.training_loss(TRUTH, TrainOptions.read(options))
    logits = LOGITS.double().requires_grad_()
    whole = rule(logits, TRUTH)
    parts = sum(
        rule(part, truth) * len(part) / 60
        for part, truth in zip(
            logits.split([7, 20, 0, 33]), TRUTH.split([7, 20, 0, 33]), strict=True
        )
    )
    torch.testing.assert_close(parts, whole)
    one, other = (
        torch.autograd.grad(each, logits, retain_graph=True)[0] for each in (parts, whole)
    )
    torch.testing.assert_close(one, other)


def test_the_focal_loss_is_that_of_its_paper():
    rule = PETS.training_loss(TRUTH, TrainOptions(task_params="focal=1.5"))
    right = torch.where(TRUTH > 0, LOGITS.sigmoid(), 1 - LOGITS.sigmoid())
    torch.testing.assert_close(rule(LOGITS, TRUTH), (-((1 - right) ** 1.5) * right.log()).mean())


def test_smoothing_moves_targets_towards_a_half():
    expected = F.binary_cross_entropy_with_logits(LOGITS, TRUTH * 0.9 + 0.05)
    torch.testing.assert_close(loss(LOGITS, TRUTH, smoothing=0.1), expected)


def test_rare_labels_weigh_more_but_at_most_a_hundred_times():
    sets = torch.zeros((400, 3), dtype=torch.uint8)
    sets[:100, 0], sets[:2, 1] = 1, 1
    assert positive_weights(sets).tolist() == [3, 100, 100]
    sets[:, 2] = 1  # on every image, so without an image to be weighed by
    assert positive_weights(sets).tolist() == [3, 100, 1]


def test_targets_are_mixed_as_their_images_are():
    share = torch.tensor([0.25, 0.0, 0.5])
    sets = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    mixed = PETS.augment(sets, None, share)
    assert mixed.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [1, 0.5, 0]]
    assert PETS.augment(sets, None, None) is sets


def test_map_from_histograms_is_that_of_scikit_learn():
    figures = PETS.measure(sums_of(LOGITS, TRUTH), 60)
    shares = LOGITS.sigmoid().numpy()
    expected = metrics.average_precision_score(TRUTH.numpy(), shares, average="macro")
    assert figures["mAP"] == pytest.approx(expected)
    f1 = metrics.f1_score(TRUTH.numpy(), shares > 0.5, average="micro")
    assert figures["micro_f1"] == pytest.approx(f1)


def test_sums_of_parts_are_those_of_the_whole_and_training_has_no_histograms():
    parts = [PETS.count_validation(LOGITS[rows], TRUTH[rows]) for rows in (range(9), range(9, 60))]
    for name, whole in PETS.count_validation(LOGITS, TRUTH).items():
        assert torch.equal(parts[0][name] + parts[1][name], whole)
        assert PETS.zero_sums()[name].shape == whole.shape
    trained = PETS.count(LOGITS, TRUTH)
    assert trained.keys() == {"decisions"}
    measured = PETS.measure({"decisions": trained["decisions"].double().numpy()}, 60)
    assert measured.keys() == {"micro_f1"}


@pytest.mark.parametrize("everywhere", [0, 1])
def test_labels_on_no_image_or_on_every_one_are_left_out_of_map(everywhere):
    truth = TRUTH.clone()
    truth[:, 2] = everywhere
    expected = metrics.average_precision_score(truth[:, :2].numpy(), LOGITS[:, :2].numpy())
    assert PETS.measure(sums_of(LOGITS, truth), 60)["mAP"] == pytest.approx(expected)
    alike = torch.full_like(truth, everywhere)
    assert PETS.measure(sums_of(LOGITS, alike), 60).keys() == {"micro_f1"}


def test_thresholds_divide_where_f1_is_best():
    logits = torch.tensor([[3.0, -2, 0], [2, -3, 0], [-1, -4, 0], [-2, -5, 0]])
    truth = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=torch.uint8)
    calibrated = PETS.choose_thresholds(sums_of(logits, truth))
    middle = [1 / (1 + math.exp(-at)) for at in (0.5, -3.5)]
    assert calibrated.thresholds.tolist() == pytest.approx([*middle, 0.5], abs=2e-3)
    assert calibrated.spec.names == PETS.spec.names
    assert PETS.thresholds.tolist() == [0.5, 0.5, 0.5]


def test_a_threshold_that_holds_every_image_is_0():
    logits, truth = torch.full((4, 3), -20.0), torch.ones((4, 3), dtype=torch.uint8)
    truth[0] = 0
    assert PETS.choose_thresholds(sums_of(logits, truth)).thresholds.tolist() == [0, 0, 0]


def test_a_label_on_every_image_keeps_its_threshold():
    truth = torch.tensor([[1, 1, 0], [1, 0, 0]], dtype=torch.uint8)
    calibrated = PETS.choose_thresholds(sums_of(torch.tensor([[9.0, 2, -9], [8, -2, -8]]), truth))
    assert calibrated.thresholds.tolist() == pytest.approx([0.5, 0.5, 0.5], abs=2e-3)
    assert calibrated.thresholds[0] == calibrated.thresholds[2] == 0.5


def test_options_without_use_are_refused():
    for given, reason in (
        (
            {"balance": "sampling"},
            "the task multilabel has no use for --balance sampling: an image has several labels, "
            "and drawing one label more often draws others with it; --balance weights evens them "
            "out in the loss; leave it out",
        ),
        (
            {"task_params": "focus=2"},
            "no option is called 'focus'; did you mean 'focal'?;\nthe task multilabel takes focal: "
            "Exponent of the focal loss, which 2 is usual for, default 0.0",
        ),
    ):
        with pytest.raises(OptionError) as refusal:
            check_options(PETS, TrainOptions.read(given))
        assert str(refusal.value) == reason
    check_options(PETS, TrainOptions(balance="weights", task_params="focal=2"))


def test_an_answer_names_the_labels_at_their_thresholds():
    shares, thresholds = np.array([0.6, 0.9, 0.3], np.float32), np.array([0.7, 0.8, 0.2])
    answer = LabelsAnswer.of(shares, thresholds, PETS.spec.names, top=2)
    assert answer.labels == ("dog", "emu")
    assert answer.csv_cells() == ("dog;emu", "0.900000;0.300000")
    assert answer.cells() == ("dog 90.0 %, emu 30.0 %", "cat 60.0 %")
    assert answer.details() == (
        ("labels", "confidence"), ("dog", "90.0 %"), ("emu", "30.0 %"), ("(cat)", "60.0 %")
    )  # fmt: skip
    assert answer.to_json() == {
        "labels": [
            {"label": "dog", "probability": 0.9},
            {"label": "emu", "probability": 0.3},
        ],
        "top": [{"label": "dog", "probability": 0.9}, {"label": "cat", "probability": 0.6}],
    }


def test_no_label_at_all_is_an_answer():
    answer = PETS.answer(np.array([0.1, 0.4, 0.2], np.float32), 1)
    assert answer.labels == ()
    assert answer.cells() == ("none", "dog 40.0 %")
    assert answer.csv_cells() == ("", "")
    assert answer.details() == (("labels", "confidence"), ("none", ""), ("(dog)", "40.0 %"))


ABOUT = About("net", "test", tuple(f"{at}.png" for at in range(60)), trained_on=0)


def results():
    shares = LOGITS.sigmoid().numpy()
    return make_results(shares, TRUTH.numpy(), PETS.spec.names, np.array([0.3, 0.6, 0.5]), ABOUT)


def test_figures_of_an_evaluation_are_those_of_scikit_learn():
    found, truth = results(), TRUTH.numpy()
    called = LOGITS.sigmoid().numpy() >= np.array([0.3, 0.6, 0.5])
    expected = {
        "mAP": metrics.average_precision_score(truth, LOGITS.numpy()),
        "micro_f1": metrics.f1_score(truth, called, average="micro"),
        "macro_f1": metrics.f1_score(truth, called, average="macro"),
        "exact_match": metrics.accuracy_score(truth, called),
    }
    assert {s.figure.name: s.value for s in found.scores()} == pytest.approx(expected)
    for score in found.scores():
        assert score.low < score.value < score.high
    assert found.baseline().value == pytest.approx(truth.mean(axis=0).mean())
    each = metrics.precision_score(truth, called, average=None)
    assert [row.precision.value for row in found.per_label] == pytest.approx(each)


def test_joint_errors_are_counted_in_the_same_image():
    shares = np.array([[0.1, 0.9, 0.1], [0.2, 0.8, 0.9], [0.9, 0.1, 0.1], [0.1, 0.1, 0.1]])
    truth = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]])
    about = About("net", "test", ("a", "b", "c", "d"))
    found = make_results(shares, truth, PETS.spec.names, np.full(3, 0.5), about)
    pairs = [(e.missed, e.called, e.count, e.fraction) for e in found.joint_errors()]
    assert pairs == [("cat", "dog", 2, 1.0), ("cat", "emu", 1, 0.5)]
    worst = found.worst_mistakes()
    assert [mistake.path for mistake in worst] == ["b", "a"]
    assert (worst[0].right, worst[0].missed, worst[0].wrong) == ((), ("cat",), ("dog", "emu"))


def test_remarks_name_rare_and_absent_labels_and_what_one_answer_achieves():
    truth = np.zeros((30, 3), np.uint8)
    truth[:4, 0], truth[:15, 1] = 1, 1
    shares = np.full((30, 3), 0.4, np.float32)
    about = About("net", "test", tuple(map(str, range(30))))
    found = make_results(shares, truth, PETS.spec.names, np.full(3, 0.5), about)
    texts = [remark.text for remark in found.remarks()]
    assert texts[1:-1] == [
        "Giving every image the same answer has an mAP of 31.7 %: the network is not clearly "
        "better than that.",
        "1 label is on fewer than 10 of these images (“cat”): the figures of such a label are "
        "little more than chance.",
        "1 label is on no image here (“emu”), without an average precision, and left out of mAP "
        "and macro-F1. Where it is so on the validation images too, the threshold is the default, "
        "0.50.",
        "Weakest label: “dog”. Of its 15 images none is found: no probability reaches 0.50.",
    ]


def everywhere(columns: int) -> LabelResults:
    """Results of 30 images of which all have the first labels, and a third the others."""
    truth = np.tile(np.eye(3, dtype=np.uint8), (10, 1))
    truth[:, :columns] = 1
    about = About("net", "test", tuple(map(str, range(30))), 0)
    shares = np.where(truth, 0.8, 0.2).astype(np.float32)
    return make_results(shares, truth, PETS.spec.names, np.full(3, 0.5), about)


def test_a_label_on_every_image_has_no_average_precision_and_is_named():
    found = everywhere(1)
    assert math.isnan(found.per_label[0].average_precision.value)
    assert (found.scores()[0].value, found.constant) == (1, pytest.approx(1 / 3))
    assert [remark.text for remark in found.remarks()][1:-1] == [
        "1 label is on every image here (“cat”), without an average precision, and left out of "
        "mAP. Where it is so on the validation images too, the threshold is the default, 0.50.",
    ]
    assert repr(found).split("\n")[7:] == [
        "  label  images     AP  precision  recall     F1  threshold",
        "  dog        10  100 %      100 %   100 %  100 %       0.50",
        "  emu        10  100 %      100 %   100 %  100 %       0.50",
        "  cat        30      –      100 %   100 %  100 %       0.50",
        "  on every image here, so without AP: “cat”",
    ]


def test_where_every_image_has_every_label_there_is_no_map():
    found = everywhere(3)
    assert [remark.text for remark in found.remarks()][:-1] == [
        "No label is on some of the 30 images and missing on others: mAP is undefined.",
        "3 labels are on every image here (“cat”, “dog”, “emu”), without an average precision, and "
        "left out of mAP. Where it is so on the validation images too, the threshold is the "
        "default, 0.50.",
    ]
    assert found.to_json()["scores"]["mAP"]["value"] is None
    assert found.to_json()["baseline"] is None
    assert repr(found).split("\n")[1] == (
        "  mAP                –      (95 % interval unknown; one answer for all: –)"
    )


@pytest.mark.parametrize("split", ["validation", "test"])
def test_thresholds_are_not_judged_by_the_images_that_chose_them_without_a_remark(split):
    truth = np.eye(3, dtype=np.uint8)
    about = About("net", split, ("a", "b", "c"), 0)
    found = make_results(truth * 0.8, truth, PETS.spec.names, np.full(3, 0.5), about)
    said = "A threshold chosen on validation images is judged a little too well by them."
    assert (said in [remark.text for remark in found.remarks()]) == (split == "validation")
    assert (f"  {said}" in repr(found).split("\n")) == (split == "validation")


def test_numbers_that_are_not_finite_are_refused():
    shares = np.full((2, 3), np.nan, np.float32)
    with pytest.raises(ModelError) as refusal:
        make_results(shares, np.zeros((2, 3)), PETS.spec.names, np.full(3, 0.5),
                     About("net", "test", ("a", "b")))  # fmt: skip
    assert str(refusal.value) == (
        "net: it answers 2 of 2 images with numbers that are not finite, a first;\nits weights "
        "are damaged or diverged: use an earlier checkpoint"
    )


def test_the_first_remark_says_how_wide_the_interval_is():
    truth = np.tile(np.eye(3, dtype=np.uint8), (10, 1))
    about = About("net", "test", tuple(map(str, range(30))), 0)
    found = make_results(truth * 0.8, truth, PETS.spec.names, np.full(3, 0.5), about)
    assert next(found.remarks()).text == (
        "With 30 images the 95 % interval is 11 points wide: take the mAP as a rough estimate, and "
        "evaluate on more images before relying on it."
    )


def test_a_resample_is_the_evaluation_of_images_repeated():
    counts = np.random.default_rng(3).integers(0, 3, (2, len(TRUTH)))
    found = results().resample(counts)
    for value, row in zip(found, counts, strict=True):
        truth, logits = (each.numpy().repeat(row, axis=0) for each in (TRUTH, LOGITS))
        assert value == pytest.approx(metrics.average_precision_score(truth, logits))
