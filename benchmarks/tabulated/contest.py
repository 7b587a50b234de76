"""From a folder to a model, beside other libraries."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, measured_on, spread

OURS, OWN = "striate", "striate, own recipe"
LEAN = 1.2  #: most memory beside that of the leanest peer
HEADS = (
    "contender",
    "seconds",
    "ratio",
    "CPU seconds",
    "images/s",
    "accuracy (95% interval)",
    "peak MB",
    "memory ratio",
)


def folder_to_model(record: dict[str, Any]) -> str:
    """The engine alone: seconds of the whole process, median, least and most."""
    entries = {name: entry for name, entry in record["contenders"].items() if name != OWN}
    lean = leanest(entries)
    head = (
        f"{asked(record)} {conditions(record)} ratio: seconds over those of striate; memory "
        "ratio: peak over that of the leanest other library."
    )
    memory = peak(entries[OURS]) / peak(entries[lean])
    verdict = (
        f"{quickest(entries, OURS)} At its peak striate held {memory:.2f} times the memory of "
        f"{lean}, the leanest of them; at most {LEAN:g} is the goal."
    )
    rows = [(name, *cells(entry, peak(entries[lean]))) for name, entry in entries.items()]
    table = grid(HEADS, ["---", *["---:"] * (len(HEADS) - 1)], rows)
    return f"{head}\n\n{table}\n\n{verdict}\n\n{used(entries)}\n"


def equal_accuracy(record: dict[str, Any]) -> str:
    """Whatever recipe reaches what the others reach: seconds until then."""
    entries = record["contenders"]
    if OWN not in entries:
        return ""
    head = (
        f"{asked(record)} Only {OWN} trains otherwise. {conditions(record)} ratio: seconds over "
        f"those of {OWN}."
    )
    own = entries[OWN]
    rows = [
        (
            name,
            entry["recipe"] or f"{record['epochs']} epochs, batch {record['batch']}",
            spread(entry["seconds"], 1),
            f"{entry['seconds']['median'] / own['seconds']['median']:.2f}",
            right(entry),
        )
        for name, entry in entries.items()
    ]
    heads = ("contender", "recipe", "seconds", "ratio", "accuracy (95% interval)")
    table = grid(heads, ["---", "---", *["---:"] * 3], rows)
    return f"{head}\n\n{table}\n\n{quickest(entries, OWN)} {equally_right(entries)}\n"


def asked(record: dict[str, Any]) -> str:
    parts = record["images"]
    return (
        f"**{record['data']}**: {record['network']}, {parts['train']:,} images to train on, "
        f"{parts['validation']:,} to validate, {record['epochs']} epochs, batch {record['batch']}."
    )


def conditions(record: dict[str, Any]) -> str:
    return (
        f"{measured_on(record)}; other processes took at most {record['others']:.0%} of the CPU. "
        f"Medians of n = {record['n']}, least and most in brackets;"
    )


def cells(entry: dict[str, Any], least: float) -> tuple[str, ...]:
    return (
        spread(entry["seconds"], 1),
        f"{entry['ratio']:.2f}",
        spread(entry["cpu_seconds"], 1),
        spread(entry["images_per_second"], 0),
        right(entry),
        spread(entry["peak_megabytes"], 0),
        f"{peak(entry) / least:.2f}",
    )


def right(entry: dict[str, Any]) -> str:
    share = entry["accuracy"]
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def quickest(entries: dict[str, Any], ours: str) -> str:
    """How far the best of the others is behind."""
    took = {name: entries[name]["seconds"]["median"] for name in others(entries)}
    best = min(took, key=took.__getitem__)
    ratio = took[best] / entries[ours]["seconds"]["median"]
    return f"The quickest other library, {best}, took {ratio:.2f} times as long as {ours}."


def equally_right(entries: dict[str, Any]) -> str:
    """Whether the interval of the own recipe reaches that of the best of the others."""
    shares = {name: entries[name]["accuracy"] for name in others(entries)}
    best = max(shares, key=lambda name: shares[name]["value"])
    reaches = entries[OWN]["accuracy"]["high"] >= shares[best]["low"]
    return (
        f"Its interval {'overlaps' if reaches else 'stays below'} that of {best}, "
        "the one most often right."
    )


def others(entries: dict[str, Any]) -> list[str]:
    return [name for name in entries if not name.startswith("striate")]


def leanest(entries: dict[str, Any]) -> str:
    return min(others(entries), key=lambda name: peak(entries[name]))


def peak(entry: dict[str, Any]) -> float:
    return entry["peak_megabytes"]["median"]


def used(entries: dict[str, Any]) -> str:
    return listed({k: v for entry in entries.values() for k, v in entry["versions"].items()})
