"""`striate generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand
from striate.errors import OptionError, printable


@click.command("generate", cls=VerbCommand, model="GenerateOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
def command(model: Path, options: dict[str, Any]) -> int:
    """Make new images with a model that was trained to.

    Example: striate generate runs/photos-dcgan --count 100 --out made
    """
    if "out" not in options:
        raise OptionError("generate needs --out with the folder to write, as in --out made")
    early.check_model(model)
    from striate.cli.lazy import verbs as verbs
    from striate.verbs.generate import write_images

    folder, count = write_images(model, progress=True, **options)
    click.echo(f"{count:,} images  {printable(str(folder))}")
    return 0
