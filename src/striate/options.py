"""The options of every verb, each with default, unit and help once.

Flags of the command line, keyword arguments of the Python functions, TOML recipes and the resolved
`options.json` of a run all come from these models.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from striate.errors import OptionError, StorageError, printable, unknown

Fit = Literal["letterbox", "crop", "stretch"]
Augment = Literal["none", "light", "standard", "strong"]
Colour = Literal["grey", "rgb"]
Precision = Literal["auto", "float32", "bfloat16"]
Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Optimiser = Literal[
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw",
    "lamb", "lars", "lion", "muon",
]  # fmt: skip
Schedule = Literal["constant", "step", "cosine", "one-cycle", "plateau"]
Balance = Literal["none", "weights", "sampling"]
PartChoice = Literal["train", "validation", "test", "all"]


def _option(default: Any, help: str, unit: str = "", **limits: Any) -> Any:  # noqa: A002
    return Field(default, description=help, json_schema_extra={"unit": unit}, **limits)


class Options(BaseModel):
    """Parent of the options of a verb: frozen, checked, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str = "") -> Self:
        """Check values from Python, a flag or a file named by `source`.

        Raises OptionError: which option, what it takes, what came; the nearest name if unknown.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            where = f"{printable(source)}: " if source else ""
            reason = _sentence(error.errors()[0], list(cls.model_fields))
            raise OptionError(f"{where}{reason}") from None

    @classmethod
    def read_toml(cls, path: Path, changes: Mapping[str, Any]) -> Self:
        """Options from a TOML recipe, overridden by `changes`.

        Raises OptionError as `read` does, StorageError when the file cannot be read.
        """
        shown = printable(str(path))
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise StorageError(f"{shown}: {(error.strerror or 'unreadable').lower()}") from error
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{shown}: not TOML: {printable(str(error), 200)}") from error
        return cls.read({**values, **changes}, source=str(path))

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Python takes True for 1; whoever writes `epochs = true` means something else."""
        kind = cls.model_fields[info.field_name or ""].annotation
        number = not {int, float}.isdisjoint((kind, *get_args(kind)))
        return str(value).lower() if number and isinstance(value, bool) else value


