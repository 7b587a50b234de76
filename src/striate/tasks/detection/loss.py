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
#: so much of what the best anchor of an object overlaps is enough too, as few suit a small one
_NEARLY = 0.8
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
    best = _best_of_objects(found, targets.shape[1])
    positive = (found.overlap > 0) & (found.overlap >= (_NEARLY * best).clamp_max(enough))
    shares = _share(found, positive, targets.shape[1])
    counted = positive | ((found.overlap < least) & found.counts)
    logits = outputs.objectness.float()
    sure = torch.where(positive, logits, -logits)  # of what is right
    weight = torch.where(positive, _ALPHA * shares, 1 - _ALPHA)
    weight = weight * sure.sigmoid().neg().add(1) ** _GAMMA
    focal = torch.where(counted, -weight * F.logsigmoid(sure), 0.0).sum(dim=1)
    return focal / positive.sum(dim=1).clamp_min(1) + _box_losses(
        outputs.shifts, outputs.anchors, found.objects, shares, targets
    )


def _best_of_objects(found: Assigned, objects: int) -> Tensor:
    """Return how much the object of each box (N, P) is overlapped by its best one."""
    best = found.overlap.new_zeros(len(found.overlap), objects)
    best = best.scatter_reduce(1, found.objects, found.overlap, "amax")
    return best.gather(1, found.objects)


def _share(found: Assigned, positive: Tensor, objects: int) -> Tensor:
    """Return weights (N, P) of the boxes that are objects, 1 on average; 0 of others.

    Each object of an image has the same sum, however few boxes a small one has.
    """
    counts = found.overlap.new_zeros(len(positive), objects)
    counts = counts.scatter_add(1, found.objects, positive.to(counts.dtype))
    each = positive / counts.gather(1, found.objects).clamp_min(1)
    boxes, seen = positive.sum(dim=1), (counts > 0).sum(dim=1)
    return each * (boxes / seen.clamp_min(1))[:, None]


def _proposal_losses(outputs: Detections, targets: Tensor, smoothing: float) -> Tensor:
    """Return the loss of the proposals of each image, (N,)."""
    found = assign(outputs.proposals, targets, _PROPOSAL)
    positive = found.overlap >= _PROPOSAL
    shares = _share(found, positive, targets.shape[1])
    background = outputs.logits.shape[2] - 1
    classes = torch.where(positive, targets[..., 4].gather(1, found.objects).long(), background)
    entropy = F.cross_entropy(
        outputs.logits.float().flatten(0, 1),
        classes.flatten(),
        reduction="none",
        label_smoothing=smoothing,
    ).view(classes.shape)
    weights = torch.where(positive, shares, found.counts)
    entropy = (entropy * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
    return entropy + _box_losses(outputs.moves, outputs.proposals, found.objects, shares, targets)


def _box_losses(
    numbers: Tensor, references: Tensor, objects: Tensor, shares: Tensor, targets: Tensor
) -> Tensor:
    """Return the mean error of the boxes of each image that are objects, weighted, (N,)."""
    images, places = shares.nonzero().unbind(1)
    references = references.expand(len(targets), *references.shape[-2:])[images, places]
    wanted = encode_boxes(targets[images, objects[images, places], :4], references)
    given = numbers.float()[images, places]
    errors = F.smooth_l1_loss(given, wanted, reduction="none", beta=_BETA).sum(dim=1)
    weights = shares[images, places]
    of_image = errors.new_zeros(len(targets)).index_add(0, images, errors * weights)
    return of_image / shares.sum(dim=1).clamp_min(1)
