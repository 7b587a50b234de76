"""Options of `transferability`: how one folder is split, the repetitions, and the trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_serializer
from pydantic_core import PydanticCustomError

from striate.errors import OptionError
from striate.options.base import Device, Options, option
from striate.options.choices import Augment, ColorMode, Network
from striate.options.train import TrainOptions


def _names(value: Any) -> Any:
    """Return the names of a sequence, or of text such as "cat,dog"."""
    if value is None:
        return None
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise PydanticCustomError("string_type", "names")
    return tuple(name.strip() for name in names)


class TransferabilityOptions(Options):
    """Options of `transferability`; those of a training are the same for all trainings."""

    classes_of_a: Annotated[tuple[str, ...] | None, BeforeValidator(_names)] = option(
        None, "Split one folder: the classes of A, as in cat,dog; B has all others", "text"
    )
    seeds: int = option(3, "Repetitions, from which the intervals come", ge=1, le=100)
    network: Network | None = option(None, "Architecture: resnet18, mobilenet_v1(width=0.5)")
    task: str | None = option(None, "Task, where the data allow several", "text")
    epochs: int | None = option(None, "Passes over the training images", ge=1, le=100_000)
    learning_rate: float | None = option(None, "Peak learning rate", gt=0)
    batch: int | None = option(None, "Batch size", ge=2, le=65_536)
    size: int | None = option(None, "Side of the input image", "pixels", ge=8, le=4096)
    color: ColorMode | None = option(None, "Color mode of the input")
    augment: Augment | None = option(None, "Strength of augmentation")
    validation: float = option(0.15, "Fraction of images for validation", gt=0, lt=0.9)
    test: float = option(0.15, "Fraction of images for the test", ge=0, lt=0.9)
    seed: int = option(0, "Seed of the first repetition", ge=0, lt=2**62)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    threads: Annotated[int, Field(ge=1, le=4096)] | None = option(None, "CPU threads")
    out: Path | None = option(None, "Folder of the study; one that was stopped there goes on")

    @field_serializer("network", when_used="json")
    def _name_of(self, network: Network | None) -> str | None:
        """Serialize a network object by its name."""
        if network is None or isinstance(network, str):
            return network
        return getattr(network, "__name__", type(network).__name__)

    def training(self) -> TrainOptions:
        """Return the options of a training from nothing.

        Nothing is tuned by the clock: a study that was stopped has the table of one that was not.
        """
        shared = TrainOptions.model_fields.keys() & self.model_fields_set - {"out"}
        given = {name: getattr(self, name) for name in shared}
        return TrainOptions.read({**given, "weights": "none", "autotune": "no"})

    def check_sides(self, b: object) -> None:
        """Raise OptionError unless there are two folders, or one and a split of its classes."""
        if (b is None) == (self.classes_of_a is None):
            came = "one folder and no split" if b is None else "two folders and a split"
            raise OptionError(
                "transferability takes two folders, A and B, or one and the classes of A, as in "
                f"--classes-of-a cat,dog; {came} came"
            )
