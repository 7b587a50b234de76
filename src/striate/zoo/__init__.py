"""Every network, a page per paper, and `build`, which makes one by its name.

A network is an `nn.Module` whose direct children are its named stages in order, the last called
`head`; whatever freezes, probes or replaces a part addresses it by that name. `dcgan` is two of
them, `generator` and `discriminator`.
"""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from striate.errors import OptionError, printable, unknown
from striate.zoo import cosine_on, fcn_on, patches_on, pretrained, regions_on
from striate.zoo.pages import (
    alexnet,
    autoencoder,
    compressive_autoencoder,
    dcgan,
    deepbind,
    densenet,
    dncnn,
    edsr,
    efficientnet_lite,
    fcn,
    googlenet,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
    lenet,
    lenet_1d,
    lenet_1998,
    mlp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    pilotnet,
    resnet,
    resnet_1d,
    resnet_small,
    squeezenet,
    unet,
    vgg,
    zfnet,
)
from striate.zoo.pages.card import Card
from striate.zoo.spelling import parsed

__all__ = ["CARDS", "PAGES", "Card", "backbone_of", "build", "card", "pretrained"]

_MOST = 1_000_000  # channels or classes
#: prefix of a network on another -> its card
_ON = {
    fcn_on.PREFIX: fcn_on.fcn_card,
    regions_on.PREFIX: regions_on.regions_card,
    cosine_on.PREFIX: cosine_on.cosine_card,
    patches_on.PREFIX: patches_on.patches_card,
}

PAGES = (
    *(mlp, lenet, lenet_1998, alexnet, zfnet, vgg),
    *(googlenet, inception_v2, inception_v3, inception_v4, inception_resnet),
    *(resnet, resnet_small, densenet),
    *(squeezenet, mobilenet_v1, mobilenet_v2, mobilenet_v3, efficientnet_lite, pilotnet),
    *(autoencoder, compressive_autoencoder, dncnn, edsr, fcn, unet, dcgan),
    *(lenet_1d, resnet_1d, deepbind),
)
CARDS: dict[str, Card] = {entry.name: entry for page in PAGES for entry in page.CARDS}


def card(name: str) -> Card:
    """The card of a network; `timm:NAME` is any network of timm, where that is installed.

    `fcn:NAME` is an FCN on the stages of another, as in "fcn:resnet18" and "fcn:timm:resnet18",
    `regions:NAME` a detector, `cosine:NAME` an embedding with its cosines to classes, and
    `patches:NAME` what good images look like. Arguments in the name are passed over. Raises
    OptionError with the nearest names when there is none.
    """
    name = name.partition("(")[0]
    if backbone := backbone_of(name):
        make = _ON[name.removesuffix(backbone)]
        return make(name, card(backbone), partial(build, name))
    if name.startswith("timm:"):
        return pretrained.timm_card(name)
    if name not in CARDS:
        raise unknown("network", name, CARDS)
    return CARDS[name]


def backbone_of(name: str) -> str:
    """Return the NAME of `fcn:NAME`, `cosine:NAME` and their like; "" for other networks."""
    prefix = next((each for each in _ON if name.startswith(each)), None)
    return name.removeprefix(prefix) if prefix else ""


def build(
    name: str,
    *,
    channels: int | None = None,
    classes: int | None = None,
    weights: str | Path | bool | None = None,
    **arguments: Any,
) -> nn.Module:
    """A network with fresh or published weights; channels and classes are the paper's by default.

    `arguments` are those that the network's page names, and may stand in the name, as in
    "mobilenet_v1(width=0.5)"; a network that gives images has no classes.
    Fresh weights are drawn from torch's global generator: seed it for the same network twice.

    `weights` are "torchvision" or "timm", which download theirs into their own cache, "package" for
    the EfficientNet-Lites, whose weights are packages, or the path of a safetensors file or of a
    state dict that torch.save wrote, with our names or those of any of the three. All of them must
    fit, with these exceptions; True means the first of torchvision, package and timm that has any.
    Where `channels` is given and differs from theirs, the first layer sums its kernels over the
    channels or repeats and divides them, so that an image with equal channels gives what it gave.
    Where `classes` is given and differs, the last layers stay
    fresh. Auxiliary heads that `auxiliary=False` leaves out are passed over; those that the
    weights lack are not. Raises OptionError, ModelError or StorageError.
    """
    entry, (name, spelled) = card(name), parsed(name)
    arguments |= _sizes(name, channels=channels, classes=classes)
    for word in spelled.keys() & arguments.keys():
        raise OptionError(f"{name}: {word} was given twice")
    arguments |= spelled
    if backbone_of(name):
        makers = {cosine_on.PREFIX: _with_cosines, patches_on.PREFIX: _with_patches}
        make = makers.get(name.removesuffix(backbone_of(name)), _on_stages)
        return make(name, weights=weights, **arguments)
    known = inspect.signature(entry.builder).parameters
    for word in arguments:
        if word not in known:
            raise unknown(f"argument of {name}", word, known)
    try:
        network = entry.builder(**arguments)
    except OptionError:
        raise
    except (TypeError, ValueError, IndexError) as error:
        shown = ", ".join(f"{word}={value!r}" for word, value in arguments.items())
        raise OptionError(f"{name}: no network for {printable(shown, 200)}: {error}") from error
    if weights is not None:
        pretrained.load_pretrained(network, entry, weights, arguments)
    return network


def _sizes(name: str, **sizes: int | None) -> dict[str, int]:
    """The sizes that are given. Raises OptionError for one that no network can have."""
    for word, count in sizes.items():
        if count is not None and not 1 <= count <= _MOST:
            raise OptionError(f"{name}: {word} must be from 1 to {_MOST:,}, but {count:,} came")
    return {word: count for word, count in sizes.items() if count is not None}


def _on_stages(name: str, **arguments: Any) -> nn.Module:
    """A head on a network that `build` makes with the arguments that the head does not take."""
    put = fcn_on.fcn_on if name.startswith(fcn_on.PREFIX) else regions_on.regions_on
    own = inspect.signature(put).parameters.keys() - {"backbone", "channels", "smallest"}
    given = {word: arguments.pop(word) for word in own & arguments.keys()}
    backbone = backbone_of(name)
    network, entry = build(backbone, **arguments), card(backbone)
    channels = arguments.get("channels", entry.input[0])
    return put(network, channels=channels, smallest=entry.smallest, **given)


def _with_cosines(
    name: str,
    *,
    classes: int = cosine_on.CLASSES,
    embedding: int = cosine_on.EMBEDDING,
    **arguments: Any,
) -> nn.Module:
    """An embedding and its cosines on a network that `build` makes with the other arguments."""
    sizes, name = _sizes(name, embedding=embedding), backbone_of(name)
    backbone = build(name, classes=embedding, **_without_auxiliary(name), **arguments)
    return cosine_on.cosine_on(backbone, classes=classes, **sizes)


def _with_patches(
    name: str, *, classes: int = patches_on.DIRECTIONS, **arguments: Any
) -> nn.Module:
    """Directions of patches on a network that `build` makes with the other arguments."""
    name = backbone_of(name)
    backbone, (channels, high, wide) = (
        build(name, **_without_auxiliary(name), **arguments),
        card(name).input,
    )
    shape = arguments.get("channels") or channels, high, wide
    return patches_on.patches_on(backbone, shape=shape, classes=classes)


def _without_auxiliary(name: str) -> dict[str, bool]:
    """The argument that leaves out auxiliary heads, for a network that takes it."""
    taken = "auxiliary" in inspect.signature(card(name).builder).parameters
    return {"auxiliary": False} if taken else {}
