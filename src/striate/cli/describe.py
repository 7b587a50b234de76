"""`striate describe`."""

from __future__ import annotations

from typing import Annotated

import typer

from striate.cli.output import Json, print_json


def command(
    network: Annotated[str, typer.Argument(help="A network by name: see `striate networks`.")],
    size: Annotated[int | None, typer.Option(help="Side of the picture.", min=1)] = None,
    channels: Annotated[int | None, typer.Option(help="Of the picture.", min=1)] = None,
    classes: Annotated[int | None, typer.Option(help="How many the head tells apart.")] = None,
    as_json: Json = False,
) -> int:
    """Show the layers of a network, and what each costs and sees.

    Example: striate describe resnet18 --size 64 --classes 5
    """
    from striate import verbs

    anatomy = verbs.describe(network, size=size, channels=channels, classes=classes)
    if as_json:
        print_json(anatomy.to_json())
    else:
        typer.echo(str(anatomy))
    return 0
