"""Every network, a page per paper, and `build`, which makes one by its name.

A network is an `nn.Module` whose direct children are its named stages in order, the last called
`head`; whatever freezes, probes or replaces a part addresses it by that name.
"""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from striate.errors import OptionError, unknown
from striate.zoo.card import Card
from striate.zoo.classic import alexnet, lenet, lenet_1998, mlp, vgg, zfnet
from striate.zoo.compact import (
    efficientnet_lite,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    squeezenet,
)
from striate.zoo.inception import (
    googlenet,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
)
from striate.zoo.pictures import autoencoder, dcgan, fcn
from striate.zoo.residual import densenet, resnet, resnet_small

__all__ = ["CARDS", "PAGES", "Card", "build", "card"]

_MOST = 1_000_000  # channels or classes

PAGES = (
    *(mlp, lenet, lenet_1998, alexnet, zfnet, vgg),
    *(googlenet, inception_v2, inception_v3, inception_v4, inception_resnet),
    *(resnet, resnet_small, densenet),
    *(squeezenet, mobilenet_v1, mobilenet_v2, mobilenet_v3, efficientnet_lite),
    *(autoencoder, fcn, dcgan),
)
CARDS: dict[str, Card] = {entry.name: entry for page in PAGES for entry in page.CARDS}


def card(name: str) -> Card:
    """The card of a network. Raises OptionError with the nearest names when there is none."""
    if name not in CARDS:
        raise unknown("network", name, CARDS)
    return CARDS[name]


def build(
    name: str, *, channels: int | None = None, classes: int | None = None, **arguments: Any
) -> nn.Module:
    """A network with fresh weights; channels and classes are the paper's where not given.

    `arguments` are those that the network's page names; one that gives pictures has no classes.
    Weights are drawn from torch's global generator: seed it for the same network twice. Raises
    OptionError.
    """
    entry = card(name)
    for word, count in (("channels", channels), ("classes", classes)):
        if count is None:
            continue
        if not 1 <= count <= _MOST:
            raise OptionError(f"{name}: {word} must be from 1 to {_MOST:,}, but {count:,} came")
        arguments[word] = count
    known = inspect.signature(entry.builder).parameters
    for word in arguments:
        if word not in known:
            raise unknown(f"argument of {name}", word, known)
    return entry.builder(**arguments)
