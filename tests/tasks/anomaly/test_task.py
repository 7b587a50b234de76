"""One class alone: the loss adds up and passes over others; limits come from good images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.options import DecisionOptions, TrainOptions
from striate.tasks.anomaly.answer import AnomalyAnswer
from striate.tasks.anomaly.drawing import decode, draw_heat, encode
from striate.tasks.anomaly.task import Anomaly
from striate.tasks.results import About

NAMES = ("dent", "good", "hole")


def task(**params: object) -> Anomaly:
    text = ",".join(f"{name}={value}" for name, value in params.items()) or None
    made = Anomaly(TargetSpec("open", NAMES)).configure(TrainOptions(task_params=text))
    return made.fit(torch.tensor([1, 1]))


def cosines(count: int, directions: int = 6, side: int = 4, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, directions, side, side, generator=draw) * 2 - 1


def test_the_loss_is_the_surprise_of_a_mixture_and_others_have_none():
    given, labels = cosines(5), torch.tensor([1, 0, 1, 1, 2])
    expected = 0.0
    for row in (0, 2, 3):
        patches = given[row].flatten(1).T.tolist()
        for patch in patches:
            shares = [math.exp((cosine - 1) / 0.05) for cosine in patch]
            expected -= math.log(sum(shares) / len(shares)) / len(patches) / 5
    assert task().loss(given, labels).item() == pytest.approx(expected, rel=1e-5)


def test_losses_and_sums_of_parts_add_up():
    one, given, labels = task(), cosines(9), torch.tensor([1, 0, 1, 1, 2, 1, 1, 1, 0])
    parts = [(given[:4], labels[:4]), (given[4:], labels[4:])]
    whole = sum(len(y) * one.loss(x, y) for x, y in parts) / 9
    torch.testing.assert_close(whole, one.loss(given, labels))
    for name, total in one.count(given, labels).items():
        torch.testing.assert_close(sum(one.count(x, y)[name] for x, y in parts), total)


def test_a_score_is_the_mean_of_the_worst_patches():
    given = cosines(3)
    distances = 1 - given.amax(dim=1)
    whole = task().decode(given)
    torch.testing.assert_close(whole[:, 1:], distances)
    torch.testing.assert_close(whole[:, 0, 0], distances.mean(dim=(1, 2)))
    worst = task(worst=0.25).decode(given)[:, 0, 0]
    torch.testing.assert_close(worst, distances.flatten(1).topk(4, dim=1).values.mean(dim=1))
    peak = task(worst=0.001).decode(given)[:, 0, 0]
    torch.testing.assert_close(peak, distances.flatten(1).amax(dim=1))


def test_the_limit_rejects_the_share_of_good_images_that_is_asked_for():
    one, given = task(rejected=0.1), cosines(80)
    labels = torch.tensor([1, 1, 1, 0] * 20)
    kept = {name: each.double().numpy() for name, each in one.keep(given, labels).items()}
    sums = kept | {name: each.numpy() for name, each in one.count(given, labels).items()}
    chosen = one.choose_thresholds(sums)
    scores = one.decode(given)[:, 0, 0].numpy()
    good = labels.numpy() == 1
    assert (scores[good] > chosen.limit).sum() == 5
    figures = one.measure(sums, 80)
    assert figures["anomaly_auroc"] == pytest.approx(roc_auc_score(~good, scores))
    assert figures["distance"] == pytest.approx((1 - given.amax(1)).mean((1, 2))[good].mean())
    assert one.validation_loss(sums) == pytest.approx(one.loss(given[good], labels[good]).item())
    without = {name: each[good] if name in kept else each for name, each in sums.items()}
    assert "anomaly_auroc" not in one.measure(without, 60)


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        (
            [1, 1, 2], [1],
            "the images to train on are of 2 classes, “good”, “hole”; one class is learned: put "
            "what is not good into folders of validation and test, or give the folder of good "
            "images alone",
        ),
        (
            [1, 1], [0, 2],
            "no validation image is of 'good', the class that is trained on; the limit is set by "
            "good images, so put some there",
        ),
    ],
)  # fmt: skip
def test_splits_without_good_images_or_with_others_to_learn_are_refused(train, validation, said):
    with pytest.raises(DataError) as caught:
        task().check_splits(torch.tensor(train), torch.tensor(validation))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("constants", "said"),
    [
        ({"good": (3.0,)}, "good must be one number from 0 to 2"),
        ({"directions": (2.0, 3.0)}, "directions must be one number from 0 to 1,000,000"),
        ({"worst": (-1.0,)}, "worst must be one number from 0 to 1"),
    ],
)
def test_constants_of_another_task_are_refused(constants, said):
    with pytest.raises(OptionError) as caught:
        Anomaly(TargetSpec("open", NAMES, constants))
    assert str(caught.value) == said


def test_an_answer_says_where_an_image_is_odd_in_its_own_size():
    spec = TargetSpec("open", NAMES, {"good": (1.0,), "limit": (0.3,), "heat": (0.4,)})
    one = Anomaly(spec)
    decoded = np.full((1 + 4, 4), 0.1, np.float32)
    decoded[0], decoded[1, 3] = 0.25, 0.8
    wide = one.restore(decoded, Preprocess(32, 3, "letterbox"), (64, 32))
    assert wide.shape == (1 + 32, 64)
    found = one.answer(wide, 3)
    assert (found.name, found.odd, found.score) == ("good", False, pytest.approx(0.25))
    assert decode(found.png).shape == (32, 64)
    one = one.decide(DecisionOptions(threshold=0.2), ())
    assert one.answer(decoded, 3).cells() == ("odd", "0.2500", "0.2000")
    square = one.restore(decoded, Preprocess(32, 3, "stretch"), (40, 40))
    peak = np.unravel_index(square[1:].argmax(), (40, 40))
    assert peak[0] < 10
    assert peak[1] >= 30
    assert square[1:].max() == pytest.approx(0.8, abs=0.01)


def test_what_the_network_did_not_see_is_not_odd():
    decoded = np.full((5, 4), 0.9, np.float32)
    found = task().restore(decoded, Preprocess(32, 3, "crop"), (64, 32))
    assert (found[1:, :14] == 0).all()
    assert found[1:, 20:40].min() > 0.85


def test_heat_is_red_over_gray_and_nothing_below():
    pixels = np.full((2, 2, 3), 100, np.uint8)
    drawn = draw_heat(pixels, decode(encode(np.float32([[0.1, 0.2], [0.4, 0.9]]), 0.2)))
    assert (drawn[0] == 100).all()
    assert drawn[1, 0].tolist() == drawn[1, 1].tolist() == [186, 54, 55]


def test_a_score_that_is_not_a_number_is_odd():
    assert AnomalyAnswer.of(np.zeros((1, 1)), math.nan, "good", 0.5, 1.0).odd


def results(labels, scores, limit=0.5):
    spec = TargetSpec("open", NAMES, {"good": (1.0,), "limit": (limit,), "heat": (0.4,)})
    decoded = np.repeat(np.float32(scores)[:, None, None], 3, axis=1).repeat(2, axis=2)
    paths = tuple(f"{at}.png" for at in range(len(labels)))
    about = About("net", "test", paths, trained_on=0, names=(*NAMES, "rust"))
    return Anomaly(spec).evaluate([(decoded, np.array(labels))], about)


def test_figures_are_those_of_scikit_learn_and_counted_by_hand():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 200)
    scores = draw.normal(0.5, 0.1, 200).astype(np.float32) + 0.08 * (labels != 1)
    found = results(labels, scores)
    assert found.area.value == pytest.approx(roc_auc_score(labels != 1, scores))
    assert found.rejected.value == pytest.approx((scores[labels == 1] > 0.5).mean())
    assert found.found.value == pytest.approx((scores[labels != 1] > 0.5).mean())
    rows = {row.name: row for row in found.others()}
    assert set(rows) == {"dent", "hole", "rust"}
    both = (labels == 3) | (labels == 1)
    area = roc_auc_score(labels[both] == 3, scores[both])
    assert rows["rust"].area.value == pytest.approx(area)
    titles = [section.title for section in found.sections()]
    assert titles[:3] == ["Figures", "Scores", "Other classes, the hardest first"]
    assert set(titles[3:]) == {"Good, and called odd", "Not good, and missed", "Found"}
    assert found.to_json()["per_class"][0]["name"] == found.others()[0].name


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 1, 1], "All images here are good: whether anything else is found"),
        ([0, 2, 2], "None of the images here is good: how often a good one is called odd"),
    ],
)
def test_one_side_alone_tells_half(labels, said):
    found = results(labels, [0.4, 0.6, 0.5])
    remark, *_ = found.remarks()
    assert remark.warning
    assert remark.text.startswith(said)
    assert len(found.scores()) == 1
    assert list(found.sections())
    assert str(found)
    assert found.to_json()["area"]["value"] is None


def test_more_good_images_rejected_than_asked_for_is_a_warning():
    found = results([1] * 40 + [0] * 5, [0.6] * 20 + [0.4] * 20 + [0.9] * 5)
    texts = [remark.text for remark in found.remarks() if remark.warning]
    assert any("clearly more than the 5.0 % that the limit was set for" in text for text in texts)
