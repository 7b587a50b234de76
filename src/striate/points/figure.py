"""Figures of a training on points: decision regions after chosen epochs, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate import storage
from striate.plotting.chart import Axis, Cells, Chart, Line, Rule
from striate.plotting.grid import draw_grid
from striate.plotting.ink import encode
from striate.plotting.png import to_png
from striate.plotting.shapes import PAPER, PEN, SOFT, Picture, rgb
from striate.plotting.svg import to_svg
from striate.plotting.ticks import format_tick
from striate.points.backprop import DenseNetwork, forward
from striate.points.history import History, Snapshot
from striate.samples import Points
from striate.text import count_noun, format_percent, shorten

#: color of each class: Okabe and Ito 2008, "Color universal design"
COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#f0e442", "#000000",
)  # fmt: skip
_ACROSS = 3  #: panels in a row
_LONGEST = 36  #: most letters of a class's name in the legend
_WIDE, _HIGH = 270.0, 288.0  #: of a panel: its plot is about as high as wide
_CELLS = 240  #: of a decision region, along a side
_BANDS = 8  #: shades of a class
_PALE = 0.5  #: share of the color in the strongest shade
_MARGIN = 0.08  #: around the points, of their reach
_ALIKE = 4  #: most that one reach may be of the other to be drawn to the same scale
_DOT, _RIM, _FEW = 2.6, 1.0, 500  #: radius, white around it; points from which dots are smaller
_DRAWN = 300  #: points of a curve

Limits = tuple[float, float]


def draw_history(history: History) -> Picture:
    """Draw the decision regions after the chosen epochs with all points, and the losses."""
    panels = [
        _panel(history, snapshot, f"epoch {snapshot.epoch:,}") for snapshot in history.snapshots
    ]
    rows = [panels[at : at + _ACROSS] for at in range(0, len(panels), _ACROSS)]
    across = min(len(panels), _ACROSS)
    if len(rows[-1]) == across and across > 1:
        rows.append([])
    rows[-1].append(_losses(history, _WIDE * max(1, across - len(rows[-1]))))
    names = (shorten(name, _LONGEST) for name in history.train.class_names)
    colors = zip(names, COLORS, strict=False)
    return draw_grid(rows, history.title, _note(history), colors)


def draw_comparison(histories: Sequence[History], title: str) -> Picture:
    """Draw what each training decides at its end, under the name of its points and network."""
    panels = [_panel(history, history.snapshots[-1], history.title) for history in histories]
    rows = [panels[at : at + _ACROSS] for at in range(0, len(panels), _ACROSS)]
    return draw_grid(rows, title)


def write_figure(history: History, path: Path) -> None:
    """Write what `draw_history` draws as a .svg or .png file, atomically. Raises StorageError."""
    picture = draw_history(history)
    storage.write(path, to_svg(picture) if path.suffix.lower() == ".svg" else to_png(picture))


def draw_regions(
    network: DenseNetwork, across: Limits, up: Limits, cells: int = _CELLS
) -> Image.Image:
    """Color the plane by the network's answers, paler where it is less sure; white is undecided."""
    x = (np.arange(cells) + 0.5) / cells
    grid = np.stack(
        np.meshgrid(across[0] + x * (across[1] - across[0]), up[1] - x * (up[1] - up[0])), axis=-1
    )
    probabilities = forward(network, grid.reshape(-1, 2))[-1]
    classes = probabilities.shape[1]
    sure = (probabilities.max(axis=1) * classes - 1) / (classes - 1)
    bands = np.minimum((sure * _BANDS).astype(int), _BANDS - 1)
    colors = np.array([rgb(color) for color in COLORS])
    shades = (np.arange(_BANDS) + 0.5) / _BANDS * _PALE
    palette = 255 + shades[None, :, None] * (colors[:, None] - 255)
    image = Image.fromarray(
        (probabilities.argmax(axis=1) * _BANDS + bands).astype(np.uint8).reshape(cells, cells)
    )
    image.putpalette(np.rint(palette).astype(np.uint8).tobytes())
    return image


def _note(history: History) -> str:
    counts = [count_noun(len(part), "point") for part in (history.train, history.test)]
    return f"dots: {counts[0]} to train on; rings: {counts[1]} to test with"


def _panel(history: History, snapshot: Snapshot, title: str) -> Chart:
    every = np.concatenate([history.train.xy, history.test.xy])
    across, up = _limits(every)
    cells = Cells(encode(draw_regions(snapshot.network, across, up), "png", optimize=True),
                  _CELLS, _CELLS, across, up)  # fmt: skip
    shares = [format_percent(score.accuracy) for score in (snapshot.train, snapshot.test)]
    caption = f"accuracy {shares[0]} (test {shares[1]})"
    return Chart(
        (cells, *_dots(history.train, history.test)),
        title,
        Axis(caption, across),
        Axis(limits=up),
        width=_WIDE,
        height=_HIGH,
    )


def _limits(xy: NDArray[np.float32]) -> tuple[Limits, Limits]:
    """Return limits of x and y around the points, as far apart unless the reaches differ much."""
    least, most = xy.min(axis=0).astype(float), xy.max(axis=0).astype(float)
    reach = most - least
    if reach.max() <= _ALIKE * reach.min() or not reach.all():
        reach[:] = reach.max() or 1
    ends = [(least + most) / 2 + side * reach * (0.5 + _MARGIN) for side in (-1, 1)]
    across, up = np.transpose(ends).tolist()
    return (across[0], across[1]), (up[0], up[1])


def _dots(train: Points, test: Points) -> Iterator[Line]:
    """Yield the points on white rims: discs to train on, rings to test with."""
    size = max(0.4, min(1.0, (_FEW / (len(train) + len(test))) ** 0.5))
    for part, ring in ((train, 0.0), (test, 1.4 * size)):
        every = _points(part.xy)
        yield Line(every, color=PAPER["light"], width=0, radius=size * (_DOT + _RIM))
        for label in range(len(part.class_names)):
            own = _points(part.xy[part.labels == label])
            yield Line(own, color=COLORS[label], width=0, radius=size * _DOT, ring=ring)


def _points(xy: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    return tuple((x, y) for x, y in xy.tolist())


def _losses(history: History, width: float) -> Chart:
    last = len(history.scores) - 1
    epochs = np.unique(np.geomspace(1, last, _DRAWN).astype(int)).tolist()
    train, test = (
        tuple((epoch, history.scores[epoch][part].loss) for epoch in epochs) for part in (0, 1)
    )
    drawn = (snapshot.epoch for snapshot in history.snapshots if snapshot.epoch)
    return Chart(
        (
            *(Rule(epoch, width=1, dashes=(2, 3)) for epoch in drawn),
            Line(train, "training", PEN, opacity=SOFT, dashes=(5, 3)),
            Line(test, "test"),
        ),
        "Loss",
        Axis("epoch", (1, last), log=True, show=format_tick),
        width=width,
        height=_HIGH,
    )
