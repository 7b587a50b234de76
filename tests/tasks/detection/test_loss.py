"""The loss of a detector by hand, and that the losses of parts add up."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from striate.layers import encode_boxes
from striate.tasks.detection.loss import assign, loss
from striate.zoo.regions_on import Detections

ANCHORS = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 10, 20], [40, 40, 50, 50]])
NONE = [0.0, 0, 0, 0, -1, 0]


def outputs(images: int = 1, **parts: Tensor) -> Detections:
    """A detector of two classes that is sure of nothing, with the anchors as proposals."""
    made = Detections(
        ANCHORS,
        torch.zeros(images, 4),
        torch.zeros(images, 4, 4),
        ANCHORS.expand(images, 4, 4),
        torch.zeros(images, 4, 3),
        torch.zeros(images, 4, 4),
        (64, 64),
    )
    return made._replace(**parts)


def true(*rows: list[float]) -> Tensor:
    return torch.tensor([rows])


def test_a_box_is_assigned_to_the_object_that_it_overlaps_most() -> None:
    found = assign(ANCHORS, true([0, 0, 10, 8, 1, 0], [20, 20, 30, 30, 0, 0], NONE), 0.5)
    assert found.overlap.tolist() == [pytest.approx([0.8, 1, 0.4, 0])]
    assert found.objects[0, :3].tolist() == [0, 1, 0]
    assert found.counts.all()


def test_a_box_on_an_ignored_one_is_no_object_and_no_background() -> None:
    found = assign(ANCHORS, true([20, 20, 30, 30, 0, 1]), 0.5)
    assert found.overlap.tolist() == [[0, 0, 0, 0]]
    assert found.counts.tolist() == [[True, False, True, True]]


def test_an_image_without_boxes_is_background() -> None:
    """Of anchors the focal loss of four that are even; of proposals ln 3, of three even classes."""
    focal = 4 * 0.75 * 0.25 * math.log(2)
    assert loss(outputs(), true(NONE)).item() == pytest.approx(focal + math.log(3))


def test_anchors_and_proposals_on_an_object_have_its_class_and_box() -> None:
    """Anchor 2 overlaps by a half: no object and no background. As a proposal it is an object."""
    focal = (0.25 + 2 * 0.75) * 0.25 * math.log(2)
    expected = focal + math.log(3)
    wanted = encode_boxes(ANCHORS[:1], ANCHORS[2:3])[0]
    errors = [w - 1 / 18 if w > 1 / 9 else 4.5 * w * w for w in wanted.abs().tolist()]
    expected += sum(errors) / 2  # of the two proposals, the first of which is right
    given = loss(outputs(), true([0, 0, 10, 10, 1, 0], NONE))
    assert given.item() == pytest.approx(expected)


def test_sure_and_right_outputs_have_no_loss() -> None:
    targets = true([0, 0, 10, 10, 1, 0], [20, 20, 30, 30, 0, 0])
    logits = torch.tensor([[[0.0, 99, 0], [99, 0, 0], [0, 99, 0], [0, 0, 99]]])
    moves = torch.zeros(1, 4, 4)
    moves[0, 2] = encode_boxes(ANCHORS[0], ANCHORS[2])
    sure = torch.tensor([[99.0, 99, 0, -99]])
    given = loss(outputs(objectness=sure, logits=logits, moves=moves), targets)
    assert given.item() == pytest.approx(0, abs=1e-5)


def test_every_object_has_an_anchor_however_little_it_overlaps() -> None:
    far = true([44, 44, 60, 60, 0, 0])  # overlaps the last anchor by 0.11
    sure = torch.tensor([[-99.0, -99, -99, 99]])
    of_anchors = loss(outputs(objectness=sure), far) - loss(outputs(objectness=-sure), far)
    assert of_anchors < -10


def test_objects_of_an_image_weigh_the_same_however_few_boxes_they_have() -> None:
    """Two proposals are on the first object, one on the second: 3/4, 3/4 and 3/2 of a box."""
    targets = true([0, 0, 10, 10, 1, 0], [20, 20, 30, 30, 0, 0])
    sure = torch.tensor([[[0.0, 99, 0], [99, 0, 0], [0, 99, 0], [0, 0, 99]]])
    for proposal, weight in ((0, 0.75), (1, 1.5), (2, 0.75), (3, 1)):
        even = sure.clone()
        even[0, proposal] = 0
        more = loss(outputs(logits=even), targets) - loss(outputs(logits=sure), targets)
        assert more.item() == pytest.approx(weight * math.log(3) / 4)


def test_anchors_that_overlap_an_object_nearly_as_much_as_its_best_are_on_it() -> None:
    """By 0.36, 0.30 and 0.27 of an object that no anchor overlaps by 0.6: two are, one is not."""
    boxes = torch.tensor([[0.0, 0, 6, 6], [0, 0, 5, 6], [0, 0, 3, 9], [40, 40, 50, 50]])
    targets = true([0, 0, 10, 10, 0, 0])
    even = outputs(anchors=boxes, objectness=torch.zeros(1, 4).requires_grad_())
    loss(even, targets).backward()
    assert even.objectness.grad is not None
    assert even.objectness.grad.sign().tolist() == [[-1, -1, 1, 1]]


def test_the_loss_of_a_batch_is_the_mean_of_those_of_its_images() -> None:
    torch.manual_seed(0)
    random = {
        "objectness": torch.randn(3, 4),
        "shifts": torch.randn(3, 4, 4),
        "logits": torch.randn(3, 4, 3),
        "moves": torch.randn(3, 4, 4),
    }
    boxes = torch.rand(3, 2, 4) * 20
    boxes[..., 2:] += boxes[..., :2] + 5
    rest = torch.tensor([[1.0, 0], [0, 0]]).expand(3, 2, 2)
    targets = torch.cat((boxes, rest), dim=2)
    targets[1, :, 4] = -1
    whole = loss(outputs(3, **random), targets, smoothing=0.1)
    each = [
        loss(
            outputs(1, **{name: part[at : at + 1] for name, part in random.items()}),
            targets[at : at + 1],
            smoothing=0.1,
        )
        for at in range(3)
    ]
    torch.testing.assert_close(whole, torch.stack(each).mean())
