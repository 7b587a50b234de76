"""The recipe: every setting that fixes a training, with defaults chosen from the images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from striate.data.augment.ranges import (
    SEQUENCE_LEVEL,
    AugmentRanges,
    augment_ranges,
    default_level,
)
from striate.distributed import launch
from striate.errors import OptionError
from striate.optim.optimizer import DEFAULTS
from striate.optim.schedule import WARM_UP
from striate.options import Augment, OptimizerName, TrainOptions
from striate.options.choices import TUNED
from striate.summary import summarize
from striate.training.execution import ExecutionConfig, default_execution
from striate.training.source import Source
from striate.training.view import View
from striate.zoo.stages import count_stages, frozen_parameters, split_network, stage_names

T = TypeVar("T")

#: options that `facts` tell where they differ from the default
_TOLD = (
    "task_params", "balance", "label_smoothing", "mirrored", "clip_grad", "ema", "patience",
    "leaked", "batch_norm", "reuse", "norms", "rate_by_depth",
)  # fmt: skip
_BACKBONE_RATE = 0.01  #: default factor of the learning rate for layers that came with weights
_SHALLOW = 5  #: most weight layers of a shallow network
_UNLIMITED_EPOCHS = 100_000  # where only --minutes ends a training
# multiply-adds of a step up to which one thread is used: a second gains a third if the machine is
# idle and loses far more if it is busy
_SMALL_STEP_MACS = 5 * 10**7


@dataclass(frozen=True)
class Recipe:
    """Options of a training, and what stands where they leave something open.

    With `View`, `ExecutionConfig`, data and machine they determine the result.
    """

    options: TrainOptions  #: as given
    epochs: int
    batch: int
    learning_rate: float
    warmup: float
    momentum: float | None  #: None, like the next two: not used by the optimizer
    betas: tuple[float, float] | None
    eps: float | None
    weight_decay: float
    augment: Augment
    threads: int
    weights: str = "none"
    freeze: str = "none"
    backbone_rate: float = 1.0  #: factor of the learning rate for layers that came with weights
    views: int | None = None  #: of each image, that pass frozen stages once; None: not once

    def to_options(self) -> dict[str, Any]:
        """Return all options by name, JSON-ready, with those filled in that were left open."""
        chosen = {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        return {**self.options.model_dump(mode="json"), **chosen}

    @property
    def whole_threads(self) -> int:
        """Threads for passes of the whole network, where training steps are of its last stages."""
        return self.options.threads or launch.usable_cores()

    @property
    def augment_ranges(self) -> AugmentRanges:
        """Return the ranges of the `augment` level, overridden by `augment_params`."""
        return augment_ranges(self.augment, self.options.augment_params)

    @property
    def facts(self) -> dict[str, str]:
        """Main settings as text, as stored in the model file."""
        options = self.options
        epochs = f"up to {self.epochs:,}" if options.patience else f"{self.epochs:,}"
        times = f", {options.accumulate} an update" if options.accumulate > 1 else ""
        return {
            "epochs": f"{options.minutes:g} minutes" if options.minutes else epochs,
            "batch": f"{self.batch:,}{times}",
            "learning rate": f"{self.learning_rate:.3g}, {options.schedule}",
            "optimizer": f"{options.optimizer}, weight decay {self.weight_decay:g}",
            "augmentation": f"{self.augment}, {_listed(options.augment_params)}"
            if options.augment_params
            else self.augment,
            **{name.replace("_", " "): text for name, text in self._told()},
        }

    def _told(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each setting beside the main ones that is not the default."""
        given, usual = self.options, DEFAULTS[self.options.optimizer]
        found = {name: (getattr(given, name), _default(name)) for name in _TOLD}
        found |= {name: (getattr(self, name), getattr(usual, name)) for name in TUNED}
        found["backbone_rate"] = self.backbone_rate, 1.0
        found["warmup"] = self.warmup, _usual_warmup(given)
        for name, (value, default) in found.items():
            if value not in (None, default):
                yield name, _listed(value)


def _listed(value: object) -> str:
    """Return values with a space after each comma, where a line may break."""
    values = value if isinstance(value, tuple) else str(value).split(",")
    return ", ".join(str(each).strip() for each in values)


def count_macs(network: nn.Module, view: View, without: Sequence[str] = ()) -> int:
    """Return the approximate multiply-adds for one image, or window of it, that is trained on.

    Those of the stages `without` are left out.
    """
    shape = view.train_shape
    try:
        layers = summarize(network, shape, str(view.network)).layers
    except OptionError:  # its forward depends on tensor values, and meta tensors have none
        if view.network.ours:
            raise
        return _counted(network, shape)
    counted = (layer for layer in layers if layer.name.partition(".")[0] not in without)
    return sum(layer.params * math.prod(layer.output[1:]) for layer in counted)


