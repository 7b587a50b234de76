"""Networks that begin with the weights of others, beside other libraries."""

from __future__ import annotations

from typing import Any

from tabulated import contest
from tabulated.grid import grid, listed, measured_on, spread


def frozen(record: dict[str, Any]) -> str:
    """All but the last layer frozen, from the same tensors: seconds of the whole process."""
    if record["question"] != "frozen":
        return ""
    entries = record["contenders"]
    lean = contest.peak(entries[contest.leanest(entries)])
    head = (
        f"{contest.asked(record)} {contest.conditions(record)} ratio: seconds over those of "
        "striate; memory ratio: peak over that of the leanest other library."
    )
    rows = [(name, *contest.cells(entry, lean)) for name, entry in entries.items()]
    table = grid(contest.HEADS, ["---", *["---:"] * (len(contest.HEADS) - 1)], rows)
    verdict = contest.quickest(entries, contest.OURS)
    return f"{head}\n\n{table}\n\n{verdict}\n\n{contest.used(entries)}\n"


def photographs(record: dict[str, Any]) -> str:
    """What each does with photographs if asked for nothing else."""
    if record["question"] != "photographs":
        return ""
    entries, parts = record["contenders"], record["images"]
    head = (
        f"**{record['data']}**: {parts['train']:,} photographs of {record['classes']} classes to "
        f"train on, {parts['validation']:,} to validate, accuracy on {parts['test']:,} to test. "
        f"{contest.conditions(record)} ratio: seconds over those of striate."
    )
    rows = [
        (
            name,
            entry["recipe"],
            spread(entry["seconds"], 1),
            f"{entry['ratio']:.2f}",
            contest.right(entry),
        )
        for name, entry in entries.items()
    ]
    heads = ("contender", "recipe", "seconds", "ratio", "accuracy (95% interval)")
    table = grid(heads, ["---", "---", *["---:"] * 3], rows)
    return f"{head}\n\n{table}\n\n{contest.used(entries)}\n"


def defaults(record: dict[str, Any]) -> str:
    """Accuracy on validation of each change from what striate does by itself."""
    parts, changes = record["images"], record["changes"]
    tested = changes["default"]["test"][0]
    head = (
        f"**{record['data']}**: {record['classes']} classes, {parts['train']:,} photographs to "
        f"train on, {parts['validation']:,} to validate. The default has {tested['value']:.1%} "
        f"({tested['low']:.1%} to {tested['high']:.1%}) of {parts['test']:,} test photographs "
        f"right. {measured_on(record)}. Means of n = {record['n']} seeds, least and most in "
        "brackets, each at its best epoch."
    )
    rows = [
        (name, f"{entry['validation']:.1%} ({entry['min']:.1%} to {entry['max']:.1%})")
        for name, entry in changes.items()
    ]
    table = grid(("change", "right on validation"), ["---", "---:"], rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"
