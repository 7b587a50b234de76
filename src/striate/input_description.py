"""What files say of their input, targets and more, checked and restored."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import MOST_CLASSES, name_fault
from striate.data.listing.target_spec import TargetSpec
from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_file import MOST_CHANNELS
from striate.data.signals.signal_input import LONGEST, SignalInput


class Checked(BaseModel):
    """A table of a description: no key is missing, unknown or of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class PreprocessFields(Checked):
    """Of images."""

    size: int = Field(ge=1, le=4096)
    channels: Literal[1, 3]
    fit: Literal["letterbox", "crop", "stretch"]
    mean: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(max_length=3)]
    std: Annotated[list[Annotated[float, Field(ge=1e-4, le=1)]], Field(max_length=3)]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


class SignalFields(Checked):
    """Of signals."""

    inputs: Literal["signal"]
    size: int = Field(ge=1, le=LONGEST)
    channels: int = Field(ge=1, le=MOST_CHANNELS)
    fit: Literal["letterbox", "crop", "stretch"]
    mean: Annotated[list[float], Field(max_length=MOST_CHANNELS)]
    std: Annotated[list[Annotated[float, Field(gt=0)]], Field(max_length=MOST_CHANNELS)]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    rate: float | None = Field(None, gt=0)


class SequenceFields(SignalFields):
    """Of sequences of DNA."""

    inputs: Literal["sequence"]  # pyright: ignore[reportIncompatibleVariableOverride]
    channels: Literal[4]  # pyright: ignore[reportIncompatibleVariableOverride]
    fit: Literal["letterbox", "crop"]  # pyright: ignore[reportIncompatibleVariableOverride]
    both_strands: bool


def _class_name(name: object) -> object:
    """Check a class name; unlike pydantic's `str` it may be non-UTF-8."""
    if fault := name_fault(name):
        raise PydanticCustomError("class_name", "expected {what}", {"what": fault})
    return name


class TargetFields(Checked):
    """Of what is answered."""

    kind: Annotated[str, Field(max_length=100)]
    names: Annotated[
        list[Annotated[str, PlainValidator(_class_name)]], Field(max_length=MOST_CLASSES)
    ]
    constants: Annotated[dict[str, list[float]], Field(max_length=100)]

    def restore(self) -> TargetSpec:
        """Return the target spec."""
        constants = {name: tuple(values) for name, values in self.constants.items()}
        return TargetSpec(self.kind, tuple(self.names), constants)


Said = TypeVar("Said", bound=Checked)
T = TypeVar("T")


def read_description(kind: type[Said], description: dict[str, Any]) -> Said:
    """Return a description as the kind it should be, which has targets.

    Raises ValueError with what is wrong.
    """
    try:
        said = kind.model_validate(description)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None
    fields: Any = said
    names, preprocess = fields.targets.names, getattr(said, "preprocess", None)
    if not names and fields.targets.kind not in ("image", "pair"):
        raise ValueError("targets.names: expected one name or more")
    if len(set(names)) < len(names):
        raise ValueError("targets.names: a name stands there twice")
    if preprocess is not None:
        wanted = preprocess.channels
        if {len(preprocess.mean), len(preprocess.std)} != {wanted}:
            raise ValueError(f"preprocess: mean and std need {wanted} numbers each")
    return said


def restore_preprocess(fields: PreprocessFields | SignalFields) -> Preprocess:
    """Return how an image, or signal, becomes the network's input."""
    given = fields.model_dump(exclude={"inputs", "mean", "std"})
    kinds = {"image": Preprocess, "signal": SignalInput, "sequence": SequenceInput}
    kind = kinds[getattr(fields, "inputs", "image")]
    return kind(mean=tuple(fields.mean), std=tuple(fields.std), **given)


def from_json(kind: type[T], values: object) -> T:
    """Build a dataclass from its `asdict` form, validating every field.

    Raises ValueError naming the first invalid field.
    """
    try:
        return _adapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or kind.__name__
        raise ValueError(f"{place}: {first['msg'].lower()}") from None


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)
