"""Options of `train` and `find-rate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_serializer, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from striate.errors import unknown
from striate.options.base import Device, Options, ending, option
from striate.options.choices import (
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
    OptimizerName,
    Precision,
    Ranges,
    Schedule,
)


def _pair(value: Any) -> tuple[float, float] | None:
    """Two numbers, also from the text "0.9,0.95" of a flag."""
    if value is None:
        return None
    try:
        first, second = map(float, value.split(",") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        first = second = -1.0
    if not (0 <= first < 1 and 0 <= second < 1):
        raise PydanticCustomError("pair", "two numbers")
    return first, second


Betas = Annotated[tuple[float, float] | None, BeforeValidator(_pair)]


class TrainOptions(Options):
    """Options of `train`; what is not given is chosen from the images and recorded."""

    network: Network | None = option(None, "As in resnet18, mobilenet_v1(width=0.5), mynet.py:Net")
    epochs: int | None = option(None, "Times every training image is seen", ge=1, le=100_000)
    minutes: float | None = option(None, "Stop after this long", "minutes", gt=0, le=100_000)
    batch: Annotated[int, Field(ge=2, le=65_536)] | Literal["auto"] | None = option(
        None, "Images a step; auto: as many as memory holds"
    )
    size: int | None = option(None, "Side of the network's image", "pixels", ge=8, le=4096)
    color: ColorMode | None = option(None, "Whether the network sees color")
    fit: Fit = option("letterbox", "How an image becomes square")
    learning_rate: float | None = option(None, "Highest learning rate", gt=0)
    optimizer: OptimizerName = option("nesterov", "How gradients change weights")
    schedule: Schedule = option("one-cycle", "How the learning rate falls")
    warmup: float | None = option(None, "Share in which the learning rate rises", ge=0, lt=1)
    momentum: float | None = option(None, "What a sum of gradients keeps of itself", ge=0, lt=1)
    betas: Betas = option(None, "What averages of gradients and of squares keep", "two numbers")
    eps: float | None = option(None, "Added where a root of squares divides", gt=0, le=1)
    weight_decay: float | None = option(None, "Pull of weights toward zero", ge=0, le=10)
    clip_grad: float | None = option(None, "Greatest norm of all gradients together", gt=0)
    accumulate: int = option(1, "Steps whose gradients make one update", ge=1, le=65_536)
    ema: float | None = option(
        None, "Share that an average of weights keeps at an update", gt=0, lt=1
    )
    recover: bool = option(
        False, "Go back an epoch where training diverges, once, at a tenth of the rate"
    )
    patience: int | None = option(None, "Stop after so many without a better one", "epochs", ge=1)
    balance: Balance = option("none", "What evens out classes of different size")
    label_smoothing: float = option(0.0, "Share of each label spread over all classes", ge=0, lt=1)
    augment: Augment | None = option(None, "How much training images are varied")
    augment_params: Ranges = option(None, "Ranges of it, as in rotate=15,translate=0.1,hflip=no")
    validation: float = option(0.15, "Share kept for choosing the best epoch", gt=0, lt=0.9)
    test: float = option(0.15, "Share kept apart for the report", ge=0, lt=0.9)
    leaked: Leaked = option("keep", "What becomes of images that are in an earlier part too")
    bad_images: Literal["skip", "fail"] = option("skip", "What unreadable images do to the run")
    largest: int = option(200, "Most memory one image may need", "megabytes", ge=1, le=100_000)
    precision: Precision = option("auto", "Numbers a step computes with")
    memory_format: MemoryFormat = option("auto", "How images lie in memory")
    compile: AutoYesNo = option("auto", "Whether torch compiles the network")
    micro_batches: int | None = option(None, "Parts of a batch, computed side by side", ge=1, le=64)
    autotune: AutoYesNo = option("auto", "Whether a trial measures which step is quickest here")
    deterministic: bool = option(False, "Same numbers each time on a GPU too, more slowly")
    batch_norm: BatchNorm = option("synchronized", "What norms see of a batch that processes share")
    seed: int = option(0, "Fixes weights, order and variation", ge=0, lt=2**63)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    threads: int | None = option(None, "CPU threads; small networks get one", ge=1, le=4096)
    checkpoint_minutes: float | None = option(
        None, "Save this often inside an epoch, not as striate sees fit", "minutes", gt=0, le=1e5
    )
    out: Path | None = option(None, "Folder of the run; a number is added if it exists")

    @field_serializer("network", when_used="json")
    def _name_of(self, network: Network | None) -> str | None:
        """An object goes into no file."""
        if network is None or isinstance(network, str):
            return network
        return getattr(network, "__name__", type(network).__name__)

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise PydanticCustomError(
                "shares",
                "validation {validation} and test {test} leave no images to train on; "
                "together they must stay below 1",
                {"validation": self.validation, "test": self.test},
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
                        "name": name,
                        "others": f"{', '.join(optimizers[:-1])} or {optimizers[-1]}",
                    },
                )
        return self


#: what a training takes and a test of rates has no use for
_NO_USE = (
    "epochs", "minutes", "learning_rate", "schedule", "warm_up", "average", "recover", "patience",
    "checkpoint_minutes",
)  # fmt: skip


class RateOptions(TrainOptions):
    """Options of `find-rate`: its own, and those of `train` that a step depends on."""

    lowest: float = option(1e-5, "Learning rate of the first step", gt=0)
    highest: float = option(10.0, "Learning rate of the last step", gt=0)
    steps: int = option(100, "From the lowest to the highest rate", "steps", ge=10, le=100_000)
    out: Annotated[Path | None, ending(".svg", ".png")] = option(
        None, "Draw the losses into this .svg or .png file"
    )

    @classmethod
    def flags(cls) -> dict[str, FieldInfo]:
        """Those of `train` that have no use here are left out."""
        return {name: field for name, field in cls.model_fields.items() if name not in _NO_USE}

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str = "") -> Self:
        """As of all options."""
        if useless := [name for name in _NO_USE if name in values]:
            raise unknown("option", useless[0], cls.flags())
        return super().read(values, source)

    @classmethod
    def of_recipe(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nothing of what only a training has a use for, such as the folder of its run."""
        return {name: value for name, value in values.items() if name not in (*_NO_USE, "out")}

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if self.highest <= self.lowest:
            raise PydanticCustomError(
                "rates",
                "the rate rises, but lowest {lowest} and highest {highest} came",
                {"lowest": self.lowest, "highest": self.highest},
            )
        return self
