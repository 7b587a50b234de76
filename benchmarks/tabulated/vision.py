"""Changes of images, correlations, and the search of a template."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, spread

UNCHANGED = {"scale": 1}  #: the strength of a change that changes nothing, where it is not 0


def augmentation(record: dict[str, Any]) -> str:
    """Milliseconds a batch: median, least and most."""
    head = (
        f"**{record['data']}**: measured {record['date']} on {record['device']}, "
        f"{record['threads']} threads, other processes running; medians of n = {record['n']}, "
        "least and most in brackets; ratio: time over that of striate."
    )
    rows = [
        (name, spread(entry["milliseconds"], 1), f"{entry['ratio']:.1f}")
        for name, entry in record["contenders"].items()
    ]
    table = grid(("contender", "milliseconds a batch", "ratio"), ("---", "---:", "---:"), rows)
    versions = ", ".join(f"{peer} {number}" for peer, number in record["versions"].items())
    return f"{head}\n\n{table}\n\n{versions}\n"


def template_against_network(record: dict[str, Any]) -> str:
    """Precision, recall and F1 on unchanged digits, then F1 on changed ones."""
    finders, curves = record["finders"], record["curves"]
    head = (
        f"{record['digits']:,} digits, {record['sought']} of them threes. Measured "
        f"{record['date']} on {record['machine']['cpu']}, {record['threads']} threads, "
        f"with torch {record['versions']['torch']}; n = 1."
    )
    heads = ("finder", "precision", "recall", "F1", "trained, s", "one search, s")
    rows = [
        (
            name,
            *(f"{entry[key]:.2f}" for key in ("precision", "recall", "f1")),
            f"{entry['training_seconds']:.0f}" if "training_seconds" in entry else "–",
            f"{entry['seconds']:.2f}",
        )
        for name, entry in finders.items()
    ]
    names = list(next(iter(curves.values()))["f1"])
    changed = [
        (f"{kind} {strength:g}", *(f"{curve['f1'][name][at]:.2f}" for name in names))
        for kind, curve in curves.items()
        for at, strength in enumerate(curve["strengths"])
        if strength != UNCHANGED.get(kind, 0)
    ]
    first = grid(heads, ["---", *["---:"] * 5], rows)
    second = grid(("change", *names), ["---", *["---:"] * len(names)], changed)
    return f"{head}\n\n{first}\n\nF1 when every digit is changed:\n\n{second}\n"


def correlation(record: dict[str, Any]) -> str:
    """Milliseconds of a call, and striate's over those of the quickest other."""
    machine, kernels = record["machine"], record["kernels"]
    can = f" with {', '.join(machine['instructions'])}" if machine["instructions"] else ""
    names = list(next(iter(kernels.values())))
    head = (
        f"**{record['data']}**, gray, float32, milliseconds of a call. Measured {record['date']} "
        f"on {machine['cpu']}{can}; {record['threads']} threads, {machine['system']}, Python "
        f"{machine['python']}. Medians of n = {record['n']}, least and most in brackets; ratio: "
        f"striate over the quickest other; –: not raced, since a call took {record['limit']:g} s "
        "or more."
    )
    rows = list[tuple[str, ...]]()
    for kernel, entry in kernels.items():
        others = [times["median"] for name, times in entry.items() if times and name != "striate"]
        ratio = f"{entry['striate']['median'] / min(others):.2f}"
        rows.append((kernel, ratio, *(milliseconds(entry[name]) for name in names)))
    heads = ("kernel", "ratio", *(f"`{name}`" if "." in name else name for name in names))
    table = grid(heads, ["---", *["---:"] * (1 + len(names))], rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"


def milliseconds(seconds: dict[str, float] | None) -> str:
    if seconds is None:
        return "–"
    return spread({name: value * 1e3 for name, value in seconds.items()}, 2)
