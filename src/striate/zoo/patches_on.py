"""What good looks like, on any classifier: `patches:NAME` learns where its features lie.

The head of a network that has learned something gives way to a few dozen directions, and the
outputs are the cosines of every patch of the last map with each of them, (N, directions, h, w). A
patch of a kind that was seen in training is near to one of the directions: they are the centers of
a spherical k-means (Dhillon and Modha, Machine Learning 42 (2001)), found by gradient descent while
the stages below are frozen. Patches of features and their distance to known ones are the idea of
PatchCore (Roth et al., CVPR 2022, https://arxiv.org/abs/2106.08265).
Not as there: centers are learned rather than picked, and stand for a map of one stage, the last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.layers import WithAuxHeads
from striate.summary import summarize
from striate.zoo.pages.card import Card
from striate.zoo.stages import stage_names

PREFIX = "patches:"
DIRECTIONS = 64  #: by default


def patches_card(name: str, backbone: Card, builder: Callable[..., nn.Module]) -> Card:
    """Return the card of `patches:NAME`. Raises OptionError if NAME is no classifier."""
    images = backbone.output == "logits" and backbone.input_kind == "image"
    return backbone.with_head(
        name,
        builder,
        fits=images and not backbone.needs_size,
        needs="a classifier of images that is built without their size",
        paper="Roth et al.",
        year=2022,
        classes=DIRECTIONS,
        output="patches",
    )


def patches_on(
    backbone: nn.Module, *, shape: tuple[int, int, int], classes: int = DIRECTIONS
) -> nn.Sequential:
    """Turn a classifier into (N, C, H, W) -> cosines (N, classes, h, w).

    Takes a network of `zoo.build`, whose stages move into the result; `shape` is that of an image.
    Raises OptionError for a network whose stages do not run one after another.
    """
    if not isinstance(backbone, nn.Sequential | WithAuxHeads):
        raise OptionError(f"{type(backbone).__name__} has no stages that run one by one")
    children = dict(backbone.named_children())
    stages = OrderedDict((name, children[name]) for name in stage_names(backbone)[:-1])
    front = nn.Sequential(stages)
    width = summarize(front, shape, "front").layers[-1].output[0]
    stages["head"] = Directions(width, classes)
    return nn.Sequential(stages)


class Directions(nn.Module):
    """Cosines of each patch with some directions."""

    def __init__(self, width: int, directions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(directions, width))
        nn.init.normal_(self.weight, std=width**-0.5)  # of length 1, or they would hardly turn

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) or (N, width) -> (N, directions, h, w)."""
        x = x.float() if x.ndim == 4 else x.float()[:, :, None, None]
        kernels = F.normalize(self.weight.float(), dim=1)
        return F.conv2d(F.normalize(x, dim=1), kernels[:, :, None, None])
