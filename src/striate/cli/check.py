"""`striate check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli.output import Json, print_json
from striate.errors import DataError


def command(
    photos: Annotated[Path, typer.Argument(help="A folder, manifest or array file.")],
    as_json: Json = False,
) -> int:
    """Look at every picture of a folder; change nothing.

    Exits with 3 when the folder cannot be trained on. Example: striate check photos
    """
    from striate.data.checking.inspection import inspect

    inspection = inspect(photos)
    if as_json:
        print_json(inspection.to_json())
    else:
        typer.echo(str(inspection))
    return 0 if inspection.trainable else DataError.exit_code
