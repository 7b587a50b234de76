"""What each task reaches on real images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from statistics import fmean, stdev
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
    "to beat",
    "without a network",
    "minutes",
    "CPU minutes",
    "MB",
    "recipe",
)
UNITS = {"image": "pixels", "signal": "samples", "sequence": "letters"}
LESS = ("MAE", "Fréchet distance")  #: leading figures of which less is better
Z95 = 1.96  #: half-width of a 95 % interval of the normal distribution, in standard errors
#: best figure known to us on the same split, for orientation: another size, machine and time
PUBLISHED = {
    "street-masks": (
        "mean IoU 66.9 % by FC-DenseNet103, trained without other images at 480x360 pixels on a "
        "GPU ([Jégou et al. 2017](https://arxiv.org/abs/1611.09326), table 3)"
    ),
}


def tasks(
    records: list[dict[str, Any]],
    forests: list[dict[str, Any]],
    plain: list[dict[str, Any]],
) -> str:
    """A row for each data set; below it what others reach, and where and when it was measured.

    `forests` are on single pixels; `plain` is what else is reached without a network.
    """
    rivals = {each["data"]: each for each in plain}
    for each in forests:
        iou = each["answers"]["forest on color and position"]["mean_iou"]["value"]
        rivals[each["data"]] = {"way": "forest", "value": iou}
    rows = (row(record, rivals.get(record["data"])) for record in records)
    table = grid(HEADS, [*["---"] * 4, *["---:"] * 7, "---"], rows)
    names = [record["data"] for record in records]
    beside = [without_network(each) for each in forests if each["data"] in names]
    beside += [by_class(record) for record in records if len(record.get("classes", ())) > 1]
    beside += [f"Published for `{name}`: {PUBLISHED[name]}." for name in names if name in PUBLISHED]
    verdicts = [*not_better(records, rivals)]
    return "\n\n".join([table, *verdicts, *beside, *origins(records)]) + "\n"


def not_better(records: list[dict[str, Any]], rivals: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Name the data on which the test images do not show that the network does better."""
    beat = {each["data"]: each["baseline"]["value"] for each in records}
    gains = {each["data"]: each.get("gain") for each in records}
    others = {name: rival["value"] for name, rival in rivals.items()}
    pairs = {each["data"]: paired(each, rivals.get(each["data"])) for each in records}
    for what, values, apart in (
        ("what is to beat", beat, gains),
        ("what does without a network", others, pairs),
    ):
        close = [
            f"`{name}`"
            for record in records
            if (name := record["data"]) in values
            and not better(record["scores"][0], values[name], apart[name])
        ]
        if close:
            yield (
                f"The test images do not show that the network does better than {what} on "
                f"{', '.join(close)}: image by image where that is known, else by its interval."
            )


def better(first: dict[str, Any], value: float, gain: dict[str, float] | None) -> bool:
    """Whether a leading figure is better than a value: by the gain of images, or the interval."""
    if gain:
        return gain["low"] > 0
    return value > first["high"] if first["name"] in LESS else value < first["low"]


def paired(record: dict[str, Any], rival: dict[str, Any] | None) -> dict[str, float] | None:
    """The gain over a rival, image by image, with its interval; None where that is unknown."""
    if rival is None or "each" not in record or "each" not in rival:
        return None
    gains = [mine - other for mine, other in zip(record["each"], rival["each"], strict=True)]
    mean, half = fmean(gains), Z95 * stdev(gains) / len(gains) ** 0.5
    return {"value": mean, "low": mean - half, "high": mean + half}


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


def row(record: dict[str, Any], rival: dict[str, Any] | None) -> tuple[str, ...]:
    first = record["scores"][0]
    baseline, name = record["baseline"], record["data"]
    megabytes, unit = record.get("megabytes"), UNITS[record.get("inputs", "image")]
    return (
        record["task"],
        f"`{name}`, {'' if record['source'] == 'drawn' else 'of '}{record['source']}",
        " + ".join(f"{record['images'].get(split, 0):,}" for split in SPLITS),
        f"`{record['network']}`, {record['size']} {unit}, {record['epochs']} epochs",
        f"{first['name']} **{first['shown']}**",
        first["interval"],
        f"{baseline['shown']} ({baseline['rule']})" + apart(record.get("gain")),
        f"{shown_as(first, rival['value'])} ({rival['way']})" + apart(paired(record, rival))
        if rival
        else "–",
        f"{record['minutes']:.1f}",
        f"{record['cpu_minutes']:.1f}",
        f"{megabytes:.1f}" if megabytes else "–",
        f"`{name}.toml`",
    )


def apart(gain: dict[str, float] | None) -> str:
    """Say by how much the network is better, image by image; "" where that is unknown."""
    return "; {value:+.2f} ({low:+.2f} to {high:+.2f})".format(**gain) if gain else ""


def shown_as(first: dict[str, Any], value: float) -> str:
    """Write a value with the unit and the digits of the leading figure."""
    number, _, unit = first["shown"].partition(" ")
    share = unit == "%" and abs(float(number)) > 10 * abs(first["value"])
    digits = len(number.partition(".")[2])
    return f"{value * 100 if share else value:.{digits}f} {unit}".rstrip()
