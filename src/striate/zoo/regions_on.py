"""Detectors on the stages of any network: `regions:NAME` takes a network of the zoo or of timm.

The head of the network gives way to four parts, which read the maps of its stages once an image:

| part      | what                                                              | output          |
| --------- | ----------------------------------------------------------------- | --------------- |
| neck      | the maps of strides 8 and more, each 1x1, summed from coarse to   | 128xHxW at /8   |
|           | fine, then 3x3                                                    |                 |
| proposals | 3x3; of 15 anchors a position: is an object here, and where       | 100 boxes       |
| pool      | RoI align, or RoI max pooling, of each box                        | 128x7x7 a box   |
| regions   | two dense layers of 256; classes and background, and a better box | K + 1 + 4 a box |

Networks for images of 32x32 give their coarsest map only.

Ren, He, Girshick, Sun: Faster R-CNN, NeurIPS 2015, section 3; https://arxiv.org/abs/1506.01497
Girshick: Fast R-CNN, ICCV 2015, section 2; https://arxiv.org/abs/1504.08083
Lin et al.: Feature pyramid networks, CVPR 2017, section 3; https://arxiv.org/abs/1612.03144
Not as in the papers: the maps are merged at one stride; dense layers of 256 units, not of 4096 or
1024, with batch norms over regions; one better box for all classes; boxes are placed by the centers
of receptive fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.layers import (
    align_regions,
    chain,
    clip_boxes,
    conv_norm_relu,
    decode_boxes,
    keep_best,
    pool_regions,
)
from striate.zoo.pages.card import Card
from striate.zoo.stage_maps import StageMap, put_head

PREFIX = "regions:"
CLASSES = 20  #: of PASCAL VOC, by default
_WIDTH = 128  #: channels of the map that all parts read
_GRID = 7  #: cells of a region along each side
_UNITS = 256  #: of the layers that see a region
_FINEST = 8  #: stride of the finest map that is read, if there are as coarse ones
_MOST = 3  #: maps that are read
_SIDES = (2, 4, 8, 16, 32)  #: of anchors, in strides
_RATIOS = (0.5, 1.0, 2.0)  #: of height to width
_TRIED = 6  #: times as many boxes are thinned out to the proposals
_OVERLAP = 0.7  #: of two proposals at most


class Detections(NamedTuple):
    """What a detector makes of N images; boxes are rows [x0, y0, x1, y1] of pixel edges."""

    anchors: Tensor  #: (A, 4)
    objectness: Tensor  #: (N, A) logits: whether there is an object at each anchor
    shifts: Tensor  #: (N, A, 4), as of `layers.encode_boxes`: from anchors to objects
    proposals: Tensor  #: (N, P, 4), the most likely first; without gradient
    logits: Tensor  #: (N, P, classes + 1): of each class, then of background
    moves: Tensor  #: (N, P, 4): from proposals to objects
    size: tuple[int, int]  #: height and width of the images


def regions_card(name: str, backbone: Card, builder: Callable[..., nn.Module]) -> Card:
    """Return the card of `regions:NAME`. Raises OptionError if NAME has no maps of any size."""
    return backbone.with_head(
        name,
        builder,
        fits=backbone.takes_any_image,
        needs="a classifier for images of any size",
        paper="Ren et al.",
        year=2015,
        classes=CLASSES,
        output="boxes",
        smallest=1,
        learning_rate=min(backbone.learning_rate, 0.08),  # 0.02 for batches of 8
    )


def regions_on(
    backbone: nn.Module,
    *,
    channels: int = 3,
    classes: int = CLASSES,
    smallest: int = 1,
    proposals: int = 100,
    align: bool = True,
) -> nn.Module:
    """Turn a classifier into (N, channels, H, W) -> `Detections`, for any H and W.

    Takes a network of `zoo.build`, whose stages move into the result; `smallest` is the smallest
    side that they take, and images are padded with zeros on the right and bottom. Regions are
    pooled by RoI align, or by RoI max pooling. Raises OptionError for a network without stages.
    """
    if not isinstance(proposals, int) or not 2 <= proposals <= 2000:  # pyright: ignore
        raise OptionError(f"proposals must be from 2 to 2,000, but {proposals} came")
    head = partial(Detector, classes=classes, proposals=proposals, align=align)
    return put_head(backbone, head, choose=_choose, channels=channels, smallest=smallest)


class Neck(nn.Module):
    """Add the maps up from coarse to fine, at the stride of the finest."""

    def __init__(self, maps: Sequence[StageMap]) -> None:
        super().__init__()
        self.entries = nn.ModuleList(nn.Conv2d(entry.width, _WIDTH, 1) for entry in maps)
        self.smooth = conv_norm_relu(_WIDTH, _WIDTH, 3)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(N, width, h, w) from coarse to fine -> (N, 128, H, W)."""
        total: Tensor | None = None
        for entry, x in zip(self.entries, maps, strict=True):
            x = entry(x)
            total = x if total is None else x + F.interpolate(total, x.shape[2:], mode="nearest")
        return self.smooth(total)


