"""`striate export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json


@click.command("export", cls=VerbCommand, model="ExportOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.option("--out", metavar="PATH", type=FILE, help="New folder. [default: exports/NAME]")
@as_json
def command(model: Path, out: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Write a model for other runtimes, with proof that it answers the same.

    The file holds all of the preprocessing: its input is the pixels of an image of any size.
    Example: striate export runs/photos-resnet18 --to onnx
    """
    early.check_model(model)
    early.tell_of_run(model)
    from striate.verbs.export import export

    exported = export(model, out=out, progress=True, **options)
    print_json(exported.to_json()) if as_json else click.echo(str(exported))
    return 0
