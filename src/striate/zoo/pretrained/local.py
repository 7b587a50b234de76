"""Published weights that are on this machine already, and their terms."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from striate.zoo.pretrained.counterparts import COUNTERPARTS
from striate.zoo.pretrained.libraries import import_library
from striate.zoo.pretrained.sources import find_counterpart
from striate.zoo.pretrained.timm_models import PREFIX

#: networks by source, the first that is here is taken; chosen in docs/guide/transfer.md
FAVORITES = {
    "package": ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
    "torchvision": ("mobilenet_v3_large", "mobilenet_v2", "resnet18", "resnet50"),
    "timm": ("efficientnet_lite0", "mobilenet_v2", "resnet18", "resnet50"),
}


def find_local(network: str | None) -> tuple[str, str] | None:
    """Return network and source of weights that need no download; None if there are none.

    Of a given network, or of the first favorite. Imports neither torchvision nor timm.
    """
    for source, favorites in FAVORITES.items():
        for name in favorites if network is None else (network,):
            if is_local(name, source):
                return name, source
    return None


def is_local(name: str, source: str) -> bool:
    """Return whether the source's weights of a network are installed or in its cache."""
    if source == "timm" and name.startswith(PREFIX):
        peer = name.removeprefix(PREFIX)
    elif name in COUNTERPARTS[source]:
        peer = COUNTERPARTS[source][name].name
    else:
        return False
    if source == "package":
        return importlib.util.find_spec(peer) is not None
    if importlib.util.find_spec(source) is None:
        return False
    return any(_cached(peer, source))


def _cached(peer: str, source: str) -> Iterator[Path]:
    """Yield files of the library's own cache that hold weights of its network `peer`."""
    if source == "torchvision":
        yield from Path(torch.hub.get_dir(), "checkpoints").glob(f"{peer}-*.pth")
        return
    home = os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE", Path(home, "hub")))
    plain, _, tag = peer.partition(".")
    repository = f"models--timm--{plain}.{tag or '*'}"
    yield from hub.glob(f"{repository}/snapshots/*/model.safetensors")


class Terms(NamedTuple):
    """What holds published weights, and their license; "" if it states none."""

    held: str
    license: str

    def __str__(self) -> str:
        if not self.license:
            return f"{self.held}, which states no license"
        marks = "-nc", "noncommercial", "non-commercial"
        forbids = any(mark in self.license.lower() for mark in marks)
        noted = ", which forbids commercial use" if forbids else ""
        return f"{self.held}, license {self.license}{noted}"


def find_terms(name: str, source: str) -> Terms:
    """Return what holds the weights of a network, and their license."""
    peer = find_counterpart(name, source).name
    if source == "package":
        package = importlib.metadata.distribution(peer.replace("_", "-"))
        held, terms = f"{package.name} {package.version}", _license_file(package)
    elif source == "timm":
        told = import_library("timm", "weights").get_pretrained_cfg(peer)
        held, terms = f"timm {told.architecture}.{told.tag}", told.license
    else:
        weights = import_library("torchvision.models", "weights").get_model_weights(peer).DEFAULT
        held, terms = f"torchvision {weights}", weights.meta.get("license")
    text = terms if isinstance(terms, str) else ""
    return Terms(held, " ".join(text.split())[:100])


def _license_file(package: importlib.metadata.Distribution) -> str:
    """Return the first line of the license that an installed package comes with."""
    names = [str(file) for file in package.files or () if "LICENSE" in file.name]
    lines = (package.read_text(Path(names[0]).name) or "").split("\n") if names else []
    return next((line.strip() for line in lines if line.strip()), "")
