"""Base class of all options: reading from Python, flags and TOML, and validation errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from striate.errors import OptionError, StorageError, printable, unknown
from striate.options import peers
from striate.storage import check_suffix


def option(default: Any, help: str, unit: str = "", **limits: Any) -> Any:  # noqa: A002
    return Field(default, description=help, json_schema_extra={"unit": unit}, **limits)


def decode_limit() -> Any:
    """Return the option `largest` of commands that decode images."""
    return option(200, "Memory limit for decoding one image", "megabytes", ge=1, le=100_000)


def leave_out() -> Any:
    """Return the option `leave_out` of commands that read a folder of images."""
    return option(None, "Do not use the images that this file names, a path a line")


def group() -> Any:
    """Return the option `group` of commands that split a folder of images."""
    told = "Never split images of a group: a column, or a part of the path, as in {group}_*.jpg"
    return option(None, told, "text")


def positional(value: str | Path) -> str:
    """Format a positional argument so that it cannot be mistaken for a flag."""
    return f"./{value}" if str(value).startswith("-") else str(value)


def words(values: Mapping[str, Any]) -> list[str]:
    """Format options as command-line words; None and False are left out."""
    found: list[str] = []
    for name, value in values.items():
        if value is not None and value is not False:
            found.append(f"--{name.replace('_', '-')}")
            several = isinstance(value, list | tuple)
            found += [] if value is True else [",".join(map(str, value)) if several else str(value)]
    return found


def ending(*suffixes: str) -> AfterValidator:
    """Return a validator for None or a path with one of these suffixes."""

    def check(path: Path | None) -> Path | None:
        try:
            if path is not None:
                check_suffix(path, suffixes)
        except OptionError as error:
            raise PydanticCustomError("ranges", "{reason}", {"reason": str(error)}) from None
        return path

    return AfterValidator(check)


def _device(name: str) -> str:
    kind, _, number = name.partition(":")
    if name not in ("auto", "cpu", "cuda") and (kind != "cuda" or not number.isdecimal()):
        raise PydanticCustomError("device", "a device")
    return name


Device = Annotated[str, AfterValidator(_device)]


class Options(BaseModel):
    """Base class of a command's options: frozen, validated, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    def given(self) -> dict[str, Any]:
        """Return the options set explicitly, by name, JSON-ready."""
        return self.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str = "", *, flags: bool = False) -> Self:
        """Validate values from Python, the command line (`flags`) or the file `source`.

        Raises OptionError naming the option, the accepted values and the one given; for an unknown
        name the nearest known one.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            where = f"{printable(source)}: " if source else ""
            reason = _sentence(error.errors(), list(cls.model_fields), flags=flags)
            raise OptionError(f"{where}{reason}") from None

    @classmethod
    def read_toml(cls, path: Path, changes: Mapping[str, Any]) -> Self:
        """Read options from a TOML recipe, overridden by `changes`.

        Raises OptionError as `read` does, StorageError if the file cannot be read.
        """
        shown = printable(str(path))
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise StorageError(f"{shown}: {(error.strerror or 'unreadable').lower()}") from error
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{shown}: not TOML: {printable(str(error), 200)}") from error
        return cls.read({**cls.of_recipe(values), **changes}, source=str(path))

    @classmethod
    def of_recipe(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the options of a recipe that apply to this command."""
        return values

    @classmethod
    def flags(cls) -> dict[str, FieldInfo]:
        """Return the options that are flags of the command, by name."""
        return cls.model_fields

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject booleans for numbers, as in `epochs = true`; Python would take True for 1."""
        kind = cls.model_fields[info.field_name or ""].annotation
        number = not {int, float}.isdisjoint((kind, *get_args(kind)))
        return str(value).lower() if number and isinstance(value, bool) else value

    @field_validator("*", mode="before")
    @classmethod
    def _words_are_read_as_peers_spell_them(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept choices in other case and with other hyphens: AdamW, one_cycle."""
        kind = cls.model_fields[info.field_name or ""].annotation
        words = [
            word
            for one in (kind, *get_args(kind))
            if get_origin(one) is Literal
            for word in get_args(one)
        ]
        if not isinstance(value, str) or value in words:
            return value
        alike = {_bare(word): word for word in words}
        bare = _bare(value)
        return alike.get(_SAME_WORDS.get(bare, bare), value)


#: synonyms in other libraries, as bare words -> our bare word
_SAME_WORDS = {
    "fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16", "grey": "gray",
    "grayscale": "gray", "greyscale": "gray", "color": "rgb", "colour": "rgb",
    "val": "validation", "valid": "validation",
    "cosineannealinglr": "cosine", "onecyclelr": "onecycle", "reducelronplateau": "plateau",
}  # fmt: skip


def _bare(word: str) -> str:
    return word.lower().translate(str.maketrans("", "", "-_ "))


#: pydantic error type -> accepted value
_DEMANDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "text",
    "string_unicode": "readable text",
    "path_type": "a path",
    "device": "auto, cpu, cuda or cuda:N",
    "pair": "two numbers, 0 or more and below 1, as in 0.9,0.95",
    "widths": "none or up to 10 whole numbers from 1 to 1024, as in 8,8",
    "epochs": "up to 24 rising whole numbers, as in 1,10,100",
    "callable_type": "a module or what makes one",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}


def _sentence(errors: list[ErrorDetails], known: list[str], *, flags: bool) -> str:
    """Return the message for the first invalid option, with the demands of all accepted types."""
    error = errors[0]
    if not error["loc"]:  # a sentence on several options, each in braces
        mark = re.compile(rf"\{{({'|'.join(known)})\}}")
        return mark.sub(lambda found: _spelled(found[1], flags=flags), error["msg"])
    name = str(error["loc"][0])
    if error["type"] == "ranges":
        return error["msg"].replace(f"{{{name}}}", _spelled(name, flags=flags), 1)
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return peers.hint(name, known) or str(unknown("option", name, known))
    of_it = [one for one in errors if one["loc"][:1] == error["loc"][:1]]
    demands = [
        _DEMANDS.get(one["type"], "of another kind").format(**one.get("ctx", {})) for one in of_it
    ]
    shown = _spelled(name, flags=flags)
    return f"{shown} must be {' or '.join(demands)}, but {_shown(error['input'])} came"


def _spelled(name: str, *, flags: bool) -> str:
    """Return the name of an option as it is written on the command line, or elsewhere."""
    return f"--{name.replace('_', '-')}" if flags else name


def _shown(value: object) -> str:
    try:
        return printable(repr(value), 200)
    except (ValueError, RecursionError):  # thousands of digits, or endless nesting
        return f"a huge {type(value).__name__}"
