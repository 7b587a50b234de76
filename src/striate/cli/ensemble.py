"""`striate ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from striate import storage
from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("ensemble", cls=VerbCommand, model="EnsembleOptions")
@click.argument(
    "runs", help="Folders of runs, or model files, of one task.", type=FILE, nargs=-1, required=True
)
@click.option(
    "--out", metavar="PATH", type=FILE, required=True, help="Write a .safetensors model file."
)
@as_json
def command(runs: Sequence[Path], out: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Average the answers of several models, and judge it against each.

    Networks and image sizes may differ. The file is a model like any other.
    Example: striate ensemble runs/a runs/b runs/c --out abc.safetensors
    """
    storage.check_suffix(out, (".safetensors",))
    for run in runs:
        early.check_model(run)
        early.tell_of_run(run)
    if "data" in options:
        early.check_photos(Path(options["data"]))
    from striate.verbs.ensemble import ensemble

    judged = ensemble(*runs, out=out, progress=True, **options)
    print_json(judged.to_json()) if as_json else click.echo(str(judged))
    click.echo(f"model     {printable(str(out))}", err=True)
    return 0
