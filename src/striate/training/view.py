"""What a training looks at: its network, and the format of its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import nn

from striate.data.augment.ranges import SEQUENCE_LEVEL, augment_ranges
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import Record
from striate.data.signals.decode_signals import Usual, find_usual
from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_input import SignalInput
from striate.errors import OptionError
from striate.options import StepOptions
from striate.options.choices import ColorMode
from striate.tasks import fitness
from striate.tasks.task import Task
from striate.training.source import Source
from striate.zoo.spec import NetworkSpec

_SHORT = 256  #: longest signal that LeNet-5 is the default for
_GIVES = {
    "logits": "a row of outputs for an image",
    "map": "outputs for every pixel",
    "image": "an image",
    "boxes": "boxes",
    "cosines": "an embedding and its cosines to classes",
    "patches": "cosines of patches with what was learned",
    "samples": "generated images beside those given",
}


@dataclass(frozen=True)
class View:
    """Network and input format."""

    network: NetworkSpec
    preprocess: Preprocess  #: without mean and std
    crop: int | None = None  #: side of the windows that are trained on; None: whole images
    input_channels: int | None = None  #: of what the network is given; None: those of the images
    scale: int = 1  #: side of an image, in sides of what the network is given of it

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the network is given of a whole image or signal."""
        channels, *sides = self.preprocess.shape
        return (self.input_channels or channels, *(side // self.scale for side in sides))

    @property
    def size(self) -> int:
        """Side in pixels, or length in samples."""
        return self.preprocess.size

    @property
    def channels(self) -> int:
        return self.preprocess.channels

    @property
    def color(self) -> ColorMode | None:
        """The color mode of images; None for other inputs."""
        if self.preprocess.inputs != "image":
            return None
        return "gray" if self.channels == 1 else "rgb"

    @property
    def train_shape(self) -> tuple[int, ...]:
        """Shape of what the network is trained on: channels, height and width, or length."""
        if self.crop is None:
            return self.shape
        return (self.shape[0], *(self.crop // self.scale,) * 2)

    def build(self, outputs: int) -> nn.Module:
        """Build the network with random weights from torch's global generator."""
        channels, side, *_ = self.shape
        return self.network.build(channels=channels, classes=outputs, size=side)

    def check(self, task: Task) -> None:
        """Raise OptionError if a custom network, or one of images, does not fit this task."""
        if task.head == "image" or not self.network.ours:
            with torch.random.fork_rng(devices=()):
                network = self.build(task.outputs)
            for shape in dict.fromkeys((self.shape, self.train_shape)):
                fitness.check(self.network, network, shape, task)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON record stored in `options.json`."""
        image, record = self.preprocess, self.network.record()
        return {**record, "size": image.size, "channels": image.channels, "fit": image.fit}


def measure_images(headers: Sequence[Record]) -> tuple[int, int]:
    """Return the median of the shorter sides in pixels and the most channels; 32, 3 for none."""
    seen = [record for record in headers if record.usable]
    side = int(median(min(r.width, r.height) for r in seen)) if seen else 32
    return side, max((record.channels for record in seen), default=3)


def choose_signal_view(
    options: StepOptions,
    headers: Sequence[Record],
    task: Task,
    source: Source | None = None,
    rate: float | None = None,
) -> View:
    """Choose network and length for signals from options, lengths of signals and weights.

    `rate` is that of the signals. Raises OptionError if the options conflict.
    """
    usual = find_usual(headers)
    network, size = _choose_length(options, usual, _network_for(usual), task, source)
    fit = options.fit or (source.fit if source and source.fit else "letterbox")
    return View(network, SignalInput(size, usual.channels, fit, rate=rate))


def choose_sequence_view(
    options: StepOptions, headers: Sequence[Record], task: Task, source: Source | None = None
) -> View:
    """Choose network and length for sequences of DNA, as `choose_signal_view` does for signals.

    Answers are averaged over both strands if the training shows both.
    """
    network, size = _choose_length(options, find_usual(headers), "deepbind", task, source)
    fit = options.fit or "letterbox"
    if fit == "stretch":
        raise OptionError("letters cannot be stretched, but --fit stretch came; leave it out")
    shown = augment_ranges(options.augment or SEQUENCE_LEVEL, options.augment_params)
    return View(network, SequenceInput(size, 4, fit, both_strands=task.ranges(shown).hflip))


def _choose_length(
    options: StepOptions, usual: Usual, network_name: str, task: Task, source: Source | None
) -> tuple[NetworkSpec, int]:
    """Return the network for signals or sequences, and their length. Raises OptionError."""
    if options.color:
        raise OptionError(f"signals have no color, but --color {options.color} came; leave it out")
    network = source.network if source else NetworkSpec.of(options.network or network_name)
    _check_inputs(network, "signal", f"another network, such as {network_name}")
    if network.ours and network.card.output != task.head:
        raise OptionError(
            f"{network} gives {_GIVES[network.card.output]} and cannot be trained for {task.name}"
        )
    first = source.size if source else None
    size = options.size or first or max(usual.length, network.card.smallest)
    if demand := network.card.size_error(size):
        raise OptionError(
            f"{network} {demand}, but signals of {size:,} samples came; give another --size, or "
            "choose another network"
        )
    return network, size


def _network_for(usual: Usual) -> str:
    """Return the network for signals of this shape, if none is given."""
    short = usual.channels == 1 and usual.length <= _SHORT
    return "lenet5_1d" if short else "resnet18_1d"


def _check_inputs(network: NetworkSpec, inputs: str, advice: str) -> None:
    """Raise OptionError for a network of other inputs than the data have."""
    if network.ours and network.card.input_kind != inputs:
        raise OptionError(
            f"{network} takes {network.card.input_kind}s, but the data are {inputs}s; choose "
            f"{advice}"
        )


def choose_view(
    options: StepOptions, headers: Sequence[Record], task: Task, source: Source | None = None
) -> View:
    """Choose network, input size and color mode from options, image headers and weights.

    Raises OptionError if the options conflict.
    """
    side, channels = measure_images(headers)
    if options.color:
        channels = 1 if options.color == "gray" else 3
    named = options.network or task.default_network(options.size or side, channels)
    network = source.network if source else NetworkSpec.of(named)
    card = network.card
    if card.input_kind == "signal":
        _check_inputs(network, "image", f"another, such as {task.default_network(side, channels)}")
    if network.ours and not task.takes(card.output):
        raise OptionError(
            f"{network} gives {_GIVES[card.output]} and cannot be trained for {task.name}, which "
            f"needs {_GIVES[task.head]}; choose another network, such as "
            f"{task.default_network(side, channels)}"
        )
    free = card.any_size or card.needs_size
    size = max(_size_for(side, task.most_size), card.smallest) if free else card.input[1]
    if source and source.size:
        size = source.size if task.shrinks else max(size, source.size)
    if demand := card.size_error(options.size or size):
        raise OptionError(
            f"{network} {demand}, but --size {options.size} came; "
            "leave --size out or choose another network"
        )
    size = options.size or size
    if task.crop_size and task.crop_size > size:
        raise OptionError(
            f"windows of images of {size}x{size} pixels cannot be larger than these, but crop_size "
            f"{task.crop_size} came; give a smaller crop_size or a larger --size"
        )
    fit = options.fit or task.default_fit or (source.fit if source else None) or "letterbox"
    preprocess = Preprocess(size, channels, fit)
    return View(network, preprocess, task.crop_size, task.input_channels(channels), task.scale)


def _size_for(side: int, most: int) -> int:
    """Round to a multiple of 32 pixels, `most` at most."""
    return next((size for size in range(32, most, 32) if side <= size * 1.25), most)
