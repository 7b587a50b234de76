"""Everything that decides a training, with what was not asked for chosen from the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from striate import hardware
from striate.data.augment.ranges import AugmentRanges, augment_ranges, default_level
from striate.data.listing.samples import Record
from striate.distributed import launch
from striate.errors import OptionError
from striate.optim.optimizer import DEFAULTS
from striate.optim.schedule import WARM_UP
from striate.options import (
    Augment,
    AutoYesNo,
    Balance,
    BatchNorm,
    Fit,
    MemoryFormat,
    OptimizerName,
    Precision,
    Schedule,
    TrainOptions,
)
from striate.options.choices import TUNED
from striate.summary import summarize
from striate.tasks import fitness
from striate.training.execution import ExecutionConfig, default_execution
from striate.zoo.spec import NetworkSpec

_SHALLOW = 5  #: layers with weights
_UNLIMITED_EPOCHS = 100_000  # where only the clock ends a training
# multiply-adds of a step: up to here a second thread gains a third, and loses far more as soon as
# the machine does other work
_SMALL_STEP_MACS = 5 * 10**7


@dataclass(frozen=True)
class View:
    """Which network looks at the images, and how it sees them."""

    network: NetworkSpec
    size: int  #: side in pixels
    channels: int
    fit: Fit

    def build(self, classes: int) -> nn.Module:
        """The network, with fresh weights from torch's global generator."""
        return self.network.build(channels=self.channels, classes=classes, size=self.size)

    def check(self, classes: int) -> None:
        """Raises OptionError where a network that is not ours cannot learn so many classes."""
        if not self.network.ours:
            with torch.random.fork_rng(devices=()):
                network = self.build(classes)
            fitness.check(self.network, network, (self.channels, self.size, self.size), classes)

    def to_json(self) -> dict[str, Any]:
        """What a file says of it."""
        record = self.network.record()
        return {**record, "size": self.size, "channels": self.channels, "fit": self.fit}


@dataclass(frozen=True)
class Recipe:
    """How a network learns; with `View`, the folder and the machine it fixes the result.

    Its fields are options of `train`, none of them left open.
    """

    epochs: int
    minutes: float | None
    batch: int
    optimizer: OptimizerName
    learning_rate: float
    schedule: Schedule
    warmup: float
    momentum: float | None  #: None, as of the next two: the optimizer has no use for it
    betas: tuple[float, float] | None
    eps: float | None
    weight_decay: float
    clip_grad: float | None
    accumulate: int
    ema: float | None
    recover: bool  #: once, where the loss is no longer finite
    patience: int | None
    balance: Balance
    label_smoothing: float
    augment: Augment
    augment_params: str | None
    precision: Precision  #: as in `Form`, like the next three
    memory_format: MemoryFormat
    compile: AutoYesNo
    micro_batches: int
    deterministic: bool
    threads: int
    batch_norm: BatchNorm  #: where several processes share a batch
    checkpoint_minutes: float | None  #: inside an epoch; None: 5, or so that it costs below 1 %
    seed: int

    @property
    def augment_ranges(self) -> AugmentRanges:
        """The ranges of `augment` with those of `vary` in their place."""
        return augment_ranges(self.augment, self.augment_params)

    @property
    def execution(self) -> ExecutionConfig:
        """How a step is computed."""
        return ExecutionConfig(
            self.memory_format, self.precision, self.compile == "yes", self.micro_batches
        )

    @property
    def facts(self) -> dict[str, str]:
        """What its owner asks for first, in words, as the model file keeps it."""
        epochs = f"up to {self.epochs:,}" if self.patience else f"{self.epochs:,}"
        times = f", {self.accumulate} an update" if self.accumulate > 1 else ""
        return {
            "epochs": f"{self.minutes:g} minutes" if self.minutes else epochs,
            "batch": f"{self.batch:,}{times}",
            "learning rate": f"{self.learning_rate:.3g}, {self.schedule}",
            "optimizer": f"{self.optimizer}, weight decay {self.weight_decay:g}",
            "augmentation": f"{self.augment}, {self.augment_params}"
            if self.augment_params
            else self.augment,
            "precision": self.precision,
            "seed": str(self.seed),
        }

    def with_execution(self, form: ExecutionConfig) -> Recipe:
        """The same with another form of its steps."""
        compile: AutoYesNo = "yes" if form.compiled else "no"  # noqa: A001
        return replace(
            self,
            memory_format=form.memory_layout,
            precision=form.precision,
            compile=compile,
            micro_batches=form.micro_batches,
        )


