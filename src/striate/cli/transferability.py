"""`striate transferability`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("transferability", cls=VerbCommand, model="TransferabilityOptions")
@click.argument("a", help="A folder of images, on which the first network is trained.", type=FILE)
@click.argument(
    "b", help="Another, to which its stages are transferred.", type=FILE, required=False
)
@as_json
def command(a: Path, b: Path | None, as_json: bool, options: dict[str, Any]) -> int:
    """Measure how far the stages of a network trained on A serve B.

    Trains on B with the first n stages of A, frozen and fine-tuned, and with those of B.
    Example: striate transferability animals machines --network resnet20 --epochs 10
    """
    from striate.options import TransferabilityOptions

    TransferabilityOptions.read(options).check_sides(b)
    for data in (a, b):
        if data is not None:
            early.check_photos(data)
    if network := options.get("network"):
        early.check_networks([network])
    from striate.cli import lazy as lazy
    from striate.verbs.transferability import transferability

    study = transferability(a, b, progress=True, **options)
    if as_json:
        print_json(study.to_json())
    else:
        place = printable(str(study.folder))
        click.echo(f"{study}\n\nplot     {place}/transferability.svg, transferability.png")
        click.echo(f"figures  {place}/transferability.json")
    return 0
