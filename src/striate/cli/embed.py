"""`striate embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import OptionError, printable


@click.command("embed", cls=VerbCommand, model="EmbedOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.argument("data", help="A folder, or a manifest.", type=FILE)
@as_json
def command(model: Path, data: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Write images as vectors: what a network makes of them before its head.

    Example: striate embed runs/photos-resnet18 photos --out features.npz
    """
    if "out" not in options:
        raise OptionError("embed needs --out with the file to write, as in --out features.npz")
    early.check_model(model)
    early.check_photos(data)
    from striate.cli.lazy import verbs as verbs
    from striate.verbs.embed import embed

    found = embed(model, data, progress=True, **options)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(str(found))
    click.echo(f"features  {printable(str(options['out']))}", err=True)
    return 0