def choose_view(options: TrainOptions, headers: Sequence[Record]) -> View:
    """Network, size and color for images with these headers.

    Raises OptionError when the options do not go together.
    """
    seen = [record for record in headers if record.usable]
    side = int(median(min(r.width, r.height) for r in seen)) if seen else 32
    channels = max((record.channels for record in seen), default=3)
    if options.color:
        channels = 1 if options.color == "gray" else 3
    network = NetworkSpec.of(options.network or _network_for(options.size or side, channels))
    card = network.card
    if card.output != "logits":
        given = "an image" if card.output == "image" else "scores for every pixel"
        raise OptionError(
            f"{network} gives {given} and cannot be trained to tell classes apart; "
            f"choose another network, such as lenet5, resnet20 or resnet18"
        )
    size = (
        max(_size_for(side), card.smallest) if card.any_size or card.needs_size else card.input[1]
    )
    if demand := card.size_error(options.size or size):
        raise OptionError(
            f"{network} {demand}, but --size {options.size} came; "
            "leave --size out or choose another network"
        )
    return View(network, options.size or size, channels, options.fit)


def count_macs(network: nn.Module, view: View) -> int:
    """Of one image; near enough to tell a small network from a large one."""
    shape = (view.channels, view.size, view.size)
    try:
        layers = summarize(network, shape, str(view.network)).layers
    except OptionError:  # its forward asks for values, and here are none
        if view.network.ours:
            raise
        return _counted(network, shape)
    return sum(layer.params * math.prod(layer.output[1:]) for layer in layers)


@torch.no_grad()
def _counted(network: nn.Module, shape: tuple[int, ...]) -> int:
    """The same by an image that passes through."""
    counts = list[int]()

    def count(module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            params = sum(param.numel() for param in module.parameters(recurse=False))
            counts.append(params * math.prod(output.shape[2:]))

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    try:
        network.eval()(torch.zeros(1, *shape))
    finally:
        network.train()
        for hook in hooks:
            hook.remove()
    return sum(counts)


def complete_recipe(
    options: TrainOptions, view: View, images: int, network: nn.Module, device: torch.device
) -> Recipe:
    """The recipe for so many training images.

    Raises OptionError when the network cannot take a step as it was asked for.
    """
    epochs = options.epochs or (_UNLIMITED_EPOCHS if options.minutes else _epochs_for(images))
    number = options.batch if isinstance(options.batch, int) else None  # "auto" was settled before
    batch = min(number or _batch_for(images), images)
    decay, warm_up = options.weight_decay, options.warmup
    if warm_up is None:
        warm_up = WARM_UP if options.schedule == "one-cycle" else 0.0
    work = count_macs(network, view) * batch // launch.process_info().world_size  # of each process
    form = default_execution(options, network, work, device, ours=view.network.ours)
    bears = view.network.card.learning_rate if view.network.ours else _bears(network)
    rate = _rate_for(options.optimizer, bears, batch * options.accumulate)
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch": batch,
        "learning_rate": options.learning_rate or rate,
        "warm_up": warm_up,
        "weight_decay": DEFAULTS[options.optimizer].weight_decay if decay is None else decay,
        "augment": options.augment or default_level(view.channels),
        "precision": form.precision,
        "layout": form.memory_layout,
        "compile": "yes" if form.compiled else "no",
        "split": form.micro_batches,
        "threads": options.threads or _threads_for(work, form.micro_batches),
    }
    for name, optimizers in TUNED.items():
        if options.optimizer in optimizers and getattr(options, name) is None:
            chosen[name] = getattr(DEFAULTS[options.optimizer], name)
    asked = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    return Recipe(**{**asked, **chosen})


def _rate_for(optimizer: OptimizerName, bears: float, images: int) -> float:
    """The highest rate for so many images an update, of a network that bears such a one."""
    of_name = DEFAULTS[optimizer]
    if not of_name.per_card:
        return of_name.learning_rate
    return of_name.learning_rate * bears * (images / 128) ** 0.5


def _bears(network: nn.Module) -> float:
    """What a network that is not ours bears, by its like: LeNet-5 and ResNet, or AlexNet and VGG.

    Without norms, no network of ours with more than five layers bears as much as with them.
    """
    weights = [param for param in network.parameters() if param.ndim > 1]
    normed = any("Norm" in type(module).__name__ for module in network.modules())
    return 0.1 if normed or len(weights) <= _SHALLOW else 0.01


def _threads_for(work: int, split: int) -> int:
    """One for small steps; else the cores, shared by this machine's processes and their parts."""
    parts = launch.process_info().local_world_size * split
    return 1 if work < _SMALL_STEP_MACS else max(1, hardware.usable_cores() // parts)


def _network_for(side: int, channels: int) -> str:
    if side > 40:
        return "resnet18"
    return "lenet5" if channels == 1 else "resnet20"


def _size_for(side: int) -> int:
    """The next of the usual sizes, 128 at most: what a CPU trains on while one waits."""
    return next((size for size in (32, 64, 96) if side <= size * 1.25), 128)


def _epochs_for(images: int) -> int:
    """About 120,000 looks at an image, in 10 to 60 epochs."""
    return max(10, min(60, round(120_000 / images)))


def _batch_for(images: int) -> int:
    """A power of two from 8 to 128 that leaves at least 50 steps an epoch where it can."""
    return next((size for size in (128, 64, 32, 16) if images >= 50 * size), 8)
