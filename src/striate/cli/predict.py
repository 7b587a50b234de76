"""`striate predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from striate.cli.output import Json, print_json


def command(
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")],
    paths: Annotated[list[Path], typer.Argument(help="Pictures, and folders of pictures.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when a picture could not be read.")
    ] = False,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> int:
    """Say what a model sees in pictures.

    Example: striate predict runs/photos-resnet18 holiday/ cat.jpg --out found.csv
    """
    from striate import verbs

    predictions = verbs.predict(model, *paths, **options)
    if as_json:
        print_json(predictions.to_json())
    elif "out" not in options:
        typer.echo(str(predictions))
    failed = predictions.failed
    if failed:
        typer.echo(f"{failed:,} of {len(predictions):,} files could not be read", err=True)
    return 3 if failed and strict else 0
