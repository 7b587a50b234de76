"""Predicting folders of photographs beside other libraries, and the memory that it takes."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, measured_on, spread

HEADS = ("contender", "seconds", "ratio", "CPU seconds", "images/s", "peak MB")
KINDS = {
    "names": "names on standard input, without decoding",
    "folder": "names in one folder, without decoding",
    "decoded": "small images, decoded",
}


def predict_speed(record: dict[str, Any]) -> str:
    """Seconds of the whole process, median, least and most."""
    entries = record["contenders"]
    width, height = record["pixels"]
    head = (
        f"{record['images']:,} JPEGs of {width:,}x{height:,} pixels and "
        f"{record['kilobytes']:,} kB, {record['network']} at 224 pixels; n = {record['n']}. "
        f"{measured_on(record)}. ratio: seconds over those of striate."
    )
    versions = {name: at for entry in entries.values() for name, at in entry["versions"].items()}
    rows = [
        (
            name,
            spread(entry["seconds"], 1),
            f"{entry['ratio']:.2f}",
            spread(entry["cpu_seconds"], 1),
            spread(entry["images_per_second"], 1),
            f"{entry['peak_megabytes']['median']:,.0f}",
        )
        for name, entry in entries.items()
    ]
    return f"{head}\n\n{grid(HEADS, ['---', *['---:'] * 5], rows)}\n\n{listed(versions)}\n"


def predict_memory(record: dict[str, Any]) -> str:
    """Peak memory of the process that predicts, without those that decode."""
    rows = [
        (KINDS[kind], f"{int(count):,}", f"{found['peak_mib']:,.0f}", f"{found['seconds']:,.0f}")
        for kind, counts in record["kinds"].items()
        for count, found in counts.items()
    ]
    table = grid(("images", "number", "peak MiB", "seconds"), ("---", *["---:"] * 3), rows)
    return f"{measured_on(record)}.\n\n{table}\n"


def cold_start(record: dict[str, Any]) -> str:
    """Seconds from the command to its end, median, least and most."""
    rows = [
        (f"`{name}`", spread(found["seconds"], 2), spread(found["cpu_seconds"], 2))
        for name, found in record["commands"].items()
    ]
    head = f"n = {record['n']}. {measured_on(record)}; other processes "
    head += f"took {record['others']:.0%} of them."
    heads = "command", "seconds", "CPU seconds"
    return f"{head}\n\n{grid(heads, ['---', '---:', '---:'], rows)}\n"


PRICES = (0.01, 0.02, 0.05, 0.10)  #: of an hour of a core, for the reader to put in another
BILLION = 1e9


def fleet(record: dict[str, Any]) -> str:
    """Core hours of a billion images, by the processor's time, and what they cost."""
    head = (
        f"JPEGs of {record['data']} pixels, {record['network']} at 224 pixels, "
        f"a worker on each core; n = {record['n']}, at most {record['others']:.0%} of the machine "
        f"was others'. {measured_on(record)}."
    )
    rows = list[tuple[str, ...]]()
    for name, entry in record["engines"].items():
        hours = BILLION / entry["per_cpu_second"]["median"] / 3600
        rows.append(
            (
                name,
                spread(entry["per_cpu_second"], 1),
                f"{entry['per_second']['median']:,.1f}",
                f"{hours:,.0f}",
                *(f"{hours * price:,.0f}" for price in PRICES),
            )
        )
    heads = (
        *("engine", "images a second of a core", "by the clock", "core hours a billion"),
        *(f"at {price:.2f} an hour" for price in PRICES),
    )
    table = grid(heads, ("---", *["---:"] * (3 + len(PRICES))), rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"
