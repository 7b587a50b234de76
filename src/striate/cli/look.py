"""`striate look`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json


@click.command("look", cls=VerbCommand, model="LookOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.argument("data", help="An image, a folder or a manifest.", type=FILE, required=False)
@as_json
def command(model: Path, data: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Draw what a network has learned.

    Without data its filters; of an image its feature maps, what a unit sees (--show field) or
    what speaks for the answer (classes); of a folder a map of what it finds alike, images like
    one (--like), or what channels answer to (channels). Dreams need none.

    Example: striate look runs/photos-resnet18 cat.jpg
    """
    early.check_model(model)
    early.check_paths([data] if data else [])
    from striate.cli.lazy import verbs as verbs
    from striate.verbs.look import look

    drawn = look(model, data, progress=True, **options)
    if as_json:
        print_json({"sheets": [one.to_json() for one in drawn]})
        return 0
    for one in drawn:
        click.echo(str(one))
    return 0
