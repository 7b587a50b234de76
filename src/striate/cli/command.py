"""Command class with flags generated from an options model."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import click

from striate.distributed import launch

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_KINDS = {"int": "number", "float": "number", "Path": "path"}

FILE = click.Path(path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")


class VerbCommand(click.Command):
    """Command with an additional flag for each field of an options model.

    Given flags are passed as text in `options` and validated by the model. The model (a name in
    `striate.options`) is imported lazily, as it loads pydantic.
    """

    def __init__(self, *args: Any, model: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.model = model

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, shown = super().get_params(ctx)
        return [*own, *(_flag(name, field) for name, field in self.fields().items()), shown]

    def invoke(self, ctx: click.Context) -> Any:
        if self.model:
            given = {name: ctx.params.pop(name) for name in self.fields()}
            ctx.params["options"] = {k: v for k, v in given.items() if v is not None}
            if launch.process_info().world_size == 1:  # with several ranks, rank 0 reports for all
                self._check(ctx.params["options"], ctx.params.get("recipe"))
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from striate.options import peers

            known = {str(param.name) for param in self.get_params(ctx)}
            if told := peers.hint(error.option_name, known, "--{}"):
                raise click.UsageError(told, ctx) from None
            raise

    def _check(self, given: dict[str, Any], recipe: Path | None) -> None:
        """Validate options before the function loads torch. Raises OptionError."""
        from striate import options
        from striate.cli.early import check_networks

        model: type[options.Options] = getattr(options, self.model)
        read = model.read_toml(recipe, given) if recipe else model.read(given, flags=True)
        if isinstance(read, options.StepOptions) and isinstance(read.network, str):
            check_networks([read.network])

    def fields(self) -> dict[str, FieldInfo]:
        if not self.model:
            return {}
        from striate import options

        return getattr(options, self.model).flags()


def _flag(name: str, field: FieldInfo) -> click.Option:
    told = f"{field.description}."
    if field.default is not None and field.default is not False:
        told += f" [default: {field.default}]"
    flag = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        return click.Option([flag, name], is_flag=True, default=None, help=told)
    return click.Option([flag, name], metavar=_metavar(field), help=told)


def _metavar(field: FieldInfo) -> str:
    """Return a flag's metavar: its choices, unit or type."""
    extra = field.json_schema_extra
    unit = str(extra.get("unit") or "") if isinstance(extra, dict) else ""
    kind: Any = field.annotation
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    given = (kind for kind in kinds if not {kind, get_origin(kind)} & {types.NoneType, Callable})
    return "|".join(_taken(kind, unit) for kind in given)


def _taken(kind: Any, unit: str) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return (unit or _KINDS.get(kind.__name__, "text")).upper()
