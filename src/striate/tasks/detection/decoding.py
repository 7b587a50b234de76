"""From the outputs of a detector to its boxes, the best first, and what was proposed."""

from __future__ import annotations

import torch
from torch import Tensor

from striate.layers import clip_boxes, decode_boxes, find_overlaps, keep_best, rank
from striate.zoo.regions_on import Detections

MOST = 100  #: boxes of an image
_LEAST = 0.01  #: probability of a class
_TRIED = 300  #: boxes that are thinned out
_OVERLAP = 0.5  #: of two boxes of a class at most


@torch.no_grad()
def decode(outputs: Detections) -> Tensor:
    """Return the boxes of each image, (N, 100, 6) float32, the most probable first.

    Rows are [x0, y0, x1, y1, probability, class], with class -1 and probability 0 where there are
    no more.
    """
    rated = outputs.logits.float().softmax(dim=2)[..., :-1]
    count, _, classes = rated.shape
    boxes = decode_boxes(outputs.moves.float(), outputs.proposals)
    boxes = clip_boxes(boxes, *outputs.size)
    scores, places = rated.flatten(1).topk(min(_TRIED, rated[0].numel()))
    boxes = boxes.gather(1, (places // classes)[..., None].expand(*places.shape, 4))
    kinds = places % classes
    kept = keep_best(boxes, scores, _OVERLAP, kinds) & ~(scores < _LEAST)  # NaN is kept, and told
    rows = torch.cat((boxes, scores[..., None], kinds[..., None]), dim=2)
    empty = rows.new_tensor((0, 0, 0, 0, 0, -1))
    rows = torch.where(kept[..., None], rows, empty)
    order = rank(rows[..., 4])[:, :MOST]
    rows = rows.gather(1, order[..., None].expand(*order.shape, 6))
    return torch.cat((rows, empty.expand(count, MOST - rows.shape[1], 6)), dim=1)


def count_proposed(outputs: Detections, targets: Tensor) -> Tensor:
    """Count true boxes (N, M, 6) that a proposal overlaps by half, and all of them: (2,)."""
    there = (targets[..., 4] >= 0) & (targets[..., 5] == 0)
    best = find_overlaps(targets[..., :4], outputs.proposals).amax(dim=2)
    return torch.stack([((best >= 0.5) & there).sum(), there.sum()])
