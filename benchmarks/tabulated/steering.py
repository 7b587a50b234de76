"""Tables of steering by a picture of the road."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean
from typing import Any

from tabulated.grid import grid, listed, measured_on

_SCENES = ("country", "shadows", "unmarked", "snow", "night")
_WAYS = {
    "country": "trained on country roads",
    "scenes": "trained on a fifth of each scene",
    "ridge": "ridge regression on 24x16 pixels, country",
    "median": "median of country roads",
}
_PLACES = ("edges", "edges of another")
_SIDES = {
    "country": "country roads, bends to both sides",
    "one way": "bends to the left",
    "mirrored": "bends to the left, mirrored with the sign",
}


def steering(record: dict[str, Any]) -> str:
    """Errors in every scene, errors on either side, and what speaks for the edges."""
    runs = record["runs"]
    minutes = mean(run["errors"]["country"]["minutes"] for run in runs)
    head = (
        f"Mean absolute error in degrees on {record['judged']} roads of each kind: the mean of "
        f"{len(runs)} trainings, each on {record['images']:,} roads of its own, with the least and "
        f"the most; {minutes:.1f} minutes of one core a training."
    )
    tables = [
        _table("by scene", _WAYS, _SCENES, runs),
        _table("trained on", _SIDES, ("left", "right"), runs),
    ]
    return "\n\n".join([head, *tables, _edges(runs), _origin(record)]) + "\n"


def _table(
    title: str, ways: dict[str, str], tests: tuple[str, ...], runs: list[dict[str, Any]]
) -> str:
    rows = [
        (name, *(_spread(run["errors"][way]["errors"][test] for run in runs) for test in tests))
        for way, name in ways.items()
    ]
    return grid((title, *tests), ["---", *["---:"] * len(tests)], rows)


def _edges(runs: list[dict[str, Any]]) -> str:
    """Say how strong maps are on edges, and what blurring these costs."""
    ours, random = (
        [_spread(run["edges"]["maps"][network][place] for run in runs) for place in _PLACES]
        for network in ("trained", "random weights")
    )
    plain, own, others = (
        _spread(run["edges"]["errors where blurred"][place] for run in runs)
        for place in ("nothing", *_PLACES)
    )
    return (
        f"Occlusion maps are {ours[0]} times as strong on the edges of the road as in the whole "
        f"picture, and {ours[1]} times on the places where another road has its edges; with random "
        f"weights {random[0]} and {random[1]}. The error of {plain} degrees becomes {own} where "
        f"the edges are blurred, and {others} where those of another road are."
    )


def _spread(values: Iterable[float]) -> str:
    found = list(values)
    return f"{mean(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def _origin(record: dict[str, Any]) -> str:
    return f"{measured_on(record)}; {listed(record['versions'])}."
