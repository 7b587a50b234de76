"""`striate check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import DataError, printable


@click.command("check", cls=VerbCommand, model="CheckOptions")
@click.argument("data", help="A folder, manifest or array file.", type=FILE)
@as_json
def command(data: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Look at every image of a folder; change nothing.

    With --augment, --augment-params or --out, some of them are drawn as training augments
    them. Exits with 3 when the folder cannot be trained on.
    Example: striate check photos --augment strong
    """
    early.check_photos(data)
    from striate.verbs.checking import check

    inspection = check(data, **options)
    if as_json:
        print_json(inspection.to_json())
    else:
        click.echo(str(inspection))
        if inspection.sheet:
            click.echo(f"\nsheet  {printable(str(inspection.sheet))}")
        for sheet in inspection.sheets:
            click.echo(f"sheet  {printable(str(sheet))}")
    return 0 if inspection.trainable else DataError.exit_code
