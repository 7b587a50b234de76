"""`striate check`."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.output import print_json
from striate.cli.verb import FILE, Verb, as_json
from striate.errors import DataError


@click.command("check", cls=Verb)
@click.argument("photos", help="A folder, manifest or array file.", type=FILE)
@as_json
def command(photos: Path, as_json: bool) -> int:
    """Look at every picture of a folder; change nothing.

    Exits with 3 when the folder cannot be trained on. Example: striate check photos
    """
    from striate.data.checking.inspection import inspect

    inspection = inspect(photos)
    if as_json:
        print_json(inspection.to_json())
    else:
        click.echo(str(inspection))
    return 0 if inspection.trainable else DataError.exit_code
