"""Classification as a task: its losses, sums and figures add up from those of single images."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from striate.data.listing.target_spec import TargetSpec
from striate.layers import AuxOutputs
from striate.options import TrainOptions
from striate.tasks.classification.task import Classification, class_weights

PETS = Classification(TargetSpec("label", ("ant", "bee", "cat")))
LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])
LABELS = torch.tensor([0, 2, 1, 1])


def test_a_network_gives_a_logit_for_each_class() -> None:
    assert PETS.outputs == 3
    assert PETS.fit(LABELS) is PETS


def test_the_loss_of_validation_is_plain_cross_entropy() -> None:
    assert torch.equal(PETS.loss(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_the_loss_of_training_is_smoothed_and_weighted_as_the_options_say() -> None:
    options = TrainOptions.read({"balance": "weights", "label_smoothing": 0.1})
    weights = class_weights(LABELS, 3)
    total = F.cross_entropy(LOGITS, LABELS, weights, label_smoothing=0.1, reduction="sum")
    assert torch.equal(PETS.training_loss(LABELS, options)(LOGITS, LABELS), total / 4)
    plain = PETS.training_loss(LABELS, TrainOptions.read({"balance": "sampling"}))
    assert torch.equal(plain(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_weights_make_every_class_count_alike_and_an_image_one_on_average() -> None:
    labels = torch.tensor([0] * 9 + [1] * 2 + [2] * 5)
    weights = class_weights(labels, 3)
    assert weights.tolist() == pytest.approx([16 / 27, 16 / 6, 16 / 15])
    assert weights[labels].mean() == pytest.approx(1)


def test_the_accuracy_is_measured_from_sums_over_batches() -> None:
    parts = [PETS.count(LOGITS[part], LABELS[part]) for part in (slice(0, 1), slice(1, 4))]
    assert [part["correct"].item() for part in parts] == [1, 2]
    total = {"correct": parts[0]["correct"] + parts[1]["correct"]}
    assert PETS.measure(total, 4) == {"accuracy": 0.75}
    assert PETS.measure(PETS.count(LOGITS[:0], LABELS[:0]), 0) == {}


def test_auxiliary_heads_add_to_the_loss_alone() -> None:
    outputs = AuxOutputs(LOGITS, (-LOGITS,), 0.3)
    assert PETS.count(outputs, LABELS)["correct"] == 3
    expected = F.cross_entropy(LOGITS, LABELS) + 0.3 * F.cross_entropy(-LOGITS, LABELS)
    assert torch.allclose(PETS.loss(outputs, LABELS), expected)


def test_what_is_decoded_are_probabilities() -> None:
    assert torch.equal(PETS.decode(LOGITS), LOGITS.softmax(dim=1))
