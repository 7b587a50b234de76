"""What each task reaches on real images."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, measured_on

SPLITS = ("train", "validation", "test")
HEADS = (
    "task",
    "data",
    "images",
    "network",
    "figure",
    "95% interval",
    "constant answer",
    "minutes",
    "CPU minutes",
    "others",
)


def tasks(records: list[dict[str, Any]]) -> str:
    """A row for each data set, and below it where and when they were measured."""
    table = grid(HEADS, [*["---"] * 4, *["---:"] * 6], map(row, records))
    inside = [f"`{record['data']}`" for record in records if not_told_apart(record)]
    verdict = (
        f"The constant answer lies within the interval of {', '.join(inside)}: so many test images "
        "do not show that the network does better."
    )
    origins = [
        f"{record['data']}: {measured_on(record)}; {listed(record['versions'])}."
        for record in records
    ]
    return "\n\n".join([table, *([verdict] if inside else []), *origins]) + "\n"


def not_told_apart(record: dict[str, Any]) -> bool:
    """Whether the interval of the leading figure holds that of the constant answer."""
    first, *_ = record["scores"]
    return first["low"] <= record["baseline"]["value"] <= first["high"]


def row(record: dict[str, Any]) -> tuple[str, ...]:
    first, *_ = record["scores"]
    images = " + ".join(f"{record['images'][split]:,}" for split in SPLITS)
    return (
        record["task"],
        f"`{record['data']}`, of {record['source']}",
        images,
        f"`{record['network']}`, {record['size']} pixels, {record['epochs']} epochs",
        f"{first['name']} **{first['shown']}**",
        first["interval"],
        record["baseline"]["shown"],
        f"{record['minutes']:.1f}",
        f"{record['cpu_minutes']:.1f}",
        f"{record['others']:.0%}",
    )
