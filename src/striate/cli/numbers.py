"""`striate numbers`."""

from __future__ import annotations

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json


@click.command("numbers", cls=VerbCommand)
@click.argument("image", help="An image, or sample:NAME.")
@click.option(
    "--patch", metavar="ROW,COLUMN,SIZE", help="The square to print; default: 8x8 of the middle."
)
@click.option(
    "--largest",
    type=click.IntRange(1, 100_000),
    default=200,
    metavar="MEGABYTES",
    help="Memory limit for decoding the image.",
)
@as_json
def command(image: str, patch: str | None, largest: int, as_json: bool) -> int:
    """Print an image's pixel values and statistics.

    Example: striate numbers cat.jpg --patch 100,40,8
    """
    from striate.images.numbers import numbers

    found = numbers(image, patch=patch, largest=largest)
    print_json(found.to_json()) if as_json else click.echo(repr(found))
    return 0
