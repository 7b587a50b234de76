"""`striate describe`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.output import Json, print_json

if TYPE_CHECKING:
    from striate.anatomy import Anatomy

_FORMS: dict[str, Callable[[Anatomy], str | bytes]] = {
    ".csv": lambda anatomy: anatomy.to_csv(),
    ".md": lambda anatomy: anatomy.to_markdown(),
    ".svg": lambda anatomy: anatomy.to_svg(),
    ".png": lambda anatomy: anatomy.to_png(),
}


def command(
    network: Annotated[
        list[str], typer.Argument(help="A name of `striate networks`, or mynet.py:Net; or several.")
    ],
    size: Annotated[int | None, typer.Option(help="Side of the picture.", min=1)] = None,
    channels: Annotated[int | None, typer.Option(help="Of the picture.", min=1)] = None,
    classes: Annotated[int | None, typer.Option(help="How many the head tells apart.")] = None,
    folded: Annotated[bool, typer.Option("--folded", help="A row for each block.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write a table (.csv, .md) or drawing (.svg, .png).")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Tell its memory.", min=1, max=2**20)] = None,
    as_json: Json = False,
) -> int:
    """Show the layers of a network, and what each costs and sees.

    Several networks are set side by side, with their speed on this machine.
    Example: striate describe resnet50 --folded --out resnet50.svg
    """
    from striate import storage, verbs
    from striate.errors import OptionError

    sizes = {"size": size, "channels": channels, "classes": classes}
    if len(network) > 1:
        if folded or out is not None or batch:
            raise OptionError("--folded, --batch and --out are for one network, but several came")
        compared = verbs.side_by_side(*network, **sizes)
        print_json(compared.to_json()) if as_json else typer.echo(repr(compared))
        return 0
    if out is not None:
        storage.check_suffix(out, tuple(_FORMS))
    anatomy = verbs.describe(network[0], None, **sizes)
    memory = verbs.memory(network[0], batch=batch, **sizes) if batch else None
    anatomy = anatomy.folded() if folded else anatomy
    if out is not None:
        storage.write(out, _FORMS[out.suffix.lower()](anatomy))
    if as_json:
        print_json(anatomy.to_json() | ({"memory": memory.to_json()} if memory else {}))
    elif out is None:
        typer.echo(f"{anatomy}\n\n{memory}" if memory else str(anatomy))
    elif memory:
        typer.echo(str(memory))
    return 0
