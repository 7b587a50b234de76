"""`striate verify`."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json


@click.command("verify", cls=VerbCommand)
@click.argument("run", help="The folder of a run.", type=FILE)
@click.option(
    "--network", metavar="TEXT", help="The custom network of the run, as in mynet.py:Net."
)
@as_json
def command(run: Path, network: str | None, as_json: bool) -> int:
    """Replay a run's last steps bit for bit.

    Writes nothing; exits with 1 when anything differs. Example: striate verify runs/photos-resnet18
    """
    early.check_run(run)
    from striate.cli.lazy import verbs

    replay = verbs.verify(run, network=network, progress=True)
    if as_json:
        print_json(replay.to_json())
    else:
        click.echo(str(replay))
    return 0 if replay.same else 1
