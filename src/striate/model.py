"""A trained model: network, class names and preprocessing, or several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.errors import OptionError
from striate.provenance import Provenance
from striate.rejection import Rejection
from striate.tasks.task import Task
from striate.text import html_table, list_names
from striate.zoo.spec import NetworkSpec
from striate.zoo.stages import Pool, split_head


class Pairs(NamedTuple):
    """What a task made of N images: what the network was given, and what it should answer."""

    inputs: NDArray[np.float32]  #: (N, ...)
    targets: NDArray[Any]  #: (N, ...)


@dataclass(frozen=True)
class Model:
    """A network with its class names and preprocessing."""

    network: nn.Module = field(repr=False)
    spec: NetworkSpec
    task: Task  #: with its target spec
    preprocess: Preprocess
    fractions: SplitFractions  #: split fractions of the training data
    facts: dict[str, str] = field(default_factory=dict[str, str])  #: training settings and scores
    #: which images are none of the targets; None: no image
    rejection: Rejection | None = field(default=None, repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the outputs."""
        return self.task.spec.names

    def _repr_html_(self) -> str:
        names = list_names(self.class_names)
        rows = (
            ("network", self.network_name),
            ("parameters", f"{self.parameters:,}"),
            ("targets", f"{self.task.spec}: {names}" if names else str(self.task.spec)),
            (self.preprocess.inputs, self.preprocess.describe()),
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
        return self.task.images_at_once(self.preprocess.size)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what the network is given of an image or signal."""
        channels, *sides = self.preprocess.shape
        scale = self.task.scale
        return (self.task.input_channels(channels), *(side // scale for side in sides))

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return what the network is given of (N, size, size, channels) uint8 images.

        Computed on the network's device.
        """
        device = next(self.network.parameters()).device
        return self.task.prepare(self.preprocess.normalize(pixels.to(device)))

    def make_pairs(self, pixels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the task makes of (N, size, size, channels) uint8 images and their keys."""
        device = next(self.network.parameters()).device
        return self.task.make_pairs(self.preprocess.normalize(pixels.to(device)), keys)

    @torch.inference_mode()
    def outputs(self, pixels: Tensor) -> Tensor:
        """Return the network's outputs (N, ...) float32 of (N, size, size, channels) uint8 images.

        Computed on the network's device.
        """
        return self.run(self.inputs(pixels))

    @torch.inference_mode()
    def run(self, inputs: Tensor) -> Tensor:
        """Return the outputs (N, ...) of what `inputs` returns, as the task decodes them."""
        with self.spec.explained():
            seen = self.preprocess.variants(inputs)
            return _mean([self.task.join(self.network(each), each) for each in seen])

    @torch.inference_mode()
    def features(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the head is given, averaged over places (N, D), and the outputs (N, ...).

        Raises OptionError for a network whose stages do not run one after another.
        """
        front, head = split_head(self.network, self.network_name)
        with self.spec.explained():
            seen = self.preprocess.variants(self.inputs(pixels))
            found = list(map(front.eval(), seen))
            return _mean(list(map(Pool(), found))), _mean(list(map(head.eval(), found)))

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the task decodes of images (N, size, size, channels), a row an image."""
        return self.decode_and_reject(pixels)[0]

    @torch.inference_mode()
    def decode_and_reject(
        self, *views: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return also whether each image is none of the targets: (N,)."""
        (pixels,) = views
        parts = torch.from_numpy(pixels).split(self.images_at_once or max(1, len(pixels)))
        found = [tuple(each.cpu().numpy() for each in self.compute(part)) for part in parts]
        decoded, *rejected = map(np.concatenate, zip(*found, strict=True))
        return decoded, rejected[0] if rejected else np.zeros(len(decoded), np.bool_)

    def compute(self, *views: Tensor) -> tuple[Tensor, ...]:
        """Return what is decoded of images (N, size, size, channels): (N, ...).

        Where a model rejects images, also whether each is none of the targets: (N,). This is what
        is exported.
        """
        (pixels,) = views
        if self.rejection is None:
            return (self.task.decode(self.outputs(pixels)),)
        features, outputs = self.features(pixels)
        rejected = self.rejection.rejects(features, self.task.energy(outputs))
        return self.task.decode(outputs), rejected

    @torch.inference_mode()
    def decode_pairs(self, pixels: NDArray[np.uint8], keys: Tensor) -> tuple[NDArray[Any], Pairs]:
        """Return what is decoded of inputs made of images (N, size, size, channels), and the pairs.

        `keys` (N,) are those of the images, as `Task.make_pairs` takes them.
        """
        return _decode_pairs((self,), (pixels,), keys, lambda outputs: self.task.decode(outputs[0]))


@dataclass(frozen=True)
class Ensemble:
    """Models of one task whose answers are averaged, each with preprocessing of its own."""

    members: tuple[Model, ...]
    task: Task  #: with its target spec; members may have the names in another order
    fractions: SplitFractions  #: of the first member
    facts: dict[str, str] = field(default_factory=dict[str, str])
    provenance: Provenance = field(default_factory=Provenance, repr=False)

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
    def rejection(self) -> None:
        """None: the limit of a member is not that of the mean."""
        return None

    @property
    def preprocess(self) -> Preprocess:
        """The first member's preprocessing."""
        return self.members[0].preprocess

    @property
    def views(self) -> tuple[Preprocess, ...]:
        """The different ways in which an image is decoded for `decode`."""
        return tuple(dict.fromkeys(map(_view, self.members)))

    def decode_and_reject(
        self, *pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return also which images (N,) are rejected: none."""
        return self.decode(*pixels), np.zeros(len(pixels[0]), np.bool_)

    def decode(self, *pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the task decodes of the mean of the members' answers, a row an image.

        `pixels` are the images (N, size, size, channels) of each of `views`.
        """
        few = min(member.images_at_once or len(pixels[0]) for member in self.members)
        parts = zip(*(torch.from_numpy(seen).split(few) for seen in pixels), strict=True)
        with torch.inference_mode():
            return np.concatenate([self.compute(*part)[0].cpu().numpy() for part in parts])

    def compute(self, *views: Tensor) -> tuple[Tensor]:
        """Return what is decoded of images (N, size, size, channels) of each view: (N, ...)."""
        seen, names = dict(zip(self.views, views, strict=True)), self.class_names
        total: Any = 0
        for member in self.members:
            rated = member.task.rate(member.outputs(seen[_view(member)]))
            order = [member.class_names.index(name) for name in names]
            total = total + (rated if member.class_names == names else rated[:, order])
        return (self.task.settle(total / len(self.members)),)

    @torch.inference_mode()
    def decode_pairs(self, *pixels: NDArray[np.uint8], keys: Tensor) -> tuple[NDArray[Any], Pairs]:
        """Return the same as `Model.decode_pairs` of the mean, with the first's pairs."""

        def decode(outputs: Sequence[Tensor]) -> Tensor:
            rated = [each.task.rate(own) for each, own in zip(self.members, outputs, strict=True)]
            return self.task.settle(_mean(rated))

        seen = dict(zip(self.views, pixels, strict=True))
        own = [seen[_view(member)] for member in self.members]
        return _decode_pairs(self.members, own, keys, decode)

    def _repr_html_(self) -> str:
        rows = (
            ("networks", self.network_name),
            ("parameters", f"{self.parameters:,}"),
            ("targets", f"{self.task.spec}: {list_names(self.class_names)}"),
            *self.facts.items(),
        )
        return html_table([("ensemble", self.task.name), *rows], left=(0, 1))


def _decode_pairs(
    members: Sequence[Model],
    pixels: Sequence[NDArray[np.uint8]],
    keys: Tensor,
    decode: Callable[[Sequence[Tensor]], Tensor],
) -> tuple[NDArray[Any], Pairs]:
    """Decode the outputs of members for images (N, size, size, channels) of each of them."""
    few = min(member.images_at_once or len(keys) for member in members)
    parts = [torch.from_numpy(seen).split(few) for seen in pixels]
    made = list[tuple[NDArray[Any], ...]]()
    for *part, its in zip(*parts, keys.split(few), strict=True):
        pairs = [each.make_pairs(seen, its) for each, seen in zip(members, part, strict=True)]
        ran = [each.run(inputs) for each, (inputs, _) in zip(members, pairs, strict=True)]
        made.append(tuple(each.cpu().numpy() for each in (decode(ran), *pairs[0])))
    decoded, inputs, targets = map(np.concatenate, zip(*made, strict=True))
    return decoded, Pairs(inputs, targets)


def _mean(values: Sequence[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(tuple(values)).mean(dim=0)


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


def check_images(model: Model | Ensemble, verb: str) -> None:
    """Raise OptionError for a model that takes no images, for what draws or changes these."""
    if (inputs := model.preprocess.inputs) != "image":
        raise OptionError(f"{verb} is for models of images, but this one takes {inputs}s")
