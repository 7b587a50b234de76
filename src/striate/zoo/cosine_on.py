"""Embeddings on any classifier: `cosine:NAME` takes a network of the zoo or of timm.

The last layer of the network gives an embedding in place of logits, and what follows compares its
direction with one direction for each class: the outputs are the cosines (N, classes), then the
embedding of length 1 (N, embedding). The classes serve training; what is new is told by the
embedding alone.

Deng, Guo, Xue, Zafeiriou: ArcFace: additive angular margin loss for deep face recognition, CVPR
2019. https://arxiv.org/abs/1801.07698
Not as in the paper: the embedding is what the network's own last layer gives, without dropout and
batch normalization around it. The margin is of the loss, in the task `embedding`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.zoo.pages.card import Card

PREFIX = "cosine:"
CLASSES = 10  #: by default
EMBEDDING = 64  #: numbers of an embedding, by default


def cosine_card(name: str, backbone: Card, builder: Callable[..., nn.Module]) -> Card:
    """Return the card of `cosine:NAME`. Raises OptionError if NAME is no classifier."""
    return backbone.with_head(
        name,
        builder,
        fits=backbone.output == "logits" and not backbone.needs_size,
        needs="a classifier that is built without the size of images",
        paper="Deng et al.",
        year=2019,
        classes=CLASSES,
        output="cosines",
    )


def cosine_on(backbone: nn.Module, *, classes: int, embedding: int) -> nn.Module:
    """Turn a classifier of `embedding` classes into (N, C, H, W) -> (N, classes + embedding).

    Takes a network of `zoo.build` without auxiliary heads, and changes its head.
    """
    head = backbone.get_submodule("head")
    named = head.named_children() if isinstance(head, nn.Sequential) else [("embedding", head)]
    layers = OrderedDict(named)
    layers["cosines"] = Cosines(embedding, classes)
    backbone.add_module("head", nn.Sequential(layers))
    return backbone


class Cosines(nn.Module):
    """Cosines of an embedding with a direction for each class, then its own direction."""

    def __init__(self, embedding: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, embedding))
        nn.init.normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, embedding) -> (N, classes + embedding)."""
        direction = F.normalize(x.float(), dim=1)
        cosines = direction @ F.normalize(self.weight.float(), dim=1).T
        return torch.cat([cosines, direction], dim=1)
