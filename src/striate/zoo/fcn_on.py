"""FCNs on the stages of any network: `fcn:NAME` takes a network of the zoo or of timm.

The head of the network gives way to score layers, 1x1 convolutions from zero, on the last stage of
each of its three coarsest strides: 32, 16 and 8 for most, 4, 2 and 1 for networks made for images
of 32x32. Scores are summed from coarse to fine and interpolated to pixels, as in fcn8s.

Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation, CVPR 2015,
section 4. https://arxiv.org/abs/1411.4038
Not as in the paper: upsampling is bilinear and fixed, and places each score at the center of its
receptive field, so unpadded networks fit as well. Where a stage sees the whole image, as with
squeeze and excitation, scores are spread evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.zoo.pages.card import Card
from striate.zoo.stage_maps import StageMap, put_head

PREFIX = "fcn:"
CLASSES = 21  #: of the paper, by default
_MOST = 3  #: score layers


def fcn_card(name: str, backbone: Card, builder: Callable[..., nn.Module]) -> Card:
    """Return the card of `fcn:NAME`. Raises OptionError if NAME has no stages to score."""
    return backbone.with_head(
        name,
        builder,
        fits=backbone.takes_any_image,
        needs="a classifier for images of any size",
        paper="Long et al.",
        year=2015,
        classes=CLASSES,
        output="map",
        smallest=1,
    )


def fcn_on(
    backbone: nn.Module, *, channels: int = 3, classes: int = CLASSES, smallest: int = 1
) -> nn.Module:
    """Turn a classifier into (N, channels, H, W) -> logits (N, classes, H, W), for any H and W.

    Takes a network of `zoo.build`, whose stages move into the result; `smallest` is the smallest
    side that they take, and images are padded with zeros on the right and bottom. Raises
    OptionError for a network without stages.
    """
    head = partial(Scores, classes=classes)
    return put_head(backbone, head, choose=_choose, channels=channels, smallest=smallest)


class Upsampling(nn.Module):
    """Interpolate (N, C, h, w) bilinearly by an integer factor; the outer units' values extend.

    Unit 0 is centered at position `first` of the output.
    """

    def __init__(self, factor: int, first: float) -> None:
        super().__init__()
        self.factor, self.first = factor, first

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """(N, C, h, w), (H, W) -> (N, C, H, W)."""
        factor, whole = self.factor, math.floor(self.first)
        before = max(0, math.ceil(self.first / factor))
        bottom, right = (
            max(0, math.ceil((side - 1 - self.first) / factor) - count + 1)
            for side, count in zip(size, x.shape[2:], strict=True)
        )
        x = F.pad(x, (before, right, before, bottom), mode="replicate")
        center = factor - 1 + self.first - whole
        taps = torch.arange(math.ceil(center) + factor, dtype=x.dtype, device=x.device)
        nearness = 1 - (taps - center).abs() / factor
        kernel = torch.outer(nearness, nearness).expand(x.shape[1], 1, -1, -1)
        y = F.conv_transpose2d(x, kernel, stride=factor, groups=x.shape[1])
        start = (before + 1) * factor - 1 - whole
        return y[:, :, start : start + size[0], start : start + size[1]]


class Scores(nn.Module):
    """Score stage maps from coarse to fine, add them up and interpolate the sum to pixels."""

    def __init__(self, maps: Sequence[StageMap], classes: int) -> None:
        super().__init__()
        self.scores = nn.ModuleList(nn.Conv2d(entry.width, classes, 1) for entry in maps)
        finer = [*maps[1:], StageMap(classes, 1, 0)]
        self.upsampling = nn.ModuleList(
            Upsampling(one.stride // two.stride, (one.start - two.start) / two.stride)
            for one, two in zip(maps, finer, strict=True)
        )
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, size: Sequence[int], maps: Sequence[Tensor]) -> Tensor:
        """(H, W), (N, width, h, w) from coarse to fine -> logits (N, classes, H, W)."""
        scored = [score(x) for score, x in zip(self.scores, maps, strict=True)]
        sizes = [*(x.shape[2:] for x in scored[1:]), size]
        total: Tensor | None = None
        for x, upsampling, larger in zip(scored, self.upsampling, sizes, strict=True):
            total = upsampling(x if total is None else x + total, larger)
        assert total is not None
        return total


def _choose(maps: Sequence[StageMap]) -> list[int]:
    """Return the numbers of the maps to score: the last of each of the coarsest strides."""
    last = {entry.stride: number for number, entry in enumerate(maps)}
    chosen = list[int]()
    for stride in sorted(last, reverse=True):
        if not chosen or maps[chosen[-1]].stride % stride == 0:
            chosen.append(last[stride])
    return sorted(chosen[:_MOST])