@torch.no_grad()
def _counted(network: nn.Module, shape: tuple[int, ...]) -> int:
    """Count multiply-adds with forward hooks on a zero image."""
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
    options: TrainOptions,
    view: View,
    images: int,
    network: nn.Module,
    device: torch.device,
    source: Source | None = None,
) -> tuple[Recipe, ExecutionConfig]:
    """Fill in every option left open, for `images` training images; return also the execution.

    Raises OptionError if the network or device does not support the execution settings.
    """
    number = options.batch if isinstance(options.batch, int) else None  # "auto" is resolved before
    batch = min(number or _batch_for(images), images)
    freeze = options.freeze or ("all" if source else "none")
    count = count_stages(network, freeze, "freeze", str(view.network))
    once = () if split_network(network, count) is None else stage_names(network)[:count]
    work = count_macs(network, view, once) * batch // launch.process_info().world_size
    execution = default_execution(options, network, work, device, ours=view.network.ours)
    bears = view.network.card.learning_rate if view.network.ours else _bears(network)
    rate = _rate_for(options.optimizer, bears, batch * options.accumulate)
    usual, decay, warmup = DEFAULTS[options.optimizer], options.weight_decay, options.warmup
    recipe = Recipe(
        options,
        epochs=options.epochs or (_UNLIMITED_EPOCHS if options.minutes else _epochs_for(images)),
        batch=batch,
        learning_rate=options.learning_rate or rate,
        warmup=_usual_warmup(options) if warmup is None else warmup,
        momentum=_tuned(options, "momentum", options.momentum, usual.momentum),
        betas=_tuned(options, "betas", options.betas, usual.betas),
        eps=_tuned(options, "eps", options.eps, usual.eps),
        weight_decay=usual.weight_decay if decay is None else decay,
        augment=options.augment or _usual_augment(options, view, network, count),
        threads=options.threads or _threads_for(work, execution.micro_batches),
        weights=source.weights if source else "none",
        freeze=freeze,
        backbone_rate=options.backbone_rate or _backbone_rate(options, source, network, count),
    )
    return recipe, execution


def trains_backbone(options: TrainOptions, network: nn.Module, frozen: int) -> bool:
    """Return whether more than the last stage is trained, in any epoch, after `frozen` stages."""
    trained = (frozen_parameters(network, [name]) for name in stage_names(network)[frozen:])
    return options.thaw_at is not None or sum(map(bool, trained)) > 1


def _backbone_rate(
    options: TrainOptions, source: Source | None, network: nn.Module, frozen: int
) -> float:
    """Return the default factor; 1 where no weights were given, or rates fall by depth anyway."""
    lower = source and options.rate_by_depth is None and trains_backbone(options, network, frozen)
    return _BACKBONE_RATE if lower else 1.0


def _usual_augment(options: TrainOptions, view: View, network: nn.Module, frozen: int) -> Augment:
    """Return the default level; none where the head alone is trained, which gains nothing by it."""
    head_alone = frozen and not trains_backbone(options, network, frozen)
    return "none" if head_alone else _default_level(view)


def _default_level(view: View) -> Augment:
    if view.preprocess.inputs == "sequence":
        return SEQUENCE_LEVEL
    return default_level(view.channels if view.color else 1)


def _tuned(options: TrainOptions, name: str, given: T | None, usual: T) -> T | None:
    """Return a hyperparameter of the optimizer: as given, else its default; None if it has none."""
    if given is None and options.optimizer in TUNED[name]:
        return usual
    return given


def _default(name: str) -> Any:
    return TrainOptions.model_fields[name].default


def _usual_warmup(options: TrainOptions) -> float:
    return WARM_UP if options.schedule == "one-cycle" else 0.0


def _rate_for(optimizer: OptimizerName, bears: float, images: int) -> float:
    """Return the default peak learning rate: base x `bears` x sqrt(images per update / 128)."""
    of_name = DEFAULTS[optimizer]
    if not of_name.per_card:
        return of_name.learning_rate
    return of_name.learning_rate * bears * (images / 128) ** 0.5


def _bears(network: nn.Module) -> float:
    """Return the learning-rate factor of a custom network: 0.1 as for LeNet-5 and ResNet, or 0.01.

    0.01, as for AlexNet and VGG, applies without norms and with more than five weight layers.
    """
    weights = [param for param in network.parameters() if param.ndim > 1]
    normed = any("Norm" in type(module).__name__ for module in network.modules())
    return 0.1 if normed or len(weights) <= _SHALLOW else 0.01


def _threads_for(work: int, micro_batches: int) -> int:
    """Return 1 for small steps, else the cores divided by local processes and micro-batches."""
    parts = launch.process_info().local_world_size * micro_batches
    return 1 if work < _SMALL_STEP_MACS else max(1, launch.usable_cores() // parts)


def _epochs_for(images: int) -> int:
    """Return the epochs for about 120,000 training samples in total, from 10 to 60."""
    return max(10, min(60, round(120_000 / images)))


def _batch_for(images: int) -> int:
    """Return a power of two from 8 to 128, with at least 50 steps per epoch if possible."""
    return next((size for size in (128, 64, 32, 16) if images >= 50 * size), 8)
