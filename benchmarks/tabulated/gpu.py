"""What a GPU did."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, spread


def cifar(record: dict[str, Any]) -> str:
    """Seconds and accuracy of each contender."""
    head = (
        f"{record['images']['train']:,} images to learn from, "
        f"{record['images']['validation']:,} to judge by, on {record['device']}, measured "
        f"{record['date']}; medians, least and most in brackets; {record['goal']:.0%} right is the "
        "goal."
    )
    rows = [
        (
            name,
            str(entry["n"]),
            spread(entry["seconds"], 2),
            f"{entry['accuracy']['mean']:.2%}",
            f"{entry['accuracy']['min']:.2%} to {entry['accuracy']['max']:.2%}",
        )
        for name, entry in record["contenders"].items()
    ]
    heads = ("contender", "n", "seconds", "right, mean", "least to most")
    return (
        f"{head}\n\n{grid(heads, ['---', *['---:'] * 4], rows)}\n\n{listed(record['versions'])}\n"
    )


def resnet(record: dict[str, Any]) -> str:
    """Images a second, from the pack and from nowhere."""
    head = (
        f"{record['side']}x{record['side']} pixels, batch {record['batch']}, augmentation "
        f"{record['augment']}, on {record['device']}, measured {record['date']}. Images a "
        f"second, medians of n = {record['n']}, least and most in brackets; a share of "
        f"{record['goal']:.0%} is the goal."
    )
    rows = [
        (
            name,
            *(spread(rates, 0) for rates in entry["images_per_second"].values()),
            f"{entry['ratio']:.1%}",
        )
        for name, entry in record["networks"].items()
    ]
    sources = next(iter(record["networks"].values()))["images_per_second"]
    heads = ("network", *sources, "share")
    return (
        f"{head}\n\n{grid(heads, ['---', *['---:'] * 3], rows)}\n\n{listed(record['versions'])}\n"
    )
