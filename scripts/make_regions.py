"""Make the figure of the page on regions, of what benchmarks/regions.py measured last.

python scripts/make_regions.py
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from striate.plotting.chart import Axis, Chart, Line
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import BLUE, GREEN, ORANGE, PURPLE
from striate.plotting.svg import to_svg
from striate.text import format_percent

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "images" / "regions.svg"
RESULTS = ROOT / "benchmarks" / "results" / "regions.jsonl"
#: name and color of each line
LOOKS = {"once": ("map once, head for each", BLUE), "each": ("each cut out", ORANGE)}
WAYS = {
    "learned": ("proposed by the network", BLUE),
    "search": ("selective search", ORANGE),
    "windows": ("windows of known sizes", GREEN),
    "random": ("random corners", PURPLE),
}
WIDE, HIGH = 400, 280


def main() -> None:
    record = json.loads(RESULTS.read_text("utf-8").splitlines()[-1])
    charts = [look_seconds(record), covered(record)]
    note = f"right: {record['boxes']:,} cells in {record['images']} images"
    FILE.write_text(to_svg(draw_grid([charts], "Regions of an image", note)), "utf-8")


def look_seconds(record: dict[str, Any]) -> Chart:
    taken = {
        way: [(int(count), median(seconds)) for count, seconds in found.items()]
        for way, found in record["looks"].items()
    }
    counts = [count for count, _ in taken["once"]]
    return Chart(
        lines(LOOKS, taken),
        "Processor seconds to look at regions",
        Axis("regions of one image", (counts[0], counts[-1]), log=True),
        Axis(log=True),
        WIDE,
        HIGH,
    )


def covered(record: dict[str, Any]) -> Chart:
    shares = {
        way: [(int(count), share["value"]) for count, share in found.items()]
        for way, found in record["recall"].items()
    }
    counts = [count for count, _ in shares["learned"]]
    return Chart(
        lines(WAYS, shares),
        "Share of cells that a region covers by half",
        Axis("regions of each image", (counts[0], counts[-1]), log=True),
        Axis("", (0, 1), show=lambda share: format_percent(share, 0)),
        WIDE,
        HIGH,
    )


def lines(
    names: dict[str, tuple[str, str]], points: dict[str, list[tuple[int, float]]]
) -> tuple[Line, ...]:
    return tuple(
        Line(tuple(points[key]), label, color, radius=3) for key, (label, color) in names.items()
    )


if __name__ == "__main__":
    main()
