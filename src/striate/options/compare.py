"""Options of `compare`: those of a training, but for what the comparison decides itself."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from striate.options.base import option
from striate.options.choices import AutoYesNo
from striate.options.train import TrainOptions

#: options of a training that the comparison decides
_DECIDED = ("network", "epochs", "patience")
_OWN = ("networks", "minutes", "tune")  #: options of the comparison alone


def _split(value: Any) -> Any:
    """Split a flag at the commas that are outside of parentheses."""
    if not isinstance(value, str):
        return value
    names, depth = [""], 0
    for letter in value:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            names.append("")
        else:
            names[-1] += letter
    return [name.strip() for name in names if name.strip()]


class CompareOptions(TrainOptions):
    """Options of `compare`: networks and minutes, and those of every training."""

    networks: Annotated[tuple[str, ...], BeforeValidator(_split)] = option(
        (), "Networks to compare, two or more: lenet5,resnet20,mobilenet_v1(width=0.5)", "names"
    )
    minutes: float | None = option(
        None, "Time for all trainings together", "minutes", gt=0, le=100_000
    )
    tune: int | None = option(
        None,
        "Trials, at most, of learning rate and augmentation of the best network, in half the time",
        "trials",
        ge=1,
        le=10_000,
    )
    autotune: AutoYesNo = option(
        "no", "Benchmark executions for each network; the clock then decides, not the seed alone"
    )

    @classmethod
    def flags(cls) -> dict[str, FieldInfo]:
        own = {name: cls.model_fields[name] for name in _OWN}
        return own | {k: v for k, v in cls.model_fields.items() if k not in _DECIDED}

    def training(self, network: str, epochs: int | None = None) -> TrainOptions:
        """Return the options of the training of one network."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in (*_OWN, "out"):
            given.pop(name, None)
        given |= {"network": network, "autotune": self.autotune}
        return TrainOptions.read(given if epochs is None else {**given, "epochs": epochs})

    def searched(self) -> tuple[str, ...]:
        """Return which options of a training `tune` searches over: those that were not given."""
        rate = () if self.learning_rate is not None else ("learning_rate",)
        given = self.augment is not None or self.augment_params is not None
        return rate if given else (*rate, "augment")

    @model_validator(mode="after")
    def _compare_several_within_a_time(self) -> Self:
        if decided := [name for name in _DECIDED if name in self.model_fields_set]:
            raise PydanticCustomError(
                "decided",
                "a comparison decides {name} itself; leave it out",
                {"name": f"{{{decided[0]}}}"},
            )
        if twice := [name for name, count in Counter(self.networks).items() if count > 1]:
            raise PydanticCustomError("twice", "{networks} names {name} twice", {"name": twice[0]})
        if len(self.networks) < 2:
            came = self.networks[0] if self.networks else "none"
            raise PydanticCustomError(
                "networks", "{networks} needs two names or more, but {came} came", {"came": came}
            )
        if self.minutes is None:
            raise PydanticCustomError(
                "minutes", "a comparison needs {minutes}, the time for all trainings together"
            )
        if self.tune is not None and not self.searched():
            raise PydanticCustomError(
                "searched",
                "{tune} searches over {learning_rate} and {augment}, but both were given; leave "
                "out one of the three",
            )
        return self
