"""`striate info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.imports import without_collection
from striate.cli.output import print_json
from striate.errors import printable


@click.command("info", cls=VerbCommand, model="InfoOptions")
@click.argument("model", help="A model file, the folder of a run, or an exported model.", type=FILE)
@as_json
def command(model: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Tell what a model file is: network, answers, scores, data, versions.

    Example: striate info runs/photos-resnet18 --model-card card.md
    """
    early.check_model(model)
    early.tell_of_run(model)
    with without_collection():
        from striate.verbs.info import info

    told = info(model, **options)
    print_json(told.to_json()) if as_json else click.echo(str(told))
    if "model_card" in options:
        click.echo(f"card      {printable(str(options['model_card']))}", err=True)
    return 0
