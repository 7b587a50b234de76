"""Writes docs/tables/*.md from benchmarks/results/*.jsonl; --check only says whether they agree.

python benchmarks/tables.py [--check]

The last line a file has for each set of pictures, or device, becomes a table. Needs the standard
library alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TABLES = ROOT / "docs" / "tables"
HEADS = (
    "contender",
    "seconds",
    "ratio",
    "CPU seconds",
    "pictures/s",
    "accuracy (95% interval)",
    "peak MB",
)
UNCHANGED = {"scale": 1}  #: the strength of a change that changes nothing, where it is not 0
NOT_YET = "Not measured yet: `make bench`.\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if they differ")
    check = parser.parse_args().check
    different = [path for path, text in tables() if not path.is_file() or path.read_text() != text]
    if check:
        for path in different:
            print(f"{path.relative_to(ROOT)} differs from the results", file=sys.stderr)
        return int(bool(different))
    TABLES.mkdir(parents=True, exist_ok=True)
    for path, text in tables():
        path.write_text(text)
    return 0


def tables() -> Iterable[tuple[Path, str]]:
    """Each table's file and what it must hold."""
    for name, table in QUESTIONS.items():
        results = RESULTS / f"{name}.jsonl"
        lines = results.read_text().splitlines() if results.is_file() else []
        last = {record["data"]: record for record in map(json.loads, lines)}
        body = "\n".join(table(record) for record in last.values()) or NOT_YET
        origin = f"<!-- made by benchmarks/tables.py from benchmarks/results/{name}.jsonl -->"
        yield TABLES / f"{name}.md", f"{origin}\n\n{body}"


def folder_to_model(record: dict[str, Any]) -> str:
    """Seconds of the whole process: median, least and most."""
    parts, machine = record["pictures"], record["machine"]
    can = f" with {', '.join(machine['instructions'])}" if machine["instructions"] else ""
    versions = {k: v for c in record["contenders"].values() for k, v in c["versions"].items()}
    head = (
        f"**{record['data']}**: {record['network']}, {parts['train']:,} pictures to train on, "
        f"{parts['validation']:,} to validate, {record['epochs']} epochs, batch {record['batch']}. "
        f"Measured {record['date']} on {machine['cpu']}{can}; {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {record['threads']} threads, {machine['system']}, "
        f"Python {machine['python']}; other processes took at most {record['others']:.0%} of the "
        f"CPU. Medians of n = {record['n']}, least and most in brackets; "
        "ratio: seconds over those of striate."
    )
    rows = [contender(name, entry) for name, entry in record["contenders"].items()]
    rule = ["---", *["---:"] * (len(HEADS) - 1)]
    table = grid(HEADS, rule, rows)
    return f"{head}\n\n{table}\n\n{', '.join(f'{k} {v}' for k, v in sorted(versions.items()))}\n"


def contender(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    right = entry["accuracy"]
    return (
        name,
        spread(entry["seconds"], 1),
        f"{entry['ratio']:.2f}",
        spread(entry["cpu_seconds"], 1),
        spread(entry["pictures_per_second"], 0),
        f"{right['value']:.1%} ({right['low']:.1%} to {right['high']:.1%})",
        spread(entry["peak_megabytes"], 0),
    )


def peak_memory(record: dict[str, Any]) -> str:
    """What striate tells beside what torch takes, in MB."""
    networks = record["networks"]
    layouts = list(next(iter(networks.values()))["inference"]["took"])
    head = (
        f"Batch {record['batch']}, bytes beyond weights. Measured {record['date']} on "
        f"{record['device']} with torch {record['versions']['torch']}; n = 1, since nothing varies."
    )
    heads = ("network", "pass", "told, MB", *(f"taken, {layout}, MB" for layout in layouts))
    rows = list[tuple[str, ...]]()
    for name, passes in networks.items():
        for way, entry in passes.items():
            told = entry["told"]
            took = (f"{t / 1e6:,.1f} ({told / t - 1:+.1%})" for t in entry["took"].values())
            rows.append((name, way, f"{told / 1e6:,.1f}", *took))
    return f"{head}\n\n{grid(heads, ['---', '---', *['---:'] * (1 + len(layouts))], rows)}\n"


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
        f"**{record['data']}**, grey, float32, milliseconds of a call. Measured {record['date']} "
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
    versions = ", ".join(f"{k} {v}" for k, v in sorted(record["versions"].items()))
    return f"{head}\n\n{table}\n\n{versions}\n"


def million(record: dict[str, Any]) -> str:
    """Seconds and peaks of memory of each question, for each number of pictures."""
    sets = {int(count): entry for count, entry in record["sets"].items()}
    machine, (few, many) = record["machine"], sorted(sets)[:: max(1, len(sets) - 1)]
    head = (
        f"Grey JPEGs of 28x28 pixels in {record['data']}. Measured {record['date']} on "
        f"{machine['cpu']}, {machine['cores']} cores, other processes running; n = 1."
    )
    names = {"list": "listed", "check": "checked", "train": "trained, to the first report"}
    rows = list[tuple[str, ...]]()
    for question, name in names.items():
        entries = [sets[count][question] for count in sorted(sets)]
        cells = (
            f"{entry['seconds']:,.1f} s, {entry['own'] / 1e6:,.0f} ({entry['resident'] / 1e6:,.0f})"
            for entry in entries
        )
        grown = (sets[many][question]["own"] - sets[few][question]["own"]) / (many - few)
        rows.append((name, *cells, f"{grown:,.0f}"))
    heads = (
        "",
        *(f"{count:,} pictures: time, peak MB (with mapped files)" for count in sorted(sets)),
        "bytes for each more picture",
    )
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * (len(heads) - 1)], rows)}\n"


def scaled_decoding(record: dict[str, Any]) -> str:
    """Milliseconds of a picture, whole and scaled, and how far the pixels are apart."""
    machine = record["machine"]
    head = (
        f"Processor time of a picture for 224x224 pixels. Measured {record['date']} on "
        f"{machine['cpu']}, one core, with Pillow {record['versions']['pillow']}; medians of n = "
        f"{record['n']}, least and most in brackets."
    )
    rows = [
        (
            size,
            f"{entry['bytes'] / 1e3:,.0f} kB",
            spread(entry["whole"], 1),
            spread(entry["scaled"], 1),
            f"{entry['whole']['median'] / entry['scaled']['median']:.1f}",
            f"{entry['difference']:.2f}",
        )
        for size, entry in record["sizes"].items()
    ]
    heads = ("pixels", "file", "whole, ms", "scaled, ms", "ratio", "mean difference, of 255")
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * 5], rows)}\n"


def milliseconds(seconds: dict[str, float] | None) -> str:
    if seconds is None:
        return "–"
    return spread({name: value * 1e3 for name, value in seconds.items()}, 2)


def grid(heads: Sequence[str], rule: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def spread(values: dict[str, float], digits: int) -> str:
    median, least, most = (f"{values[key]:,.{digits}f}" for key in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


QUESTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "correlation": correlation,
    "folder_to_model": folder_to_model,
    "augmentation": augmentation,
    "million": million,
    "peak_memory": peak_memory,
    "scaled_decoding": scaled_decoding,
    "template_against_network": template_against_network,
}


if __name__ == "__main__":
    sys.exit(main())
