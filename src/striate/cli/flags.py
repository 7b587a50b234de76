"""Commands whose flags come from an options model, so that each is described once."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_KINDS = {"int": "number", "float": "number", "Path": "path"}


def with_flags(command: Callable[..., int], model: str = "") -> Callable[..., int]:
    """Fill a command's last parameter, `options`, from a flag for each field of an options model.

    Only what the user gave is passed on, as text: the model checks it. Without a model (a name in
    `striate.options`) there are no flags: enough for a list of commands, and loads no pydantic.
    """
    signature = inspect.signature(command, eval_str=True)
    *own, _ = signature.parameters.values()
    fields = _fields(model) if model else {}
    every = [*own, *(_flag(name, field) for name, field in fields.items())]

    def filled(**values: Any) -> int:
        given = {name: values.pop(name) for name in fields}
        return command(**values, options={k: v for k, v in given.items() if v is not None})

    filled.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
    filled.__annotations__ = {p.name: p.annotation for p in every} | {"return": int}
    filled.__doc__ = command.__doc__
    return filled


def _fields(model: str) -> dict[str, FieldInfo]:
    from striate import options

    return getattr(options, model).model_fields


def _flag(name: str, field: FieldInfo) -> inspect.Parameter:
    help_text = f"{field.description}."
    if field.default is not None and field.default is not False:
        help_text += f" [default: {field.default}]"
    switch = field.annotation is bool
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=help_text,
        metavar=None if switch else _metavar(field),
        show_default=False,
    )
    kind = Annotated[bool | None, option] if switch else Annotated[str | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _metavar(field: FieldInfo) -> str:
    """What a flag takes: its choices, its unit, or its kind."""
    extra = field.json_schema_extra
    unit = str(extra.get("unit") or "") if isinstance(extra, dict) else ""
    kind: Any = field.annotation
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(choice for choice in get_args(kind) if choice is not types.NoneType)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return (unit or _KINDS.get(kind.__name__, "text")).upper()
