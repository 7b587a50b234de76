"""What all options have in common: where they may come from, and how a wrong one is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from striate.errors import OptionError, StorageError, printable, unknown


def option(default: Any, help: str, unit: str = "", **limits: Any) -> Any:  # noqa: A002
    return Field(default, description=help, json_schema_extra={"unit": unit}, **limits)


class Options(BaseModel):
    """Parent of the options of a verb: frozen, checked, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @classmethod
    def flags(cls) -> dict[str, FieldInfo]:
        """What may be asked for, by name."""
        return cls.model_fields

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str = "") -> Self:
        """Check values from Python, a flag or a file named by `source`.

        Raises OptionError: which option, what it takes, what came; the nearest name if unknown.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            where = f"{printable(source)}: " if source else ""
            reason = _sentence(error.errors(), list(cls.flags()))
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
        return cls.read({**cls.of_recipe(values), **changes}, source=str(path))

    @classmethod
    def of_recipe(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a recipe is for this verb."""
        return values

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Python takes True for 1; whoever writes `epochs = true` means something else."""
        kind = cls.model_fields[info.field_name or ""].annotation
        number = not {int, float}.isdisjoint((kind, *get_args(kind)))
        return str(value).lower() if number and isinstance(value, bool) else value


#: what a value must be
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
    "callable_type": "a module or what makes one",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}


def _sentence(errors: list[ErrorDetails], known: list[str]) -> str:
    """Of the first option that is wrong; where it takes several kinds, what each demands."""
    error = errors[0]
    if not error["loc"] or error["type"] == "ranges":
        return error["msg"]
    name = str(error["loc"][0])
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return str(unknown("option", name, known))
    of_it = [one for one in errors if one["loc"][:1] == error["loc"][:1]]
    demands = [
        _DEMANDS.get(one["type"], "of another kind").format(**one.get("ctx", {})) for one in of_it
    ]
    return f"{name} must be {' or '.join(demands)}, but {_shown(error['input'])} came"


def _shown(value: object) -> str:
    try:
        return printable(repr(value), 200)
    except (ValueError, RecursionError):  # thousands of digits, or lists in lists without end
        return f"a huge {type(value).__name__}"
