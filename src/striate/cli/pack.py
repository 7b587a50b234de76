"""`striate pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json


@click.command("pack", cls=VerbCommand, model="PackOptions")
@click.argument("data", help="A folder, or a manifest.", type=FILE)
@click.option("--to", metavar="PATH", type=FILE, required=True, help="Folder to write.")
@as_json
def command(data: Path, to: Path, as_json: bool, options: dict[str, Any]) -> int:
    """Pack images into WebDataset shards.

    They are tar files with an index, and can be trained on. What cannot be used is left out.
    Example: striate pack photos --to shards
    """
    from striate.verbs.pack import pack

    stowed = pack(data, to, progress=True, **options)
    if as_json:
        print_json(stowed.to_json())
    else:
        click.echo(str(stowed))
    return 0
