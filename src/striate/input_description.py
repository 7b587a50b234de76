"""What a model file says of its input, checked; preprocessing is restored from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from striate.data.decoding.preprocess import Preprocess
from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_file import MOST_CHANNELS
from striate.data.signals.signal_input import LONGEST, SignalInput


class Checked(BaseModel):
    """A table of a description: no key is missing, unknown or of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


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


def restore_preprocess(fields: PreprocessFields | SignalFields) -> Preprocess:
    """Return how an image, or signal, becomes the network's input."""
    given = fields.model_dump(exclude={"inputs", "mean", "std"})
    kinds = {"image": Preprocess, "signal": SignalInput, "sequence": SequenceInput}
    kind = kinds[getattr(fields, "inputs", "image")]
    return kind(mean=tuple(fields.mean), std=tuple(fields.std), **given)
