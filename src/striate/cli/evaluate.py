"""`striate evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("evaluate", cls=VerbCommand, model="EvaluateOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.argument(
    "data",
    help="Labeled images; without it, those the run was given.",
    type=FILE,
    required=False,
)
@as_json
def command(model: Path, data: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Evaluate a model on labeled images.

    Example: striate evaluate runs/photos-resnet18 photos --out report.html
    """
    early.check_model(model)
    if data is not None:
        early.check_photos(data)
    early.tell_of_run(model)
    from striate.cli.lazy import verbs

    evaluation, distorted = verbs.evaluate_and_distort(model, data, **options)
    if as_json:
        more = {"invariance": distorted.to_json()} if distorted else {}
        print_json({**evaluation.to_json(), **more})
    else:
        click.echo("\n\n".join(str(each) for each in (evaluation, distorted) if each))
    stored = [
        name
        for option, name in (("calibrate", "temperature"), ("save_threshold", "threshold"))
        if options.get(option)
    ]
    if stored:
        held = " and ".join(stored)
        click.echo(f"{printable(str(model))}: its model file now holds this {held}", err=True)
    return 0