class VaryOptions(Options):
    """Ranges of augmentation, as `--vary "turn=15,shift=0.1"` names them.

    What is not given stays as the level of `augment` has it.
    """

    turn: float | None = _option(None, "Turned either way", "degrees", ge=0, le=180)
    shift: float | None = _option(None, "Moved either way, of the side", "share", ge=0, le=1)
    scale: float | None = _option(None, "Larger or smaller", "share", ge=0, lt=1)
    mirror: bool | None = _option(None, "Half of the pictures, left to right", "yes or no")
    flip: bool | None = _option(None, "Half of the pictures, upside down", "yes or no")
    shear: float | None = _option(None, "Slanted either way", "degrees", ge=0, le=60)
    stretch: float | None = _option(None, "Wider or higher", "share", ge=0, le=4)
    crop: float | None = _option(None, "Cut away at most, of the area", "share", ge=0, lt=1)
    brightness: float | None = _option(
        None, "Lighter or darker, of the full range", "share", ge=0, le=1
    )
    contrast: float | None = _option(None, "Stronger or weaker", "share", ge=0, le=1)
    saturation: float | None = _option(None, "More or less colour", "share", ge=0, le=1)
    hue: float | None = _option(None, "Colours turned about the greys", "degrees", ge=0, le=180)
    erase: float | None = _option(
        None, "A rectangle erased, at most, of the area", "share", ge=0, lt=1
    )
    mixup: float | None = _option(
        None, "Another picture laid over at most, its label too", "share", ge=0, le=1
    )
    cutmix: float | None = _option(
        None, "A rectangle of another picture at most, of the area", "share", ge=0, le=1
    )

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "turn=15,shift=0.1,mirror=no". Raises OptionError."""
        values: dict[str, str] = {}
        for entry in text.split(","):
            name, equals, value = (part.strip() for part in entry.partition("="))
            if not (name and equals and value):
                raise OptionError(
                    "vary takes ranges by name, as in turn=15,shift=0.1, "
                    f"but {printable(repr(entry.strip()), 200)} came"
                )
            if name in values:
                raise OptionError(f"vary names {printable(repr(name), 200)} twice")
            values[name] = value
        return cls.read(values, source="vary")

    def given(self) -> dict[str, float | bool]:
        """Name -> range, of those that were asked for."""
        return self.model_dump(exclude_none=True)


def _ranges(text: str | None) -> str | None:
    try:
        if text is not None:
            VaryOptions.parse(text)
    except OptionError as error:
        raise PydanticCustomError("ranges", "{reason}", {"reason": str(error)}) from None
    return text


Ranges = Annotated[str | None, AfterValidator(_ranges)]


class CheckOptions(Options):
    """Options of `check`; any of them asks for a sheet of augmented pictures."""

    augment: Augment | None = _option(None, "How much the pictures of the sheet are varied")
    vary: Ranges = _option(None, "Ranges of it, as in turn=15,shift=0.1,mirror=no")
    seed: int = _option(0, "Fixes the variation", ge=0, lt=2**63)
    out: Path | None = _option(None, "Write a sheet of augmented pictures to this .png file")


class TrainOptions(Options):
    """Options of `train`; what is not given is chosen from the pictures and recorded."""

    network: str | None = _option(
        None, "Network by name, as in resnet18 or mobilenet_v1(width=0.5)"
    )
    epochs: int | None = _option(None, "Times every training picture is seen", ge=1, le=100_000)
    minutes: float | None = _option(None, "Stop after this long", "minutes", gt=0, le=100_000)
    batch: int | None = _option(None, "Pictures a step", ge=2, le=65_536)
    size: int | None = _option(None, "Side of the network's picture", "pixels", ge=8, le=4096)
    colour: Colour | None = _option(None, "Whether the network sees colour")
    fit: Fit = _option("letterbox", "How a picture becomes square")
    learning_rate: float | None = _option(None, "Highest learning rate", gt=0)
    optimiser: Optimiser = _option("nesterov", "How gradients change weights")
    schedule: Schedule = _option("one-cycle", "How the learning rate falls")
    warm_up: float | None = _option(None, "Share in which the learning rate rises", ge=0, lt=1)
    weight_decay: float | None = _option(None, "Pull of weights towards zero", ge=0, le=10)
    clip: float | None = _option(None, "Greatest norm of all gradients together", gt=0)
    accumulate: int = _option(1, "Steps whose gradients make one update", ge=1, le=65_536)
    average: float | None = _option(
        None, "Share that an average of weights keeps at an update", gt=0, lt=1
    )
    patience: int | None = _option(None, "Stop after so many without a better one", "epochs", ge=1)
    balance: Balance = _option("none", "What evens out classes of different size")
    smoothing: float = _option(0.0, "Share of each label spread over all classes", ge=0, lt=1)
    augment: Augment | None = _option(None, "How much training pictures are varied")
    vary: Ranges = _option(None, "Ranges of it, as in turn=15,shift=0.1,mirror=no")
    validation: float = _option(0.15, "Share kept for choosing the best epoch", gt=0, lt=0.9)
    test: float = _option(0.15, "Share kept apart for the report", ge=0, lt=0.9)
    bad_images: Literal["skip", "fail"] = _option("skip", "What unreadable pictures do to the run")
    largest: int = _option(200, "Most memory one picture may need", "megabytes", ge=1, le=100_000)
    precision: Precision = _option("auto", "Numbers a step computes with")
    seed: int = _option(0, "Fixes weights, order and variation", ge=0, lt=2**63)
    device: str = _option("auto", "auto, cpu, cuda or cuda:N")
    threads: int | None = _option(None, "CPU threads; small networks get one", ge=1, le=4096)
    checkpoint_minutes: float | None = _option(
        None, "Save this often inside an epoch, not as striate sees fit", "minutes", gt=0, le=1e5
    )
    out: Path | None = _option(None, "Folder of the run; a number is added if it exists")

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise PydanticCustomError(
                "shares",
                "validation {validation} and test {test} leave no pictures to train on; "
                "together they must stay below 1",
                {"validation": self.validation, "test": self.test},
            )
        return self


class EvaluateOptions(Options):
    """Options of `evaluate`."""

    part: PartChoice = _option("test", "Which pictures to judge; all, where none was learned from")
    batch: int = _option(256, "Pictures a step", ge=1, le=65_536)
    largest: int = _option(200, "Most memory one picture may need", "megabytes", ge=1, le=100_000)
    device: str = _option("auto", "auto, cpu, cuda or cuda:N")
    out: Path | None = _option(None, "Write the report to this .html file")


class PredictOptions(Options):
    """Options of `predict`."""

    top: int = _option(3, "Classes listed for a picture", ge=1, le=1000)
    batch: int = _option(64, "Pictures a step", ge=1, le=65_536)
    largest: int = _option(200, "Most memory one picture may need", "megabytes", ge=1, le=100_000)
    device: str = _option("auto", "auto, cpu, cuda or cuda:N")
    out: Path | None = _option(None, "Write rows to this .csv or .jsonl file")
    raw_csv: bool = _option(False, "Do not protect spreadsheets from names that look like formulas")


class FilterOptions(Options):
    """Options of `filter`."""

    mode: Mode = _option("same", "How far the kernel reaches over the edge")
    border: Border = _option("zero", "What stands beyond the edge")
    stride: int = _option(1, "From one position to the next", "pixels", ge=1, le=100_000)
    dilation: int = _option(1, "From one tap to the next", "pixels", ge=1, le=100_000)
    grey: bool = _option(False, "Make the picture grey first")
    clip: bool = _option(False, "Draw below 0 as black, above white as white, and say how many")
    largest: int = _option(200, "Most memory the picture may need", "megabytes", ge=1, le=100_000)
    out: Path | None = _option(None, "Write the filtered picture to this .png or .jpg file")
    raw: Path | None = _option(None, "Write the numbers to this .npy file")


_DEMANDS = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "string_unicode": "must be readable text",
    "path_type": "must be a path",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}


def _sentence(error: ErrorDetails, known: list[str]) -> str:
    if not error["loc"] or error["type"] == "ranges":
        return error["msg"]
    name = str(error["loc"][0])
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return str(unknown("option", name, known))
    demand = _DEMANDS.get(error["type"], "must be of another kind").format(**error.get("ctx", {}))
    return f"{name} {demand}, but {_shown(error['input'])} came"


def _shown(value: object) -> str:
    try:
        return printable(repr(value), 200)
    except (ValueError, RecursionError):  # thousands of digits, or lists in lists without end
        return f"a huge {type(value).__name__}"