class Proposals(nn.Module):
    """A small network that says of each anchor at each position whether an object is there."""

    def __init__(self, stride: int, start: float, most: int) -> None:
        super().__init__()
        self.stride, self.start, self.most = stride, start, most
        anchors = len(_SIDES) * len(_RATIOS)
        self.conv = nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(inplace=True))
        self.objectness = _small(nn.Conv2d(_WIDTH, anchors, 1))
        nn.init.constant_(self.objectness.bias, -math.log(99))  # an object is rare: 0.01
        self.shifts = _small(nn.Conv2d(_WIDTH, 4 * anchors, 1))

    def forward(self, x: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 128, h, w), (H, W) -> anchors, objectness, shifts and proposals of `Detections`."""
        hidden = self.conv(x)
        objectness = self.objectness(hidden).permute(0, 2, 3, 1).flatten(1)
        shifts = self.shifts(hidden).permute(0, 2, 3, 1).reshape(*objectness.shape, 4)
        anchors = self.anchors(x)
        return anchors, objectness, shifts, self.propose(anchors, objectness, shifts, size)

    def anchors(self, x: Tensor) -> Tensor:
        """Return the boxes (A, 4) at each position of a map (N, C, h, w), row by row."""
        y, across = (torch.arange(side, device=x.device) for side in x.shape[2:])
        centers = torch.stack(torch.meshgrid(across, y, indexing="xy"), dim=-1)
        centers = centers.reshape(-1, 1, 2) * self.stride + self.start + 0.5
        halves = torch.tensor(
            [[side / ratio**0.5, side * ratio**0.5] for side in _SIDES for ratio in _RATIOS],
            device=x.device,
        )
        halves = halves * self.stride / 2
        return torch.cat((centers - halves, centers + halves), dim=-1).reshape(-1, 4)

    @torch.no_grad()
    def propose(
        self, anchors: Tensor, objectness: Tensor, shifts: Tensor, size: Sequence[int]
    ) -> Tensor:
        """Return the most likely boxes that do not overlap too much, (N, P, 4), the best first."""
        # `len` would make a constant of the batch that is traced
        count, most = objectness.shape[0], min(self.most, len(anchors))
        if anchors.is_meta:  # only shapes are known
            return anchors[:most].expand(count, most, 4)
        scores, places = objectness.float().topk(min(_TRIED * most, len(anchors)))
        shifts = shifts.float().gather(1, places[..., None].expand(*places.shape, 4))
        boxes = clip_boxes(decode_boxes(shifts, anchors[places]), size[0], size[1])
        kept = keep_best(boxes, scores, _OVERLAP, torch.zeros_like(places))
        # what is not kept fills up after all that is, so that images have as many
        best = torch.where(kept, scores, scores - 1e6).topk(most).indices
        return boxes.gather(1, best[..., None].expand(*best.shape, 4))


class Detector(nn.Module):
    """The head of a detector: neck, proposals, and what each of their regions holds."""

    def __init__(
        self, maps: Sequence[StageMap], *, classes: int, proposals: int, align: bool
    ) -> None:
        super().__init__()
        finest = maps[-1]
        self.align, self.scale = align, 1 / finest.stride
        #: pixels by which the map lies lower and further right than if its units were tiles
        self.shift = finest.start + 0.5 - finest.stride / 2
        self.neck = Neck(maps)
        self.proposals = Proposals(finest.stride, finest.start, proposals)
        self.regions = chain(
            flatten=nn.Flatten(),
            first=nn.Linear(_WIDTH * _GRID**2, _UNITS),
            norm1=nn.BatchNorm1d(_UNITS),  # regions look alike at first: units would see no other
            relu1=nn.ReLU(inplace=True),
            second=nn.Linear(_UNITS, _UNITS),
            norm2=nn.BatchNorm1d(_UNITS),
            relu2=nn.ReLU(inplace=True),
        )
        self.classes = _small(nn.Linear(_UNITS, classes + 1))
        self.moves = _small(nn.Linear(_UNITS, 4))

    def forward(self, size: Sequence[int], maps: Sequence[Tensor]) -> Detections:
        """(H, W), (N, width, h, w) from coarse to fine -> `Detections` of N images."""
        x = self.neck(maps)
        anchors, objectness, shifts, proposals = self.proposals(x, size)
        hidden = self.regions(self.cut(x, proposals))
        each = proposals.shape[:2]
        logits = self.classes(hidden).view(*each, -1)
        moves = self.moves(hidden).view(*each, 4)
        whole = int(size[0]), int(size[1])
        return Detections(anchors, objectness, shifts, proposals, logits, moves, whole)

    def cut(self, x: Tensor, boxes: Tensor) -> Tensor:
        """(N, C, h, w), boxes (N, P, 4) in pixels -> the cells of each box, (N P, C, 7, 7)."""
        images = torch.arange(x.shape[0], device=x.device).repeat_interleave(boxes.shape[1])
        corners = boxes.reshape(-1, 4) - self.shift
        if self.align:
            regions = torch.cat((images[:, None], corners), dim=1)
            return align_regions(x, regions, (_GRID, _GRID), scale=self.scale)
        inclusive = corners * self.scale - 0.5  # of positions, whose centers are whole numbers
        regions = torch.cat((images[:, None], inclusive), dim=1)
        return pool_regions(x, regions, (_GRID, _GRID))


def _small(layer: Any) -> Any:
    """Begin a layer with the small weights of the papers, and biases of 0."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def _choose(maps: Sequence[StageMap]) -> list[int]:
    """Return the numbers of the maps to read: the last of each stride that is coarse enough."""
    last = {entry.stride: number for number, entry in enumerate(maps)}
    coarse = [stride for stride in last if stride >= _FINEST] or [max(last)]
    return sorted(last[stride] for stride in sorted(coarse)[:_MOST])
