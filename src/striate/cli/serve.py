"""`striate serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand


@click.command("serve", cls=VerbCommand, model="ServeOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
def command(model: Path, options: dict[str, Any]) -> int:
    """Answer over HTTP what a trained model sees in images that are posted to it.

    Example: striate serve runs/photos-resnet18, then
    curl -F image=@cat.jpg http://127.0.0.1:8000/v1/predict
    """
    early.check_model(model)
    from striate.options import ServeOptions
    from striate.verbs.serve import serve

    return serve(model, ServeOptions.read(options, flags=True), tell)


def tell(line: str) -> None:
    """Print a line on stderr."""
    click.echo(line, err=True)
