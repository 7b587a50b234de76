"""Boxes: overlap, the numbers that move one onto another, and which of many to keep.

A box is a row [x0, y0, x1, y1] of pixel edges: its width is x1 - x0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: of offsets and logarithms of sizes, so that they spread as much as class scores do
SPREAD = (0.1, 0.1, 0.2, 0.2)
#: what gives each edge of an intersection
_INNER = torch.maximum, torch.maximum, torch.minimum, torch.minimum
_FARTHEST = math.log(1000 / 16)  #: of a logarithm, as exponentials would overflow


@torch.no_grad()
def find_overlaps(boxes: Tensor, others: Tensor) -> Tensor:
    """(..., P, 4), (..., M, 4) -> intersection over union of each pair, (..., P, M); 0 if empty."""
    left, top, right, bottom = (
        choose(one[..., :, None], other[..., None, :])
        for choose, one, other in zip(_INNER, boxes.unbind(-1), others.unbind(-1), strict=True)
    )
    inside = (right - left).clamp_min_(0).mul_((bottom - top).clamp_min_(0))
    areas = measure_areas(boxes)[..., :, None] + measure_areas(others)[..., None, :]
    return inside.div_(areas.sub_(inside).clamp_min_(1e-9))


def measure_areas(boxes: Tensor) -> Tensor:
    """(..., 4) -> areas (...), 0 of a turned box."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


def encode_boxes(boxes: Tensor, references: Tensor) -> Tensor:
    """Return the numbers (..., 4) that move each reference (..., 4) onto its box.

    Offsets of the centers in sizes of the reference, and logarithms of the ratios of sizes, over
    `SPREAD`. Girshick: Fast R-CNN, 2015, section 2.3; https://arxiv.org/abs/1504.08083
    """
    centers, sizes = _split(boxes)
    from_centers, from_sizes = _split(references)
    from_sizes, sizes = from_sizes.clamp_min(1e-3), sizes.clamp_min(1e-3)
    moves = torch.cat(((centers - from_centers) / from_sizes, (sizes / from_sizes).log()), dim=-1)
    return moves / moves.new_tensor(SPREAD)


def decode_boxes(numbers: Tensor, references: Tensor) -> Tensor:
    """Return the boxes (..., 4) that numbers (..., 4) of `encode_boxes` make of references."""
    centers, sizes = _split(references)
    moves = numbers * numbers.new_tensor(SPREAD)
    centers = centers + moves[..., :2] * sizes
    halves = sizes * moves[..., 2:].clamp_max(_FARTHEST).exp() / 2
    return torch.cat((centers - halves, centers + halves), dim=-1)


def clip_boxes(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return boxes (..., 4) without what lies outside an image."""
    return boxes.clamp_min(0).minimum(boxes.new_tensor((width, height, width, height)))


@torch.no_grad()
def keep_best(boxes: Tensor, scores: Tensor, most_overlap: float, classes: Tensor) -> Tensor:
    """Non-maximum suppression: (..., n, 4), (..., n), (..., n) -> whether to keep each, (..., n).

    In order of score, a box is kept unless one of its class that is kept overlaps it by more than
    `most_overlap`. Equal scores keep their order. Memory grows with n².
    """
    order = rank(scores)
    ranked = boxes.gather(-2, order[..., None].expand(boxes.shape))
    kinds = classes.gather(-1, order)
    hides = (find_overlaps(ranked, ranked) > most_overlap).triu(1)
    hides = (hides & (kinds[..., :, None] == kinds[..., None, :])).float()
    kept = _settle(hides)
    return torch.zeros_like(kept).scatter(-1, order, kept) > 0


def rank(scores: Tensor) -> Tensor:
    """Return the places of scores (..., n) from the highest on; equal ones keep their order."""
    if torch.compiler.is_exporting():  # ONNX has no other sort, and keeps the order too
        return scores.topk(scores.shape[-1]).indices
    return scores.argsort(dim=-1, descending=True, stable=True)


def _settle(hides: Tensor) -> Tensor:
    """Return which boxes stay (..., n), 1 or 0, where those that stay hide others (..., n, n).

    What is decided for the first boxes stays so: as many rounds as the longest chain of boxes.
    """

    def changed(kept: Tensor, before: Tensor) -> Tensor:
        return (kept != before).any()

    def again(kept: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
        return (kept[..., None, :] @ hides)[..., 0, :].eq(0).float(), kept.clone()

    state = hides.new_ones(hides.shape[:-1]), hides.new_zeros(hides.shape[:-1])
    if torch.compiler.is_exporting():
        return torch.while_loop(changed, again, state)[0]
    while changed(*state):
        state = again(*state)
    return state[0]


def _split(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return centers and sizes, (..., 2) each."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
