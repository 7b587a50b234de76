"""`striate compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("compare", cls=VerbCommand, model="CompareOptions")
@click.argument("data", help="A class-folder tree, manifest or array file.", type=FILE)
@as_json
def command(data: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Compare networks within a time, by successive halving.

    The same command goes on where it was stopped or killed. Example: striate compare photos
    --networks lenet5,resnet20,mobilenet_v1 --minutes 30
    """
    from striate.options import CompareOptions

    early.check_networks(CompareOptions.read(options, flags=True).networks)
    early.check_photos(data)
    from striate.cli.lazy import verbs

    found = verbs.compare(data, **options)
    if as_json:
        print_json(found.to_json())
    else:
        place = printable(str(found.folder))
        click.echo(str(found))
        click.echo(f"\nreport   {place}/report.md\npicture  {place}/comparison.svg")
    return 0
