"""`striate numbers`."""

from __future__ import annotations

from typing import Annotated

import typer

from striate.cli.output import Json, print_json


def command(
    photo: Annotated[str, typer.Argument(help="A picture, or sample:NAME.")],
    patch: Annotated[
        str | None,
        typer.Option(help="The square to print; 8x8 of the middle.", metavar="ROW,COLUMN,SIZE"),
    ] = None,
    largest: Annotated[
        int, typer.Option(help="Most megabytes the picture may need.", min=1, max=100_000)
    ] = 200,
    as_json: Json = False,
) -> int:
    """Show a picture as the numbers that it is.

    Example: striate numbers cat.jpg --patch 100,40,8
    """
    from striate.pictures.tally import numbers

    found = numbers(photo, patch=patch, largest=largest)
    print_json(found.to_json()) if as_json else typer.echo(repr(found))
    return 0
