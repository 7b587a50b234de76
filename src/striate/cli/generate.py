"""`striate generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand
from striate.errors import OptionError, printable
from striate.text import count_noun


@click.command("generate", cls=VerbCommand, model="GenerateOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
def command(model: Path, options: dict[str, Any]) -> int:
    """Make new images with a model that was trained to.

    Example: striate generate runs/photos-dcgan --count 100 --out made
    """
    if not {"out", "grid"} & options.keys():
        raise OptionError(
            "generate needs --out with the folder to write, as in --out made, or --grid with a "
            "picture to draw, as in --grid made.png"
        )
    early.check_model(model)
    from striate.cli.lazy import verbs as verbs
    from striate.verbs.generate import write_images

    folder, count = write_images(model, progress=True, **options)
    place = folder or Path(options["grid"])
    click.echo(f"{count_noun(count, 'image')}  {printable(str(place))}")
    return 0
