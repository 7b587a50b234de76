"""`striate find-rate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli.output import print_json
from striate.cli.verb import FILE, Verb, as_json
from striate.errors import printable


@click.command("find-rate", cls=Verb, model="RateOptions")
@click.argument("photos", help="A class-folder tree, manifest or array file.", type=FILE)
@click.option("--recipe", type=FILE, metavar="FILE", help="Take options from a TOML file.")
@as_json
def command(photos: Path, recipe: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Find a learning rate: take steps at rising rates until the loss explodes; leave no run.

    Exits with 1 when no rate lowered the loss. Example: striate find-rate photos --out rates.svg
    """
    from striate.cli.loading import verbs

    test = verbs.find_rate(photos, recipe=recipe, progress=True, **options)
    place = options.get("out")
    if as_json:
        files = {"files": {"plot": str(place)}} if place else {}
        print_json({**test.to_json(), **files})
    else:
        click.echo(str(test))
        if place:
            click.echo(f"\nplot  {printable(str(place))}")
        if test.suggested is not None:
            click.echo(f"\ntrain with the same options and --learning-rate {test.suggested:.2g}")
    return 0 if test.suggested is not None else 1
