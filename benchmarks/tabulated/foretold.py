"""What was foretold of twice the images, and what they brought."""

from __future__ import annotations

from statistics import mean
from typing import Any

from tabulated.grid import grid, listed, measured_on


def forecast(record: dict[str, Any]) -> str:
    """How often the intervals held, for each part that was forecast."""
    images = record["images"]
    head = (
        f"**{record['data']}**: {images['train']:,} images to train on, "
        f"{images['validation']:,} to validate and {images['test']:,} to test; features of "
        f"{record['source']}. {measured_on(record)}; {record['seeds']} random parts of each "
        f"fraction. The forecast of all images took {record['seconds']:.0f} s once their features "
        f"were there: {record['verdict']}."
    )
    rows = [row(fraction, trials) for fraction, trials in record["trials"].items()]
    heads = (
        "forecast from", "could tell", "accuracy held, validation", "accuracy held, test",
        "gain foretold", "gain on average", "gain held",
    )  # fmt: skip
    table = grid(heads, ["---:"] * len(heads), rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"


def row(fraction: str, trials: list[dict[str, Any]]) -> tuple[str, ...]:
    """Of all forecasts; in brackets of those that could tell."""
    gained = mean(trial["gained"] for trial in trials)
    told = [trial for trial in trials if trial["told"]]
    held, held_told = (
        sum(trial["gain"][1] <= gained <= trial["gain"][2] for trial in each)
        for each in (trials, told)
    )
    value, low, high = (100 * mean(trial["gain"][at] for trial in trials) for at in range(3))
    return (
        f"{float(fraction):.0%} of them",
        f"{len(told)} of {len(trials)}",
        *(hits(trials, split) for split in ("validation", "test")),
        f"{value:.1f} ({low:.1f} to {high:.1f})",
        f"{100 * gained:.1f}",
        f"{held} of {len(trials)} ({held_told} of {len(told)})",
    )


def hits(trials: list[dict[str, Any]], split: str) -> str:
    """How many doubles had an accuracy within the interval."""
    found = [
        trial["twice"][0] <= each <= trial["twice"][1] for trial in trials for each in trial[split]
    ]
    return f"{sum(found)} of {len(found)}"
