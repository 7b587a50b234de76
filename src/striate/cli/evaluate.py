"""`striate evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from striate.cli.output import Json, print_json


def command(
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")],
    photos: Annotated[Path, typer.Argument(help="Pictures whose classes are known.")],
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> int:
    """Judge a model on pictures whose classes are known.

    Example: striate evaluate runs/photos-resnet18 photos --part test --out report.html
    """
    from striate import verbs

    evaluation = verbs.evaluate(model, photos, **options)
    if as_json:
        print_json(evaluation.to_json())
    else:
        typer.echo(str(evaluation))
    return 0
