"""What each task reaches on real images."""

from __future__ import annotations

from itertools import groupby
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
    "second figure",
    "minutes",
    "CPU minutes",
    "others",
)
#: best figure known to us on the same split, for orientation: another size, machine and time
PUBLISHED = {
    "street-masks": (
        "mean IoU 66.9 % by FC-DenseNet103, trained without other images at 480x360 pixels on a "
        "GPU ([Jégou et al. 2017](https://arxiv.org/abs/1611.09326), table 3)"
    ),
}


def tasks(records: list[dict[str, Any]], floors: list[dict[str, Any]]) -> str:
    """A row for each data set; below it what others reach, and where and when it was measured."""
    table = grid(HEADS, [*["---"] * 4, *["---:"] * 7], map(row, records))
    inside = [f"`{record['data']}`" for record in records if not_told_apart(record)]
    verdict = (
        f"The constant answer lies within the interval of {', '.join(inside)}: so many test images "
        "do not show that the network does better."
    )
    names = [record["data"] for record in records]
    beside = [without_network(floor) for floor in floors if floor["data"] in names]
    beside += [by_class(record) for record in records if len(record.get("classes", ())) > 1]
    beside += [f"Published for `{name}`: {PUBLISHED[name]}." for name in names if name in PUBLISHED]
    return "\n\n".join([table, *([verdict] if inside else []), *beside, *origins(records)]) + "\n"


def not_told_apart(record: dict[str, Any]) -> bool:
    """Whether the interval of the leading figure holds that of the constant answer."""
    first, *_ = record["scores"]
    return first["low"] <= record["baseline"]["value"] <= first["high"]


def without_network(record: dict[str, Any]) -> str:
    """Mean IoU of each answer without a network, with its interval."""
    shares = (
        (name, answer["mean_iou"], answer.get("minutes"))
        for name, answer in record["answers"].items()
    )
    shown = ", ".join(
        f"{name} {iou['value']:.1%} ({iou['low']:.1%} to {iou['high']:.1%}"
        + (f", {minutes:.1f} minutes)" if minutes else ")")
        for name, iou, minutes in shares
    )
    where = f"`{record['data']}`, of {record['size']} pixels, without a network"
    return f"Mean IoU on {where}: {shown}."


def by_class(record: dict[str, Any]) -> str:
    """The AP of each class, the best first."""
    best = sorted(record["classes"].items(), key=lambda pair: -pair[1])
    shown = ", ".join(f"{name} {value:.1%}" for name, value in best)
    return f"AP at 0.5 on `{record['data']}` by class: {shown}."


def origins(records: list[dict[str, Any]]) -> list[str]:
    """Where and when each row was measured; rows of one origin share a sentence."""

    def origin(record: dict[str, Any]) -> str:
        return f"{measured_on(record)}; {listed(record['versions'])}."

    ordered = sorted(records, key=origin)
    return [
        f"{', '.join(record['data'] for record in same)}: {where}"
        for where, same in groupby(ordered, key=origin)
    ]


def row(record: dict[str, Any]) -> tuple[str, ...]:
    first, *others = record["scores"]
    second = next((f"{score['name']} {score['shown']}" for score in others), "–")
    interval = f" ({others[0]['interval']})" if others else ""
    images = " + ".join(f"{record['images'][split]:,}" for split in SPLITS)
    return (
        record["task"],
        f"`{record['data']}`, of {record['source']}",
        images,
        f"`{record['network']}`, {record['size']} pixels, {record['epochs']} epochs",
        f"{first['name']} **{first['shown']}**",
        first["interval"],
        record["baseline"]["shown"],
        f"{second}{interval}",
        f"{record['minutes']:.1f}",
        f"{record['cpu_minutes']:.1f}",
        f"{record['others']:.0%}",
    )
