"""Losses of a detector: of its anchors, and of its proposals.

Nothing is drawn at random: every anchor counts, hard ones most, and every proposal does.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.layers import encode_boxes, find_overlaps
from striate.zoo.regions_on import Detections

#: an anchor that overlaps an object so much is one, and below the second number background
_ANCHOR = 0.6, 0.3
#: as much of a proposal
_PROPOSAL = 0.5
#: of the focal loss: weight of objects, and exponent
_ALPHA, _GAMMA = 0.25, 2.0
_BETA = 1 / 9  #: below it, the error of a coordinate counts as its square


class Assigned(NamedTuple):
    """What each of some boxes (N, P) should be."""

    overlap: Tensor  #: (N, P), with the object that it overlaps most
    objects: Tensor  #: (N, P): the row of that object
    counts: Tensor  #: (N, P): whether it may count as background


def loss(outputs: Detections, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the mean over images of the losses of anchors and proposals.

    `targets` (N, M, 6) are rows [x0, y0, x1, y1, class, ignored], with a class of -1 where there is
    no box. Of anchors: the focal loss of Lin et al. 2017 (https://arxiv.org/abs/1708.02002), over
    the anchors that are objects. Of proposals: the mean cross-entropy in nats. Of both: the smooth
    L1 loss of the four numbers of `encode_boxes`, a mean over those that are objects.
    """
    of_anchors = _anchor_losses(outputs, targets)
    of_proposals = _proposal_losses(outputs, targets, smoothing)
    return (of_anchors + of_proposals).sum() / max(1, len(targets))


def assign(boxes: Tensor, targets: Tensor, background: float) -> Assigned:
    """Find for boxes (N, P, 4) or (P, 4) the object (N, M, 6) that each overlaps most.

    Boxes that overlap one that is ignored by `background` or more are not background.
    """
    there, ignored = targets[..., 4] >= 0, targets[..., 5] > 0
    overlaps = find_overlaps(boxes.expand(len(targets), *boxes.shape[-2:]), targets[..., :4])
    overlap, objects = overlaps.masked_fill(~(there & ~ignored)[:, None], 0).max(dim=2)
    excused = overlaps.masked_fill(~(there & ignored)[:, None], 0).amax(dim=2) >= background
    return Assigned(overlap, objects, ~excused)


def _anchor_losses(outputs: Detections, targets: Tensor) -> Tensor:
    """Return the loss of the anchors of each image, (N,)."""
    enough, least = _ANCHOR
    found = assign(outputs.anchors, targets, least)
    positive = found.overlap >= enough
    positive |= _best_of_object(found, targets.shape[1])
    counted = positive | ((found.overlap < least) & found.counts)
    logits = outputs.objectness.float()
    sure = torch.where(positive, logits, -logits)  # of what is right
    weight = torch.where(positive, _ALPHA, 1 - _ALPHA) * sure.sigmoid().neg().add(1) ** _GAMMA
    focal = torch.where(counted, -weight * F.logsigmoid(sure), 0.0).sum(dim=1)
    return focal / positive.sum(dim=1).clamp_min(1) + _box_losses(
        outputs.shifts, outputs.anchors, found.objects, positive, targets
    )


def _best_of_object(found: Assigned, objects: int) -> Tensor:
    """Return whether each anchor (N, A) overlaps its object as much as any anchor does."""
    best = found.overlap.new_zeros(len(found.overlap), objects)
    best = best.scatter_reduce(1, found.objects, found.overlap, "amax")
    return (found.overlap >= best.gather(1, found.objects)) & (found.overlap > 0)


def _proposal_losses(outputs: Detections, targets: Tensor, smoothing: float) -> Tensor:
    """Return the loss of the proposals of each image, (N,)."""
    found = assign(outputs.proposals, targets, _PROPOSAL)
    positive = found.overlap >= _PROPOSAL
    background = outputs.logits.shape[2] - 1
    classes = torch.where(positive, targets[..., 4].gather(1, found.objects).long(), background)
    entropy = F.cross_entropy(
        outputs.logits.float().flatten(0, 1),
        classes.flatten(),
        reduction="none",
        label_smoothing=smoothing,
    ).view(classes.shape)
    counted = positive | found.counts
    entropy = (entropy * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
    return entropy + _box_losses(outputs.moves, outputs.proposals, found.objects, positive, targets)


def _box_losses(
    numbers: Tensor, references: Tensor, objects: Tensor, positive: Tensor, targets: Tensor
) -> Tensor:
    """Return the mean error of the boxes of each image that are objects, (N,)."""
    images, places = positive.nonzero().unbind(1)
    references = references.expand(len(targets), *references.shape[-2:])[images, places]
    wanted = encode_boxes(targets[images, objects[images, places], :4], references)
    given = numbers.float()[images, places]
    errors = F.smooth_l1_loss(given, wanted, reduction="none", beta=_BETA).sum(dim=1)
    of_image = errors.new_zeros(len(targets)).index_add(0, images, errors)
    return of_image / positive.sum(dim=1).clamp_min(1)
