"""`striate forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("forecast", cls=VerbCommand, model="ForecastOptions")
@click.argument("data", help="A class-folder tree, manifest or array file.", type=FILE)
@as_json
def command(data: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Foretell what twice the training images would bring.

    Example: striate forecast photos --out forecast.svg
    """
    early.check_photos(data)
    from striate.cli.lazy import verbs

    found = verbs.forecast(data, progress=True, **options)
    place = options.get("out")
    if as_json:
        print_json({**found.to_json(), **({"files": {"forecast": str(place)}} if place else {})})
    else:
        click.echo(str(found))
        if place:
            click.echo(f"\nforecast  {printable(str(place))}")
    return 0
