"""A trained model: network, class names and preprocessing, or several; and its file format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate import tensorfile
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.errors import OptionError, printable
from striate.legacy import upgrade_model
from striate.model_description import (
    Description,
    EnsembleDescription,
    check_description,
    explain_mismatch,
    read_file,
    refused,
    restore_network,
    restore_spec,
    restore_task,
)
from striate.tasks.task import Task
from striate.text import html_table, list_names
from striate.zoo.spec import NetworkSpec

_MAP_PIXELS = 2**20  #: pixels of images of which maps are computed together


@dataclass(frozen=True)
class Model:
    """A network with its class names and preprocessing."""

    network: nn.Module = field(repr=False)
    spec: NetworkSpec
    task: Task  #: with its target spec
    preprocess: Preprocess
    fractions: SplitFractions  #: split fractions of the training data
    facts: dict[str, str] = field(default_factory=dict[str, str])  #: training settings and scores

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the outputs."""
        return self.task.spec.names

    def _repr_html_(self) -> str:
        image, names = self.preprocess, list_names(self.class_names)
        rows = (
            ("network", self.network_name),
            ("parameters", f"{self.parameters:,}"),
            ("targets", f"{self.task.spec}: {names}"),
            ("image", f"{image.size}x{image.size}x{image.channels}, {image.fit}"),
            *self.facts.items(),
        )
        return html_table([("model", self.task.name), *rows], left=(0, 1))

    @property
    def network_name(self) -> str:
        """Name of the network, with its arguments."""
        return str(self.spec)

    @property
    def parameters(self) -> int:
        """How many parameters the network has."""
        return sum(values.numel() for values in self.network.parameters())

    @property
    def views(self) -> tuple[Preprocess, ...]:
        """The ways in which an image is decoded for `decode`: one."""
        return (self.preprocess,)

    @property
    def images_at_once(self) -> int | None:
        """How many images are computed together, as every layer of a map may be as large."""
        each = self.preprocess.size**2
        return max(1, _MAP_PIXELS // each) if self.task.head == "map" else None

    @torch.inference_mode()
    def outputs(self, pixels: Tensor) -> Tensor:
        """Return the network's outputs (N, ...) float32 of (N, size, size, channels) uint8 images.

        Computed on the network's device.
        """
        device = next(self.network.parameters()).device
        with self.spec.explained():
            return self.network(self.preprocess.normalize(pixels.to(device)))

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the task decodes of images (N, size, size, channels), a row an image."""
        few = self.images_at_once or len(pixels)
        outputs = map(self.outputs, torch.from_numpy(pixels).split(few))
        return np.concatenate([self.task.decode(part).cpu().numpy() for part in outputs])


@dataclass(frozen=True)
class Ensemble:
    """Models of one task whose answers are averaged, each with preprocessing of its own."""

    members: tuple[Model, ...]
    task: Task  #: with its target spec; members may have the names in another order
    fractions: SplitFractions  #: of the first member
    facts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of what is decoded."""
        return self.task.spec.names

    @property
    def network_name(self) -> str:
        """Names of the networks: "2 x lenet5 + resnet20"."""
        names = Counter(member.network_name for member in self.members)
        return " + ".join(f"{n} x {name}" if n > 1 else name for name, n in names.items())

    @property
    def parameters(self) -> int:
        """How many parameters the networks have in all."""
        return sum(member.parameters for member in self.members)

    @property
    def preprocess(self) -> Preprocess:
        """The first member's preprocessing."""
        return self.members[0].preprocess

    @property
    def views(self) -> tuple[Preprocess, ...]:
        """The different ways in which an image is decoded for `decode`."""
        return tuple(dict.fromkeys(map(_view, self.members)))

    def decode(self, *pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the task decodes of the mean of the members' answers, a row an image.

        `pixels` are the images (N, size, size, channels) of each of `views`.
        """
        few = min(member.images_at_once or len(pixels[0]) for member in self.members)
        parts = zip(*(torch.from_numpy(seen).split(few) for seen in pixels), strict=True)
        return np.concatenate([self._decode(part) for part in parts])

    @torch.inference_mode()
    def _decode(self, pixels: Sequence[Tensor]) -> NDArray[Any]:
        seen, names = dict(zip(self.views, pixels, strict=True)), self.class_names
        total: Any = 0
        for member in self.members:
            rated = member.task.rate(member.outputs(seen[_view(member)]))
            order = [member.class_names.index(name) for name in names]
            total = total + (rated if member.class_names == names else rated[:, order])
        return self.task.settle(total / len(self.members)).cpu().numpy()

    def _repr_html_(self) -> str:
        rows = (
            ("networks", self.network_name),
            ("parameters", f"{self.parameters:,}"),
            ("targets", f"{self.task.spec}: {list_names(self.class_names)}"),
            *self.facts.items(),
        )
        return html_table([("ensemble", self.task.name), *rows], left=(0, 1))


def _view(member: Model) -> Preprocess:
    """Return how images are decoded for a model; mean and std are applied afterwards."""
    return replace(member.preprocess, mean=(), std=())


def one_network(model: Model | Ensemble, verb: str) -> Model:
    """Return a model of one network, for what needs its layers. Raises OptionError."""
    if isinstance(model, Model):
        return model
    raise OptionError(
        f"{verb} is for one network, but an ensemble of {len(model.members)} came; give one of "
        "its members"
    )


def to_device(network: nn.Module, device: str | torch.device) -> nn.Module:
    """Move the network to a device, channels-last: 1.1 to 1.3 times as fast on a CPU."""
    return network.to(device=device, memory_format=torch.channels_last)  # pyright: ignore


def save(model: Model | Ensemble, path: Path) -> None:
    """Write a checksummed model file. Raises StorageError."""
    if isinstance(model, Model):
        tensorfile.write(path, model.network.state_dict(), _description(model))
        return
    description = {
        "format": 3,
        "task": model.task.name,
        "targets": model.task.spec.to_json(),
        "fractions": asdict(model.fractions),
        "facts": model.facts,
        "members": [_description(member) for member in model.members],
    }
    weights = {
        f"{place}.{name}": tensor
        for place, member in enumerate(model.members)
        for name, tensor in member.network.state_dict().items()
    }
    tensorfile.write(path, weights, description)


def _description(model: Model) -> dict[str, Any]:
    return {
        "format": 2,
        "task": model.task.name,
        **model.spec.record(),
        "targets": model.task.spec.to_json(),
        "preprocess": asdict(model.preprocess),
        "fractions": asdict(model.fractions),
        "facts": model.facts,
    }


def load(
    path: str | Path, *, device: str | torch.device = "cpu", network: object = None
) -> Model | Ensemble:
    """Load a model file (or the `model.safetensors` of a run folder), in evaluation mode.

    The file contains no code: for a custom network, pass the `network` it was trained with, as
    "mynet.py:Net", a module, or a class or function that returns one. Raises OptionError when
    that is missing or does not match, or there is no such file; ModelError when it is not a
    striate model, is damaged, or does not fit its network; StorageError when it cannot be read.
    """
    path, description, weights = read_file(Path(path))
    if "members" not in description:
        return restore_model(path, description, weights, device, network)
    if network is not None:
        raise OptionError(f"{printable(str(path))}: an ensemble has its networks; leave it out")
    return _load_ensemble(path, description, weights, device)


def _load_ensemble(
    path: Path, description: dict[str, Any], weights: dict[str, Tensor], device: str | torch.device
) -> Ensemble:
    said = check_description(path, EnsembleDescription, description)
    parts: list[dict[str, Tensor]] = [{} for _ in said.members]
    for name, tensor in weights.items():
        place, _, own = name.partition(".")
        if not (place.isdecimal() and place.isascii() and int(place) < len(parts)):
            raise refused(path, f"{name} belongs to none of its {len(parts)} members")
        parts[int(place)][own] = tensor
    told = zip(said.members, parts, strict=True)
    members = [restore_model(path, member, part, device) for member, part in told]
    task = restore_task(path, said)
    if reason := next(filter(None, (explain_mismatch(task, each.task) for each in members)), ""):
        raise refused(path, f"of a member {reason}")
    fractions = SplitFractions(**said.fractions.model_dump())
    made = Ensemble(tuple(members), task, fractions, said.facts)
    if task.head == "map" and len(made.views) > 1:
        raise refused(path, "the maps of its members are not of one size")
    return made


def restore_model(
    path: Path,
    description: dict[str, Any],
    weights: dict[str, Tensor],
    device: str | torch.device,
    network: object = None,
) -> Model:
    """Return the model of a file's description and tensors; errors are those of `load`."""
    said = check_description(path, Description, upgrade_model(description))
    preprocess = Preprocess(
        said.preprocess.size,
        said.preprocess.channels,
        said.preprocess.fit,
        tuple(said.preprocess.mean),
        tuple(said.preprocess.std),
        said.preprocess.interpolation,
    )
    task = restore_task(path, said)
    spec = restore_spec(path, said, task, network)
    made = restore_network(path, spec, said, task, weights)
    return Model(
        (to_device(made, device) if spec.ours else made.to(device)).eval(),
        spec,
        task,
        preprocess,
        SplitFractions(**said.fractions.model_dump()),
        said.facts,
    )
