"""Options of a training step, shared by `train` and `find-rate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_serializer, model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import Device, Options, decode_limit, group, leave_out, option
from striate.options.choices import (
    MIRRORED,
    TUNED,
    Augment,
    AutoYesNo,
    Balance,
    BatchNorm,
    ColorMode,
    Fit,
    Leaked,
    MemoryFormat,
    Network,
    Norms,
    OptimizerName,
    Precision,
    Ranges,
)


def _pair(value: Any) -> tuple[float, float] | None:
    """Parse two numbers, also from a flag such as "0.9,0.95"."""
    if value is None:
        return None
    try:
        first, second = map(float, value.split(",") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        first = second = -1.0
    if not (0 <= first < 1 and 0 <= second < 1):
        raise PydanticCustomError("pair", "two numbers")
    return first, second


def _text(value: Any) -> Any:
    """Accept a path where text is expected."""
    return str(value) if isinstance(value, Path) else value


Weights = Annotated[str | None, BeforeValidator(_text)]
Betas = Annotated[tuple[float, float] | None, BeforeValidator(_pair)]


class StepOptions(Options):
    """Options that a training step depends on: data, network, update and execution."""

    network: Network | None = option(
        None, "Architecture: resnet18, mobilenet_v1(width=0.5), mynet.py:Net"
    )
    weights: Weights = option(
        None, "Begin with weights: package, torchvision, timm, a file, a run, or none", "text"
    )
    reuse: str = option("all", "Stages that take them: all, a number, or the last one", "text")
    freeze: str | None = option(
        None, "Stages that are not trained: all, none, a number, or the last one", "text"
    )
    norms: Norms = option(
        "keep", "Statistics of loaded norms: kept, taken once from the images, or trained"
    )
    views: int | None = option(
        None, "Augmented views of an image that pass frozen stages", "views", ge=1, le=10_000
    )
    backbone_rate: float | None = option(
        None, "Factor of the learning rate for layers that begin with given weights", gt=0, le=1
    )
    rate_by_depth: float | None = option(
        None, "Factor of the learning rate from each stage to the one before", gt=0, le=1
    )
    task: str | None = option(None, "Task, where the data allow several", "text")
    task_params: str | None = option(
        None, "Settings of the task: focal=2, or loss=huber,delta=1", "text"
    )
    batch: Annotated[int, Field(ge=2, le=65_536)] | Literal["auto"] | None = option(
        None, "Batch size; auto: the largest that fits into memory"
    )
    size: int | None = option(None, "Side of the input image", "pixels", ge=8, le=4096)
    color: ColorMode | None = option(None, "Color mode of the input")
    fit: Fit | None = option(None, "How an image is resized to a square")
    optimizer: OptimizerName = option(
        "nesterov", "Optimizer; nesterov is Nesterov's SGD; some networks and tasks have their own"
    )
    momentum: float | None = option(
        None, "Momentum of momentum, nesterov, lars, rmsprop, muon", ge=0, lt=1
    )
    betas: Betas = option(None, "Decay rates of the first and second moment", "two numbers")
    eps: float | None = option(None, "Added to the denominator", gt=0, le=1)
    weight_decay: float | None = option(
        None, "Weight decay: decoupled for adamw, lamb, lion, muon, else L2", ge=0, le=10
    )
    clip_grad: float | None = option(None, "Clip the global norm of the gradients to this", gt=0)
    accumulate: int = option(1, "Steps of gradients accumulated for an update", ge=1, le=65_536)
    balance: Balance = option(
        "none", "How class imbalance is evened out: in the loss, or in sampling"
    )
    label_smoothing: float = option(0.0, "Label smoothing", ge=0, lt=1)
    augment: Augment | None = option(None, "Strength of augmentation")
    augment_params: Ranges = option(
        None, "Ranges in its place: rotate=15,translate=0.1,hflip=no", "text"
    )
    mirrored: str | None = option(None, MIRRORED, "text")
    augment_with: Path | None = option(
        None, "Add images to train on that the model of this run makes of their classes", "run"
    )
    augment_count: int | None = option(
        None, "How many it adds; as many as there are", "images", ge=1, le=10_000_000
    )
    validation: float = option(0.15, "Fraction of images for validation", gt=0, lt=0.9)
    test: float = option(0.15, "Fraction of images for the test", ge=0, lt=0.9)
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    leave_out: Path | None = leave_out()
    group: str | None = group()
    bad_images: Literal["skip", "fail"] = option(
        "skip", "What to do with unusable images and masks"
    )
    largest: int = decode_limit()
    precision: Precision = option("auto", "Floating-point format of a step")
    memory_format: MemoryFormat = option("auto", "Memory format of images and weights")
    compile: AutoYesNo = option("auto", "Compile the network with torch.compile")
    micro_batches: int | None = option(
        None, "Micro-batches run in parallel threads (CPU)", ge=1, le=64
    )
    autotune: AutoYesNo = option(
        "auto", "Benchmark memory formats, precisions and compilation, keep the fastest"
    )
    deterministic: bool = option(False, "Deterministic algorithms on a GPU, slower")
    batch_norm: BatchNorm = option(
        "synchronized", "BatchNorm across processes: synchronized, or per process"
    )
    seed: int = option(0, "Seed of weights, order and augmentation", ge=0, lt=2**63)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    threads: int | None = option(None, "CPU threads; small networks get one", ge=1, le=4096)

    @field_serializer("network", when_used="json")
    def _name_of(self, network: Network | None) -> str | None:
        """Serialize a network object by its name."""
        if network is None or isinstance(network, str):
            return network
        return getattr(network, "__name__", type(network).__name__)

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise PydanticCustomError(
                "shares",
                "{validation} {one} and {test} {other} leave no images to train on; "
                "together they must stay below 1",
                {"one": self.validation, "other": self.test},
            )
        return self

    @model_validator(mode="after")
    def _add_what_is_made(self) -> Self:
        if self.augment_count is not None and self.augment_with is None:
            raise PydanticCustomError(
                "adding", "{augment_count} says how many images {augment_with} adds; give both"
            )
        return self

    @model_validator(mode="after")
    def _tune_what_is_there(self) -> Self:
        for name, optimizers in TUNED.items():
            if getattr(self, name) is not None and self.optimizer not in optimizers:
                raise PydanticCustomError(
                    "tuning",
                    "{optimizer} has no use for {name}; leave it out, or take the optimizer "
                    "{others}",
                    {
                        "optimizer": self.optimizer,
                        "name": f"{{{name}}}",
                        "others": f"{', '.join(optimizers[:-1])} or {optimizers[-1]}",
                    },
                )
        return self
