"""Boxes by hand, against loops, and against torchvision where its operations load."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from striate.layers import clip_boxes, decode_boxes, encode_boxes, find_overlaps, keep_best
from tests.layers.peers import operations


def boxes(count: int, seed: int, side: float = 100) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    corners = torch.rand((count, 2), generator=random) * side
    return torch.cat((corners, corners + 1 + torch.rand((count, 2), generator=random) * side), 1)


def test_the_overlap_is_the_share_of_the_union_that_both_cover() -> None:
    one = torch.tensor([[0.0, 0, 4, 2]])
    others = torch.tensor([[2.0, 0, 6, 2], [0, 0, 4, 2], [4, 0, 5, 2], [1, 1, 1, 1], [3, 2, 0, 0]])
    assert find_overlaps(one, others).tolist() == [[pytest.approx(1 / 3), 1, 0, 0, 0]]


def test_a_box_is_told_by_offsets_and_ratios_of_a_reference() -> None:
    reference, box = torch.tensor([[10.0, 20, 30, 60]]), torch.tensor([[15.0, 20, 55, 40]])
    # center from (20, 40) to (35, 30), width from 20 to 40, height from 40 to 20
    moves = 15 / 20 / 0.1, -10 / 40 / 0.1, math.log(2) / 0.2, -math.log(2) / 0.2
    assert encode_boxes(box, reference)[0].tolist() == pytest.approx(moves)
    assert decode_boxes(encode_boxes(box, reference), reference)[0].tolist() == pytest.approx(
        box[0].tolist()
    )


def test_boxes_in_whole_numbers_are_encoded_too() -> None:
    some, references = boxes(20, 0).round().long(), boxes(20, 1).round().long()
    encoded = encode_boxes(some, references)
    torch.testing.assert_close(encoded, encode_boxes(some.float(), references.float()))


def test_what_is_encoded_is_decoded() -> None:
    some, references = boxes(50, 0), boxes(50, 1)
    torch.testing.assert_close(decode_boxes(encode_boxes(some, references), references), some)


def test_a_decoded_size_is_finite() -> None:
    wild = torch.tensor([[0.0, 0, 1e4, 1e4]])
    decoded = decode_boxes(wild, torch.tensor([[0.0, 0, 16, 16]]))
    assert decoded[0].tolist() == pytest.approx([-492, -492, 508, 508])


def test_boxes_end_where_the_image_does() -> None:
    outside = torch.tensor([[-3.0, 5, 40, 90], [30, 30, 50, 50]])
    assert clip_boxes(outside, height=32, width=20).tolist() == [[0, 5, 20, 32], [20, 30, 20, 32]]


def greedy(some: Tensor, scores: Tensor, most: float, classes: Tensor) -> list[bool]:
    kept = [False] * len(some)
    for at in scores.argsort(descending=True, stable=True).tolist():
        near = find_overlaps(some[at][None], some)[0] > most
        kept[at] = not any(
            kept[other] and near[other] and classes[other] == classes[at]
            for other in range(len(some))
        )
    return kept


@pytest.mark.parametrize("most", [0.1, 0.3, 0.7])
def test_of_boxes_that_overlap_the_best_of_a_class_is_kept(most: float) -> None:
    torch.manual_seed(3)
    some, scores, classes = boxes(120, 4, 20), torch.rand(120), torch.randint(3, (120,))
    scores[::5] = 0.5  # equal ones keep their order
    kept = keep_best(some, scores, most, classes)
    assert kept.tolist() == greedy(some, scores, most, classes)
    assert 10 < kept.sum() < 120


def test_of_no_boxes_none_is_kept() -> None:
    none = torch.zeros(2, 0)
    kept = keep_best(torch.zeros(2, 0, 4), none, 0.3, none)
    assert (kept.shape, kept.dtype) == ((2, 0), torch.bool)


def test_each_image_of_a_batch_keeps_its_own() -> None:
    some = torch.stack([boxes(30, 5, 40), boxes(30, 6, 40)])
    scores, classes = torch.rand(2, 30), torch.zeros(2, 30)
    kept = keep_best(some, scores, 0.3, classes)
    for at in range(2):
        assert kept[at].equal(keep_best(some[at], scores[at], 0.3, classes[at]))


@pytest.mark.parametrize("count", [0, 1, 300])
def test_what_torchvision_keeps_is_kept(count: int) -> None:
    torch.manual_seed(7)
    some, scores, classes = boxes(count, 8), torch.rand(count), torch.randint(4, (count,))
    theirs = operations().batched_nms(some, scores, classes, 0.5)
    kept = keep_best(some, scores, 0.5, classes).nonzero()[:, 0]
    assert kept[scores[kept].argsort(descending=True)].equal(theirs)
