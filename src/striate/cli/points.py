"""`striate points`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import printable


@click.command("points", cls=VerbCommand, model="PointsOptions")
@click.argument(
    "points", default="moons", help="moons, rings, spirals, checkerboard, or a CSV of x, y, label."
)
@as_json
def command(points: str, as_json: bool, options: dict[str, Any]) -> int:
    """Train a dense network on points in the plane; draw its decision regions.

    Points are drawn by name or read from a CSV file.
    Example: striate points moons --layers 8,8 --at 1,10,100,1000
    """
    from striate import storage
    from striate.options import PointsOptions
    from striate.samples.csv_points import load_points

    loaded = load_points(points, PointsOptions.read(options).arguments)
    from striate.cli import lazy as lazy
    from striate.points import train_points, write_figure

    history = train_points(loaded, **options)
    place = options.get("out")
    if place is None:
        place = storage.free_name(Path(f"points-{Path(points).stem}.png"))
        write_figure(history, place)
    if as_json:
        print_json({**history.to_json(), "files": {"figure": str(place)}})
    else:
        click.echo(f"{history}\n\nfigure  {printable(str(place))}")
    return 0
