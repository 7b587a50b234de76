"""Make the figures of the page about signals, which are kept in the repository.

python scripts/make_plots.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from striate.plotting.shapes import INK, PAPER
from striate.summary.drawing_shapes import COLORS
from striate.vision import convolve, correlate, downsample, kernel, sample, upsample

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, LEFT, RIGHT = 640, 52, 12
HIGH, ABOVE, GAP = 100, 24, 14  # of a panel, of its title, below it
STYLE = (
    "<style>"
    f".plot{{color:{INK['light']}}} .paper{{fill:{PAPER['light']}}} "
    f"@media (prefers-color-scheme:dark){{.plot{{color:{INK['dark']}}} "
    f".paper{{fill:{PAPER['dark']}}}}}</style>"
)
END = 'text-anchor="end"'
FAINT = 'stroke="currentColor" stroke-opacity=".4"'
STRONG = f'stroke="{COLORS["dense"]}" stroke-width="1.5"'
DOTS = f'stroke="{COLORS["convolution"]}" stroke-width="5" stroke-linecap="round"'


@dataclass(frozen=True)
class Line:
    values: np.ndarray
    look: str
    dots: bool = False
    every: int = 1  #: places from one value to the next


@dataclass(frozen=True)
class Panel:
    title: str
    lines: tuple[Line, ...]


def plot(name: str, title: str, panels: Sequence[Panel]) -> None:
    """Panels below each other, with the same places along and the same values up."""
    lines = [line for panel in panels for line in panel.lines]
    low = min(0.0, *(line.values.min() for line in lines))
    high = max(line.values.max() for line in lines)
    long = max((len(line.values) - 1) * line.every for line in lines)
    height = len(panels) * (ABOVE + HIGH + GAP)
    drawn = []
    for at, panel in enumerate(panels):
        top = at * (ABOVE + HIGH + GAP) + ABOVE

        def place(x: float, y: float, top: int = top) -> str:
            across = LEFT + (WIDTH - LEFT - RIGHT) * x / long
            return f"{across:.1f} {top + HIGH * (high - y) / (high - low):.1f}"

        drawn.append(f'<text x="{LEFT}" y="{top - 8}">{panel.title}</text>')
        for mark in sorted({low, 0.0, high}):
            _, down = place(0, mark).split()
            drawn.append(f'<text x="{LEFT - 8}" y="{float(down) + 4}" {END}>{mark:.3g}</text>')
        drawn.append(f'<path d="M{place(0, 0)}L{place(long, 0)}" {FAINT}/>')
        for line in panel.lines:
            points = [place(x * line.every, y) for x, y in enumerate(line.values)]
            path = "".join(f"M{p}h0" for p in points) if line.dots else f"M{'L'.join(points)}"
            drawn.append(f'<path d="{path}" {line.look}/>')
    save(
        name,
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" class="plot" fill="none" '
        f"style=\"font:12px system-ui,'Helvetica Neue',Arial,sans-serif\">\n"
        f'<title>{title}</title>\n{STYLE}\n<rect width="100%" height="100%" class="paper"/>\n'
        f"{chr(10).join(drawn)}\n</svg>\n",
    )


def save(name: str, text: str) -> None:
    target = IMAGES / name
    target.write_text(text.replace("<text", '<text fill="currentColor"'), "utf-8")
    print(f"{target}: {target.stat().st_size:,} bytes")


def ecg() -> None:
    heart = sample("ecg")[:600].astype(float)
    noisy = heart + np.random.default_rng(0).normal(0, 20, 1024)[:600]
    panels = [Panel("with noise", (Line(noisy, STRONG),))]
    for size in (7, 41):
        smooth = correlate(noisy, kernel("box", size=size, axes=1), border="replicate")
        lines = Line(heart, FAINT), Line(smooth, STRONG)
        panels.append(Panel(f"the mean of {size} samples, over the ECG without noise", lines))
    plot("signals-ecg.svg", "An ECG with noise, smoothed by box filters", panels)


def steps() -> None:
    step = np.repeat([0.0, 1.0], [20, 20])
    panels = []
    for spelled in ("box(9, axes=1)", "gaussian(9, axes=1)", "-0.5 0 2 0 -0.5"):
        answer = convolve(step, kernel(spelled), border="replicate")
        lines = Line(step, FAINT), Line(answer, STRONG), Line(answer, DOTS, dots=True)
        panels.append(Panel(spelled, lines))
    plot("signals-steps.svg", "What kernels make of a step", panels)


def fills() -> None:
    few = np.array([1.0, 3, 2, 2, 4, 0.5, 1, 3])
    panels = []
    for fill in ("zero", "nearest", "linear", "cubic"):
        more = upsample(few, 8, fill)
        lines = Line(more, STRONG), Line(few, DOTS, dots=True, every=8)
        panels.append(Panel(fill, lines))
    plot("signals-upsample.svg", "Eight samples, and what is put between them", panels)


def rings() -> None:
    """The zone plate as it is, then reduced without and with a filter, at the same size."""
    plate = sample("zone-plate")
    parts = [plate, *(downsample(plate, 4, antialias=filtered) for filtered in (False, True))]
    large = [upsample(part, 256 // len(part), "nearest") for part in parts]
    gap = np.full((256, 8), 255)
    row = np.hstack([large[0], gap, large[1], gap, large[2]])
    Image.fromarray(np.uint8(np.round(row))).save(IMAGES / "signals-rings.png", optimize=True)


if __name__ == "__main__":
    for make in (ecg, steps, fills, rings):
        make()
