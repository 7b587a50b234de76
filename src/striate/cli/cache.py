"""`striate cache`."""

from __future__ import annotations

import time

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("cache", cls=VerbCommand)
@click.option("--clear", is_flag=True, help="Remove all entries that no running process uses.")
@click.option(
    "--largest",
    metavar="GIGABYTES",
    help="Remove the least recently used until at most this remains.",
)
@as_json
def command(clear: bool, largest: str | None, as_json: bool) -> int:
    """List or clear cached images.

    Decoded images are kept for the next run. Example: striate cache --largest 5
    """
    from striate import cache_store
    from striate.cache_store import default_folder

    folder = default_folder()
    most = (
        0
        if clear
        else None
        if largest is None
        else cache_store.parse_gigabytes(largest, "--largest")
    )
    removed = [] if most is None else cache_store.evict(folder, most)
    packs = cache_store.list_entries(folder)
    if as_json:
        lists = {"packs": packs, "removed": removed}
        print_json(
            {"folder": str(folder)}
            | {name: [pack.to_json() for pack in found] for name, found in lists.items()}
        )
        return 0
    for pack in packs:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(pack.used))
        state = "  in use" if pack.busy else ""
        click.echo(f"{pack.bytes / 1e6:>10,.1f} MB  {day}  {printable(pack.about)}{state}")
    total = sum(pack.bytes for pack in packs) / 1e6
    gone = f"; {sum(pack.bytes for pack in removed) / 1e6:,.1f} MB removed" if removed else ""
    click.echo(f"{total:>10,.1f} MB in {printable(str(folder))}{gone}")
    return 0
