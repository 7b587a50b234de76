"""An image for the front page: how long from a folder to a model, a bar for each contender."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from tabulated.contest import OURS, OWN, others

TITLES = {
    "digits": "Digits, LeNet-5",
    "cifar10": "CIFAR-10, ResNet-20",
    "large": "320x240 photos, ResNet-18 at 224 pixels",
}
WIDE, ROW, BAR = 720, 20, 13  #: pixels
NAMES, NUMBERS = 150, 90  #: pixels to the left and to the right of the longest bar
HEAD, GAP = 26, 14  #: above the bars of a set of images, and below
STYLE = (
    "<style>.bars{color:#1f2328}.paper{fill:#fff}.own{fill:#4c78c9}.peer{fill:#9aa3ad}"
    "@media (prefers-color-scheme:dark){.bars{color:#e6e8eb}.paper{fill:#16181c}}</style>"
)


def bars(records: Iterable[dict[str, Any]]) -> str:
    """Median seconds of striate, of its own recipe, and of the others at equal epochs, as SVG."""
    parts, y = list[str](), 0
    for record in records:
        entries = record["contenders"]
        shown = [name for name in (OWN, OURS, *others(entries)) if name in entries]
        seconds = {name: entries[name]["seconds"]["median"] for name in shown}
        parts.append(_text(0, y + 16, TITLES[record["data"]], ' font-weight="bold"'))
        y += HEAD
        for name in sorted(seconds, key=seconds.__getitem__):
            parts += _bar(y, name, seconds[name], seconds[name] / max(seconds.values()))
            y += ROW
        y += GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 {WIDE + 20} {y + 10}" '
        'class="bars" font-family="sans-serif" font-size="13" role="img">'
    )
    title = "<title>Seconds from a folder of images to a validated model</title>"
    paper = '<rect x="-10" y="-10" width="100%" height="100%" class="paper"/>'
    return "\n".join([head, title, STYLE, paper, *parts, "</svg>", ""])


def _bar(y: int, name: str, seconds: float, share: float) -> list[str]:
    long = share * (WIDE - NAMES - NUMBERS)
    sort = "own" if name.startswith(OURS) else "peer"
    middle = y + ROW // 2 + 4
    return [
        _text(NAMES - 8, middle, name, ' text-anchor="end"'),
        f'<rect x="{NAMES}" y="{y + 4}" width="{long:.1f}" height="{BAR}" class="{sort}"/>',
        _text(NAMES + long + 6, middle, f"{seconds:.1f} s"),
    ]


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" fill="currentColor"{more}>{escape(text)}</text>'
