"""The loss of angles is ArcFace's, adds up over parts, and passes over classes not trained on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.options import DecisionOptions, TrainOptions
from striate.tasks.embedding.answer import NearestAnswer
from striate.tasks.embedding.loss import count_correct, loss
from striate.tasks.embedding.task import Embedding
from striate.tasks.results import About

NAMES = ("ann", "ben", "cat", "dan")
EVERY = torch.ones(4, dtype=torch.bool)


def outputs(count: int, size: int = 5, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    vectors = F.normalize(torch.randn(count, size, generator=draw), dim=1)
    directions = F.normalize(torch.randn(4, size, generator=draw), dim=1)
    return torch.cat([vectors @ directions.T, vectors], dim=1)


def test_the_angle_to_the_own_class_is_widened():
    given, labels = outputs(50), torch.arange(50) % 4
    expected = 0.0
    for row, label in zip(given.tolist(), labels.tolist(), strict=True):
        angles = [math.acos(cosine) for cosine in row[:4]]
        assert angles[label] + 0.3 < math.pi
        angles[label] += 0.3
        logits = torch.tensor([16 * math.cos(angle) for angle in angles])
        expected += F.cross_entropy(logits[None], torch.tensor([label])).item() / 50
    found = loss(given, labels, EVERY, scale=16, margin=0.3)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_without_a_margin_it_is_cross_entropy():
    given, labels = outputs(20), torch.arange(20) % 4
    expected = F.cross_entropy(8 * given[:, :4], labels)
    torch.testing.assert_close(loss(given, labels, EVERY, scale=8), expected)


def test_the_loss_falls_with_the_cosine_all_the_way_and_its_gradient_is_finite():
    own = torch.linspace(-1, 1, 401, requires_grad=True)
    given = torch.stack([own, torch.zeros(401)], dim=1)
    losses = [
        loss(given[row : row + 1], torch.tensor([0]), EVERY[:2], scale=4, margin=0.5)
        for row in range(401)
    ]
    values = torch.stack(losses)
    assert (values.diff() < 0).all()
    values.sum().backward()
    assert own.grad.isfinite().all()


def test_losses_and_sums_of_parts_add_up():
    task, given, labels = Embedding(TargetSpec("open", NAMES)), outputs(30), torch.arange(30) % 4
    train = task.training_loss(labels, TrainOptions())
    parts = [(given[:12], labels[:12]), (given[12:], labels[12:])]
    for measure in (train, task.loss):
        whole = sum(len(y) * measure(x, y) for x, y in parts) / 30
        torch.testing.assert_close(whole, measure(given, labels))
    counted = sum(task.count(x, y)["correct"] for x, y in parts)
    assert torch.equal(counted, task.count(given, labels)["correct"])


def test_classes_not_trained_on_count_for_nothing():
    task = Embedding(TargetSpec("open", NAMES)).fit(torch.tensor([0, 1, 1, 3]))
    assert task.spec.constants["trained"] == (0, 1, 3)
    given, labels = outputs(20), torch.tensor([0, 1, 3, 1] * 5)
    without = given[:, [0, 1, 3]]
    renamed = torch.tensor([0, 1, 2, 1] * 5)
    train = task.training_loss(labels, TrainOptions())
    margin = {"scale": task.params.scale, "margin": task.params.margin}
    expected = loss(without, renamed, EVERY[:3], **margin)
    torch.testing.assert_close(train(given, labels), expected)
    right = (without.argmax(1) == renamed).sum()
    assert count_correct(given, labels, task.trained).item() == right
    assert task.rate(given)[:, 2].abs().max() == 0
    torch.testing.assert_close(task.rate(given).sum(dim=1), torch.ones(20))


def test_what_is_decoded_is_the_embedding():
    task, given = Embedding(TargetSpec("open", NAMES)), outputs(3)
    assert torch.equal(task.decode(given), given[:, 4:])


def test_the_threshold_of_an_epoch_is_that_of_its_validation_pairs():
    task, given = Embedding(TargetSpec("open", NAMES)), outputs(60)
    labels = torch.arange(60) % 5
    kept = task.keep(given, labels)
    sums = {name: each.double().numpy() for name, each in kept.items()}
    chosen = task.choose_thresholds(sums)
    near = (given[:, 4:] @ given[:, 4:].T).numpy()
    different = near[np.triu(labels[:, None] != labels, 1)]
    assert (different >= chosen.threshold).mean() <= 0.01
    figures = task.measure(sums, 60)
    assert set(figures) == {"recall_at_1", "pair_auroc", "true_accepts"}
    assert task.measure({"correct": np.array([3.0])}, 4) == {"accuracy": 0.75}
    assert task.validation_loss(sums) > 0


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        (
            [2, 2, 2], [0, 0, 1],
            "all 3 images to train on are of one class, 'cat'; an embedding learns from two "
            "classes or more",
        ),
        (
            [0, 1], [3, 3, 3],
            "the 3 validation images are of 1 class; recall at 1 needs two classes, and two images "
            "of one: give --validation a larger share",
        ),
        (
            [0, 1], [0, 1, 2],
            "the 3 validation images are of 3 classes, one image of each; recall at 1 needs two "
            "classes, and two images of one: give --validation a larger share",
        ),
        (
            [0, 1], [],
            "the 0 validation images are of 0 classes; recall at 1 needs two classes, and two "
            "images of one: give --validation a larger share",
        ),
    ],
)  # fmt: skip
def test_splits_that_cannot_be_learned_or_judged_are_refused(train, validation, said):
    task = Embedding(TargetSpec("open", NAMES))
    with pytest.raises(DataError) as caught:
        task.check_splits(
            torch.tensor(train, dtype=torch.int64), torch.tensor(validation, dtype=torch.int64)
        )
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("constants", "said"),
    [
        ({"trained": (0.0, 4.0)}, "trained must be numbers of the 4 classes"),
        ({"trained": (0.5,)}, "trained must be numbers of the 4 classes"),
        ({"threshold": (0.5, 0.5)}, "threshold must be one number from -1 to 2"),
        ({"false_accepts": (7.0,)}, "false_accepts must be one number from 0 to 1"),
    ],
)
def test_constants_of_another_task_are_refused(constants, said):
    with pytest.raises(OptionError) as caught:
        Embedding(TargetSpec("open", NAMES, constants))
    assert str(caught.value) == said


def test_the_answer_is_the_nearest_of_the_gallery_or_none_of_these():
    task = Embedding(TargetSpec("open", NAMES, {"threshold": (0.6,)}))
    vectors = np.float32([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1]])
    known = task.with_gallery(vectors, ["eve", "eve", "fay"], ["k/eve/1.png", "k/eve/2.png", "k/3"])
    found = known.answer(np.float32([0.6, 0.8, 0]), top=3)
    assert (found.class_name, found.nearest) == ("eve", "k/eve/2.png")
    assert found.similarity == pytest.approx(0.96)
    assert [near.class_name for near in found.top] == ["eve", "fay"]
    assert found.csv_cells() == ("eve", "0.960000", "k/eve/2.png")
    far = known.answer(np.float32([0, -0.8, 0.59]), top=1)
    assert (far.class_name, far.rejected) == ("none of these", True)
    assert far.cells() == ("none of these", "0.59", "3", "fay 0.59")
    nearer = known.decide(DecisionOptions(threshold=0.5), ())
    assert nearer.answer(np.float32([0, -0.8, 0.59]), top=1).class_name == "fay"
    assert task.answer(vectors[0], 3) == NearestAnswer()


def test_there_is_no_positive_class_and_no_mean_of_embeddings():
    task = Embedding(TargetSpec("open", NAMES))
    with pytest.raises(OptionError, match="what is nearest; set the lowest cosine by --threshold"):
        task.decide(DecisionOptions(positive="ann"), ())
    with pytest.raises(OptionError, match="embeddings of several networks cannot be averaged"):
        task.merge([task.spec])


def evaluated(labels, vectors, names=(*NAMES, "eve", "fay")):
    task = Embedding(TargetSpec("open", NAMES, {"trained": (0.0, 1.0), "threshold": (0.5,)}))
    paths = tuple(f"{at}.png" for at in range(len(labels)))
    about = About("net", "test", paths, trained_on=0, names=names)
    halves = [(vectors[part], labels[part]) for part in (slice(0, 7), slice(7, None))]
    return task.evaluate(halves, about)


def crowd(count=40, classes=6, spread=0.5):
    draw = np.random.default_rng(1)
    labels = np.arange(count) % classes
    found = draw.normal(size=(classes, 8))[labels] + spread * draw.normal(size=(count, 8))
    return labels, (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_results_tell_which_classes_are_new():
    results = evaluated(*crowd())
    assert (results.new_classes, len(results.present)) == (4, 6)
    text = str(results)
    assert "6 classes, 4 of them not trained on" in text
    rows = {row.name: row for row in results.per_class}
    assert rows["ann"].trained
    assert not rows["fay"].trained
    assert "4 of the 6 classes here were not trained on." in " ".join(
        remark.text for remark in results.remarks()
    )


def test_the_mean_cosine_of_a_class_is_that_of_its_pairs():
    labels, vectors = crowd()
    (row,) = (row for row in evaluated(labels, vectors).per_class if row.name == "dan")
    own = vectors[labels == 3].astype(np.float64)
    expected = (own @ own.T)[np.triu_indices(len(own), 1)].mean()
    assert row.cosine == pytest.approx(expected, abs=1e-6)


def test_chance_is_the_share_of_other_images_of_the_class():
    labels = np.array([0, 0, 0, 1, 1, 2])
    results = evaluated(labels, crowd(6)[1])
    expected = np.mean([(labels == label).sum() - 1 for label in labels[:5]]) / 5
    assert results.chance == pytest.approx(expected)


def test_hardest_pairs_use_no_image_twice():
    results = evaluated(*crowd())
    for same in (True, False):
        hard = results.hardest(9, same=same)
        rows = [row for pair in hard for row in (pair.first, pair.second)]
        assert len(set(rows)) == len(rows) == 18
        kinds = [results.labels[pair.first] == results.labels[pair.second] for pair in hard]
        assert set(kinds) == {same}
        cosines = [pair.cosine for pair in hard]
        assert cosines == sorted(cosines, reverse=not same)


def test_strangers_are_those_whose_nearest_of_another_class_passes():
    labels, vectors = crowd(spread=1.0)
    results = evaluated(labels, vectors)
    near = np.where(labels[:, None] == labels, -1, vectors @ vectors.T)
    assert results.strangers == pytest.approx((near.max(axis=1) >= 0.5).mean())


def test_an_image_alone_has_no_recall_and_two_of_it_no_error():
    results = evaluated(np.array([0, 0, 1, 1, 1, 1, 1, 1, 5]), crowd(9)[1])
    assert np.isnan(results.image_errors[8])
    assert results.recall.n == 8
    (alone,) = (row for row in results.per_class if row.name == "fay")
    assert (alone.recall, alone.cosine, alone.images) == (None, None, 1)
    assert results.to_json()["classes"] == 3


def test_images_of_one_class_tell_nothing():
    results = evaluated(np.zeros(9, int), crowd(9)[1])
    first, *_ = results.remarks()
    assert first.warning
    assert first.text.startswith("All images are of one class, so none can be taken for another")
    assert results.to_json()["at_threshold"]["different_accepted"] is None
    assert results.to_json()["scores"]["pair_auroc"]["value"] is None


def test_without_two_images_of_a_class_nothing_is_found_again():
    results = evaluated(np.arange(6), crowd(6)[1])
    assert "No class has two images here" in " ".join(each.text for each in results.remarks())
    assert results.to_json()["scores"]["recall_at_1"]["value"] is None
    assert list(results.sections())
    assert str(results)
