"""`striate describe`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from striate import storage
from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import OptionError

if TYPE_CHECKING:
    from striate.summary import Summary

_FORMS: dict[str, Callable[[Summary], str | bytes]] = {
    ".csv": lambda summary: summary.to_csv(),
    ".md": lambda summary: summary.to_markdown(),
    ".svg": lambda summary: summary.to_svg(),
    ".png": lambda summary: summary.to_png(),
}


@click.command("describe", cls=VerbCommand)
@click.argument(
    "network",
    help="A network's name, mynet.py:Net, or a run; or several.",
    nargs=-1,
    required=True,
)
@click.option("--size", type=click.IntRange(1), metavar="PIXELS", help="Input height and width.")
@click.option("--channels", type=click.IntRange(1), metavar="NUMBER", help="Input channels.")
@click.option("--classes", type=int, metavar="NUMBER", help="Number of classes.")
@click.option(
    "--network", "code", metavar="TEXT", help="The custom network of a run, as in mynet.py:Net."
)
@click.option("--folded", is_flag=True, help="One row per block.")
@click.option("--out", type=FILE, help="Write a table (.csv, .md) or drawing (.svg, .png).")
@click.option(
    "--batch",
    type=click.IntRange(1, 2**20),
    metavar="NUMBER",
    help="Show memory at this batch size.",
)
@as_json
def command(
    network: Sequence[str],
    size: int | None,
    channels: int | None,
    classes: int | None,
    code: str | None,
    folded: bool,
    out: Path | None,
    batch: int | None,
    as_json: bool,
) -> int:
    """Show a network's layers: shapes, costs, receptive fields.

    Several networks are compared side by side, with their speed on this machine.
    Example: striate describe resnet50 --folded --out resnet50.svg
    """
    sizes = {"size": size, "channels": channels, "classes": classes}
    if len(network) > 1 and (folded or out is not None or batch or code):
        raise OptionError(
            "--folded, --batch, --out and --network are for one network, but several came"
        )
    if out is not None:
        storage.check_suffix(out, tuple(_FORMS))
        storage.check_output(out, ())
    early.check_networks(network)
    from striate.cli.lazy import verbs

    if len(network) > 1:
        compared = verbs.compare_networks(*network, **sizes)
        print_json(compared.to_json()) if as_json else click.echo(repr(compared))
        return 0
    summary = verbs.describe(network[0], None, **sizes, code=code)
    memory = verbs.memory(network[0], batch=batch, **sizes, code=code) if batch else None
    summary = summary.folded() if folded else summary
    if out is not None:
        storage.write(out, _FORMS[out.suffix.lower()](summary))
    if as_json:
        print_json(summary.to_json() | ({"memory": memory.to_json()} if memory else {}))
    elif out is None:
        click.echo(f"{summary}\n\n{memory}" if memory else str(summary))
    elif memory:
        click.echo(str(memory))
    return 0
