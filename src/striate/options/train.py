"""Options of `train` and `find-rate`: those of a step, and their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import ending, option
from striate.options.choices import Schedule
from striate.options.step import StepOptions


class TrainOptions(StepOptions):
    """Options of `train`; those not given are chosen from the images and recorded."""

    epochs: int | None = option(None, "Passes over the training images", ge=1, le=100_000)
    minutes: float | None = option(None, "Stop after this long", "minutes", gt=0, le=100_000)
    learning_rate: float | None = option(None, "Peak learning rate", gt=0)
    thaw_at: int | None = option(
        None, "Epoch from which frozen stages are trained too", "epochs", ge=2
    )
    schedule: Schedule = option("one-cycle", "Learning rate schedule")
    warmup: float | None = option(
        None, "Fraction of the training in which the rate warms up", ge=0, lt=1
    )
    ema: float | None = option(
        None, "Decay of an exponential moving average of the weights", gt=0, lt=1
    )
    recover: bool = option(
        False, "Restart from the last epoch at a tenth of the rate where training diverges, once"
    )
    patience: int | None = option(
        None, "Epochs without improvement before stopping", "epochs", ge=1
    )
    checkpoint_minutes: float | None = option(
        None, "Interval of checkpoints inside an epoch", "minutes", gt=0, le=1e5
    )
    out: Path | None = option(None, "Folder of the run; a number is added if it exists")


class RateOptions(StepOptions):
    """Options of `find-rate`: those of a step, and the rates to try."""

    lowest: float = option(1e-5, "Learning rate of the first step", gt=0)
    highest: float = option(10.0, "Learning rate of the last step", gt=0)
    steps: int = option(
        100, "Steps from the lowest to the highest rate", "steps", ge=10, le=100_000
    )
    out: Annotated[Path | None, ending(".svg", ".png")] = option(
        None, "Draw the losses into this .svg or .png file"
    )

    @classmethod
    def of_recipe(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the recipe without options of `train` that no step depends on."""
        own = TrainOptions.model_fields.keys() - StepOptions.model_fields.keys()
        return {name: value for name, value in values.items() if name not in own}

    def training(self) -> TrainOptions:
        """Return the options of a training with these steps."""
        given = StepOptions.model_fields.keys() & self.model_fields_set
        return TrainOptions.read({name: getattr(self, name) for name in given})

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if self.highest <= self.lowest:
            raise PydanticCustomError(
                "rates",
                "the rate rises, but {lowest} {first} and {highest} {last} came",
                {"first": self.lowest, "last": self.highest},
            )
        return self
