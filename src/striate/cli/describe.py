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
    batch: Annotated[int | None, typer.Option(help="Tell its memory.", min=1, max=2**20)] = None,
    as_json: Json = False,
) -> int:
    """Show the layers of a network, and what each costs and sees.

    Example: striate describe resnet18 --size 64 --classes 5
    """
    from striate import verbs

    anatomy = verbs.describe(network, size=size, channels=channels, classes=classes)
    memory = None
    if batch:
        memory = verbs.memory(network, batch=batch, size=size, channels=channels, classes=classes)
    if as_json:
        print_json(anatomy.to_json() | ({"memory": memory.to_json()} if memory else {}))
    else:
        typer.echo(f"{anatomy}\n\n{memory}" if memory else str(anatomy))
    return 0
