"""Detection: its speed, which regions cover objects, and what it takes to look at them."""

from __future__ import annotations

from statistics import median
from typing import Any

from tabulated.grid import grid, listed, measured_on, spread

_WAYS = {
    "learned": "proposed by the network",
    "search": "selective search, `propose_regions`",
    "windows": "windows at random places, as large as boxes to train on",
    "random": "boxes with random corners",
}


def detection(record: dict[str, Any]) -> str:
    """Seconds of whole processes, images a second, and how many times as fast."""
    rows = list[tuple[str, ...]]()
    for what, contenders in record["took"].items():
        ours, images = contenders["striate"], record["images"][what]
        for name, turns in contenders.items():
            ratios = {
                key: median(turn[key] / own[key] for turn, own in zip(turns, ours, strict=True))
                for key in ("seconds", "cpu_seconds")
            }
            rows.append(
                (
                    f"{what}, {images:,} images",
                    name,
                    *(_spread([turn[key] for turn in turns]) for key in ratios),
                    f"{median(images / turn['cpu_seconds'] for turn in turns):.2f}",
                    *(f"{ratio:.1f}" for ratio in ratios.values()),
                )
            )
    rounds = len(record["took"]["train"]["striate"])
    others = median(
        turn["others"]
        for contenders in record["took"].values()
        for turns in contenders.values()
        for turn in turns
    )
    head = (
        f"**{record['data']}**, {record['side']} pixels, batch {record['batch']}, epochs: "
        f"{record['epochs']}, each with {record['validation']} validation images. "
        f"{measured_on(record)}; {listed(record['versions'])}. n = {rounds}; other processes took "
        f"{others:.0%} of the machine, so that CPU seconds tell more than those of the clock. "
        "Ratios: time over that of striate."
    )
    heads = (
        "what",
        "contender",
        "seconds",
        "CPU seconds",
        "images a CPU second",
        "ratio",
        "CPU ratio",
    )
    return f"{head}\n\n{grid(heads, ['---', '---', *['---:'] * 5], rows)}\n"


def region_recall(record: dict[str, Any]) -> str:
    """The share of true boxes that are covered, by where regions come from and how many."""
    counts = list(record["recall"]["learned"])
    rows = [
        (_WAYS[way], *(_share(shares[count]) for count in counts), f"{record['seconds'][way]:.2f}")
        for way, shares in record["recall"].items()
    ]
    head = (
        f"**{record['data']}**: {record['boxes']:,} boxes in {record['images']} validation images, "
        "by the number of regions; 95% intervals of images drawn anew. The network is "
        f"`{record['network']}` at {record['size']} pixels; its CPU seconds are those of all of "
        f"it, for {counts[-1]} regions. {measured_on(record)}; {listed(record['versions'])}."
    )
    heads = ("regions", *counts, "CPU seconds an image")
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * (len(counts) + 1)], rows)}\n"


def region_looks(record: dict[str, Any]) -> str:
    """Processor seconds of both ways to look at regions."""
    once, each = record["looks"]["once"], record["looks"]["each"]
    rows = [
        (
            count,
            _spread(once[count], 2),
            _spread(each[count], 2),
            f"{median(each[count]) / median(once[count]):.1f}",
        )
        for count in once
    ]
    head = (
        "Seconds of one processor for an image of 640x480 pixels; medians of n = "
        f"{len(once['1'])}, {len(once['1000'])} in the last row, least and most in brackets. "
        f"{measured_on(record)}; "
        f"{listed(record['versions'])}."
    )
    heads = ("regions", "`regions:resnet18`, map once", "`resnet18`, each cut out", "times")
    return f"{head}\n\n{grid(heads, ['---:'] * 4, rows)}\n"


def _share(share: dict[str, float]) -> str:
    return f"{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _spread(values: list[float], digits: int = 0) -> str:
    return spread({"median": median(values), "min": min(values), "max": max(values)}, digits)
