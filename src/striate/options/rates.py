"""Options of `find-rate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from striate.errors import unknown
from striate.options.base import ending, option
from striate.options.train import TrainOptions

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
