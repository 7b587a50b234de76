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
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.layers import WithAuxHeads, pad_to_multiple
from striate.summary import summarize
from striate.summary.layer import Layer
from striate.zoo.pages.card import Card

PREFIX = "fcn:"
CLASSES = 21  #: of the paper, by default
_SIDE = 256  #: of the image that the stages are measured with
_MOST = 3  #: score layers


@dataclass(frozen=True)
class StageMap:
    """Output of a stage: channels, and pixels between its units and before the first's center."""

    width: int
    stride: int
    start: float


def fcn_card(name: str, backbone: Card, builder: Callable[..., nn.Module]) -> Card:
    """Return the card of `fcn:NAME`. Raises OptionError if NAME has no stages to score."""
    if backbone.output != "logits" or not backbone.any_size or backbone.needs_size:
        raise OptionError(
            f"{name} needs a classifier for images of any size, which {backbone.name} is not; "
            f"choose another, as in {PREFIX}resnet18"
        )
    return Card(
        name=name,
        builder=builder,
        paper="Long et al.",
        year=2015,
        input=backbone.input,
        classes=CLASSES,
        params=0,
        macs=0,
        output="map",
        learning_rate=backbone.learning_rate,
    )


def fcn_on(
    backbone: nn.Module, *, channels: int = 3, classes: int = CLASSES, smallest: int = 1
) -> nn.Module:
    """Turn a classifier into (N, channels, H, W) -> logits (N, classes, H, W), for any H and W.

    Takes a network of `zoo.build`, whose stages move into the result; `smallest` is the smallest
    side that they take, and images are padded with zeros on the right and bottom. Raises
    OptionError for a network without stages.
    """
    network = _Intermediates(backbone) if _intermediate(backbone) else _Chain(backbone)
    input, name = (channels, _SIDE, _SIDE), type(backbone).__name__  # noqa: A001
    rows = summarize(_Probe(network), input, name).layers
    maps = _measure([row for row in rows if row.name == "map"])
    chosen = _choose(maps)
    network.keep(chosen)
    network.stride = maps[chosen[-1]].stride
    network.least = -(-smallest // network.stride) * network.stride
    network.head = Scores([maps[number] for number in reversed(chosen)], classes)
    for path in summarize(network, input, name).unused:
        if not isinstance(network.get_submodule(path), nn.ModuleList):
            network.set_submodule(path, nn.Identity())
    return network


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


class OnStages(nn.Module):
    """A network with a head on the maps of some of its stages."""

    head: nn.Module
    stride = 1  #: the coarsest of the scored maps
    least = 1  #: smallest side of an image, once padded

    def maps(self, x: Tensor) -> list[Tensor]:
        """(N, C, H, W) -> the maps (N, width, h, w) of its stages, from fine to coarse."""
        raise NotImplementedError

    def keep(self, numbers: Sequence[int]) -> None:
        """Give these maps only."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> logits (N, classes, H, W)."""
        padded = pad_to_multiple(x, self.stride, self.least)
        return self.head(x.shape[2:], self.maps(padded)[::-1])


class _Chain(OnStages):
    """The stages of a network of the zoo, its children in order."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        if not isinstance(backbone, nn.Sequential | WithAuxHeads):
            raise OptionError(f"{type(backbone).__name__} has no stages that run one by one")
        children = dict(backbone.named_children())
        self.order = [name for name in children if name not in ("auxiliary", "head")]
        self.scored = self.order
        for name in self.order:
            self.add_module(name, children[name])

    def maps(self, x: Tensor) -> list[Tensor]:
        found = list[Tensor]()
        for name in self.order:
            x = self.get_submodule(name)(x)
            if name in self.scored:
                found.append(x)
        return found

    def keep(self, numbers: Sequence[int]) -> None:
        for name in self.order[numbers[-1] + 1 :]:
            delattr(self, name)
        self.order = self.order[: numbers[-1] + 1]
        self.scored = [self.order[number] for number in numbers]


class _Intermediates(OnStages):
    """The maps that a network of timm gives of its stages."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.body: Any = _intermediate(backbone)
        self.scored: list[int] | None = None  # all

    def maps(self, x: Tensor) -> list[Tensor]:
        return self.body.forward_intermediates(
            x, indices=self.scored, stop_early=True, intermediates_only=True
        )

    def keep(self, numbers: Sequence[int]) -> None:
        self.scored = list(numbers)


def _intermediate(backbone: nn.Module) -> nn.Module | None:
    """Return the part of a network of timm that gives the maps of its stages, if any."""
    parts = (backbone, getattr(backbone, "body", None))
    return next((part for part in parts if hasattr(part, "forward_intermediates")), None)


class _Probe(nn.Module):
    """Pass every map through a layer called `map`, so that the summary tells where it lies."""

    def __init__(self, network: OnStages) -> None:
        super().__init__()
        self.network, self.map = network, nn.Identity()

    def forward(self, x: Tensor) -> None:
        for found in self.network.maps(x):
            self.map(found)


def _measure(rows: Sequence[Layer]) -> list[StageMap]:
    """Return width, stride and start of maps, from their rows of a summary."""
    known = all(row.jump and row.jump[0] for row in rows)  # none sees the whole image
    found = list[StageMap]()
    for row in rows:
        width, height, _ = row.output
        if known and row.jump and row.start:
            found.append(StageMap(width, round(row.jump[0]), row.start[0]))
        else:
            stride = _SIDE // height
            found.append(StageMap(width, stride, (stride - 1) / 2))
    return found


def _choose(maps: Sequence[StageMap]) -> list[int]:
    """Return the numbers of the maps to score: the last of each of the coarsest strides."""
    last = {entry.stride: number for number, entry in enumerate(maps)}
    chosen = list[int]()
    for stride in sorted(last, reverse=True):
        if not chosen or maps[chosen[-1]].stride % stride == 0:
            chosen.append(last[stride])
    return sorted(chosen[:_MOST])
