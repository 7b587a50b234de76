"""timm's networks under our interface: `timm:NAME` is `timm.create_model(NAME)` with a `head`.

Its direct children are timm's in timm's order, but the classifier, `fc` or `classifier` in timm, is
named `head` and comes last. So freezing, probing and replacing work as for every zoo network, and
its tensors are `head.weight` and `head.bias`. A property maps the old name to the new one for
timm's forward. The few networks whose `head` is another module are wrapped as `body` before the
classifier.

Wightman: PyTorch image models, 2019, https://doi.org/10.5281/zenodo.4414861
"""

from __future__ import annotations

import difflib
from functools import cache, partial
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from striate.errors import OptionError, printable
from striate.layers import meta_init
from striate.zoo.pages.card import Card
from striate.zoo.pretrained.libraries import import_library
from striate.zoo.pretrained.naming import Naming

PREFIX = "timm:"


def timm_card(name: str) -> Card:
    """Return the card of `timm:NAME`: input, classes and parameter count of timm's weights.

    Multiply-adds and receptive field are left to `describe`. Raises OptionError without timm, for
    an unknown name, and for encoders, which have no classifier.
    """
    return _card(name, _timm(name))


def head_naming(name: str) -> Naming:
    """Return the mapping from our tensor names to timm's."""
    place = _classifier(name, _timm(name)).partition(".")[0]
    return Naming() if place == "head" else Naming((("^head.", f"{place}."), ("^body.", "")))


@cache
def _card(name: str, timm: ModuleType) -> Card:
    told = _told(name, timm)
    channels, height, width = told.input_size
    classes = told.num_classes or 1000
    builder = partial(_network, name, channels=channels, classes=classes)
    with meta_init():
        params = sum(parameter.numel() for parameter in builder().parameters())
    return Card(
        name=name,
        builder=builder,
        paper="Wightman",
        year=2019,
        input=(channels, height, width),
        classes=classes,
        params=params,
        macs=0,
        any_size=not told.fixed_input_size,
    )


def _network(name: str, *, channels: int, classes: int) -> nn.Module:
    """(N, channels, H, W) -> logits (N, classes)."""
    timm = _timm(name)
    place = _classifier(name, timm).partition(".")[0]
    try:
        network = timm.create_model(
            name.removeprefix(PREFIX), in_chans=channels, num_classes=classes
        )
    except Exception as error:  # timm raises anything for unsupported sizes
        reason = printable(str(error).partition("\n")[0], 200)
        sizes = f"{channels} channels and {classes:,} classes"
        raise OptionError(f"timm cannot build {name} for {sizes}: {reason}") from error
    classifier = dict(network.named_children()).get(place)
    if classifier is None:
        raise OptionError(
            f"{name} has no classifier: timm made it to encode; choose another network"
        )
    if place != "head" and hasattr(network, "head"):
        return _Behind(network, place)
    delattr(network, place)
    network.add_module("head", classifier)
    if place != "head":
        network.__class__ = _headed(type(network), place)
    return network


class _Behind(nn.Module):
    """A network whose classifier is moved out and applied after it."""

    def __init__(self, body: nn.Module, place: str) -> None:
        super().__init__()
        self.body, self.head = body, body.get_submodule(place)
        setattr(body, place, nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@cache
def _headed(kind: type[nn.Module], place: str) -> type[nn.Module]:
    """Subclass `kind` so that its child `place` is named `head`."""
    members = {place: property(lambda network: network.head), "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)


def _classifier(name: str, timm: ModuleType) -> str:
    """Return the path of the classifier layer in timm's config."""
    place = _told(name, timm).classifier
    return str(place if isinstance(place, str) else (place or ("",))[0])


def _told(name: str, timm: ModuleType) -> Any:
    """Return timm's pretrained config. Raises OptionError with similar names if unknown."""
    plain = name.removeprefix(PREFIX)
    if not timm.is_model(plain):
        near = difflib.get_close_matches(plain, timm.list_models(), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(repr(PREFIX + one) for one in near)}?" if near else ""
        raise OptionError(f"timm has no network called {printable(repr(plain), 200)}{hint}")
    try:
        return timm.get_pretrained_cfg(plain, allow_unregistered=False)
    except RuntimeError as error:
        tags: list[str] = timm.list_pretrained(plain.partition(".")[0] + ".*")
        known = " or ".join(repr(PREFIX + tag) for tag in tags[:5])
        raise OptionError(
            f"timm has no weights called {printable(repr(plain), 200)}; did you mean {known}?"
        ) from error


def _timm(name: str) -> ModuleType:
    return import_library("timm", printable(name, 200))
