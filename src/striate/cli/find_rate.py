"""`striate find-rate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable
from striate.text import shell_command


@click.command("find-rate", cls=VerbCommand, model="RateOptions")
@click.argument("data", help="A class-folder tree, manifest or array file.", type=FILE)
@click.option("--recipe", type=FILE, metavar="FILE", help="Take options from a TOML file.")
@as_json
def command(data: Path, recipe: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Suggest a learning rate.

    A range test: steps at rising rates until the loss explodes; it leaves no run. Exits with 1 when
    no rate lowered the loss. Example: striate find-rate photos --out rates.svg
    """
    early.check_photos(data)
    from striate.cli.lazy import verbs

    test = verbs.find_rate(data, recipe=recipe, progress=True, **options)
    place = options.get("out")
    if as_json:
        files = {"files": {"plot": str(place)}} if place else {}
        print_json({**test.to_json(), **files})
    else:
        click.echo(str(test))
        if place:
            click.echo(f"\nplot  {printable(str(place))}")
        if test.suggested is not None:
            command = _training(data, recipe, options, f"{test.suggested:.2g}")
            click.echo(f"\ntrain with it:  {command}")
    return 0 if test.suggested is not None else 1


def _training(data: Path, recipe: Path | None, options: dict[str, Any], rate: str) -> str:
    """Return the training command with the options of this test and a learning rate."""
    from striate.options import StepOptions, positional, words

    shared = {name: value for name, value in options.items() if name in StepOptions.model_fields}
    given = words({"recipe": recipe, **shared, "learning_rate": rate})
    return shell_command(["striate", "train", positional(data), *given])
