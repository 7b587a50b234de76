"""The files that a comparison leaves in its folder: a page in Markdown, its picture, its values."""

from __future__ import annotations

import json

from striate import storage
from striate.plotting.png import to_png
from striate.plotting.svg import to_svg
from striate.studies.compare_plot import draw_comparison
from striate.studies.comparison import COSTS, Comparison
from striate.text import markdown_table

_NOTE = (
    "All were trained by successive halving and judged on the same validation images. The best of "
    "several is judged a little too well by the images that chose it"
)
_TESTED = "; the test images were used once, for the best network alone."
_UNTESTED = ", and there are no test images to judge it anew."


def write_comparison(comparison: Comparison) -> None:
    """Write `report.md`, `comparison.svg`, `comparison.png` and `comparison.json`."""
    folder, picture = comparison.folder, draw_comparison(comparison)
    storage.write(folder / "comparison.svg", to_svg(picture))
    storage.write(folder / "comparison.png", to_png(picture))
    text = json.dumps(comparison.to_json(), indent=2, allow_nan=False)
    storage.write(folder / "comparison.json", text + "\n")
    storage.write(folder / "report.md", _page(comparison))


def _page(comparison: Comparison) -> str:
    frontier = (
        f"- {label}: {', '.join(each.network for each in comparison.frontier(cost))}"
        for cost, label in COSTS.items()
    )
    return "\n".join((
        "# Comparison of networks",
        "",
        markdown_table(comparison.rows(), left=(0,)),
        "",
        *(f"- {line}" for line in comparison.verdict()),
        "",
        "![Validation figure against costs](comparison.png)",
        "",
        "Networks that no other beats at the same cost or less, the cheapest first:",
        "",
        *frontier,
        "",
        _NOTE + (_TESTED if comparison.test else _UNTESTED),
        "",
    ))  # fmt: skip
