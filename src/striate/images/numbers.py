"""The verb `numbers`: pixel values, statistics and histograms of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.errors import OptionError, printable
from striate.images.image import LoadedImage, load_image
from striate.plotting.chart import Axis, Bars, Chart
from striate.plotting.chart_layout import draw_chart
from striate.plotting.svg import to_svg
from striate.text import columns, format_amount, html_table

BINS = 64
_USUAL_SIDE = 8
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ROWS = 4  #: lines per histogram


@dataclass(frozen=True, eq=False)
class Channel:
    """Statistics of one channel."""

    name: str  #: gray, red, green or blue
    least: float
    most: float
    mean: float
    std: float  #: population standard deviation
    counts: tuple[int, ...]  #: histogram with BINS equal bins over the span


@dataclass(frozen=True, eq=False, repr=False)
class Numbers:
    """Shape, channel statistics and a patch of an image."""

    image: LoadedImage
    channels: tuple[Channel, ...]
    span: tuple[float, float]  #: range of the histograms
    corner: tuple[int, int]  #: row and column of the patch's first pixel, from 0
    patch: NDArray[Any]  #: (size, size) or (size, size, 3)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-ready values."""
        return {
            "name": self.image.name,
            "format": self.image.format or None,
            "notes": list(self.image.notes),
            "shape": list(self.image.pixels.shape),
            "dtype": str(self.image.pixels.dtype),
            "channels": [
                {
                    "name": channel.name,
                    "least": channel.least,
                    "most": channel.most,
                    "mean": channel.mean,
                    "std": channel.std,
                    "histogram": list(channel.counts),
                }
                for channel in self.channels
            ],
            "histogram_span": list(self.span),
            "patch": {
                "row": self.corner[0],
                "column": self.corner[1],
                "numbers": self.patch.tolist(),
            },
        }

    def __repr__(self) -> str:
        return "\n".join([*self._head(), "", *self._histograms(), *self._matrices()])

    def _repr_html_(self) -> str:
        title, *notes = self._title()
        row, column = self.corner
        planes = np.moveaxis(np.atleast_3d(self.patch), -1, 0)
        places = tuple(str(column + at) for at in range(self.patch.shape[1]))
        patches = [
            html_table(
                [
                    (f"{channel.name}: row, column", *places),
                    *(
                        (str(row + at), *(format_amount(float(value)) for value in values))
                        for at, values in enumerate(plane)
                    ),
                ],
                left=(),
            )
            for channel, plane in zip(self.channels, planes, strict=True)
        ]
        told = "".join(f"<p>{escape(printable(line))}</p>" for line in (title, *notes))
        bars = "".join(map(self._bars, self.channels))
        return told + html_table(self._rows(), left=(0,)) + bars + "".join(patches)

    def _bars(self, channel: Channel) -> str:
        """Return the histogram of a channel as SVG."""
        least, most = self.span
        edges = tuple(least + (most - least) * at / BINS for at in range(BINS + 1))
        bars = Bars(edges, tuple(map(float, channel.counts)))
        chart = Chart((bars,), channel.name, Axis(limits=self.span), height=180)
        return to_svg(draw_chart(chart), inline=True).strip()

    def _head(self) -> list[str]:
        return [*self._title(), "", *columns(self._rows(), left=(0,))]

    def _title(self) -> list[str]:
        pixels = self.image.pixels
        shape = "x".join(map(str, pixels.shape))
        axes = "height x width" + (" x channels" if pixels.ndim == 3 else "")
        form = f"{self.image.format}, " if self.image.format else ""
        return [f"{self.image.name}: {form}{shape} ({axes}), {pixels.dtype}", *self.image.notes]

    def _rows(self) -> list[tuple[str, ...]]:
        heads = ("channel", "least", "most", "mean", "std")
        rows = [
            (each.name, *map(format_amount, (each.least, each.most)), f"{each.mean:,.4g}",
             f"{each.std:,.4g}")
            for each in self.channels
        ]  # fmt: skip
        return [heads, *rows]

    def _histograms(self) -> list[str]:
        least, most = map(format_amount, self.span)
        lines = list[str]()
        for channel in self.channels:
            lines += [channel.name, *draw_bars(channel.counts)]
            lines += ["▔" * BINS, f"{least}{most:>{BINS - len(least)}}", ""]
        return lines

    def _matrices(self) -> list[str]:
        row, column = self.corner
        high, wide = self.patch.shape[:2]
        where = f"rows {row} to {row + high - 1}, columns {column} to {column + wide - 1}"
        planes = np.moveaxis(np.atleast_3d(self.patch), -1, 0)
        lines = [where]
        for channel, plane in zip(self.channels, planes, strict=True):
            lines += ["", channel.name] if len(planes) > 1 else [""]
            lines += columns(
                [[format_amount(float(v)) for v in values] for values in plane], left=()
            )
        return lines


def numbers(
    image: Any, *, patch: str | Sequence[int] | None = None, largest: int = LARGEST_MEGABYTES
) -> Numbers:
    """Return an image's shape; range, mean, std and histogram of each channel; and a patch.

    The image is a path, "sample:NAME", an array (H, W) or (H, W, 3), or a PIL image. `patch` is
    row, column and size of a square to print, from 0; by default the central 8 x 8 pixels.
    `largest` is in megabytes. Raises DataError for a file that is not an image, OptionError for an
    invalid array and for a patch outside the image.

    >>> striate.numbers("cat.jpg", patch=(0, 0, 4))  # doctest: +SKIP
    """
    asked = None if patch is None else _asked(patch)
    seen = load_image(image, largest)
    row, column, high, wide = _place(asked, seen.pixels.shape[:2])
    planes = np.moveaxis(np.atleast_3d(seen.pixels), -1, 0)
    names = ("gray",) if len(planes) == 1 else ("red", "green", "blue")
    least, most = float(seen.pixels.min()), float(seen.pixels.max())
    span = (0.0, seen.white_level) if least >= 0 and most <= seen.white_level else (least, most)
    return Numbers(
        seen,
        tuple(_channel(name, plane, span) for name, plane in zip(names, planes, strict=True)),
        span,
        (row, column),
        seen.pixels[row : row + high, column : column + wide],
    )


def draw_bars(counts: Sequence[int]) -> list[str]:
    """Draw counts as vertical bars of block characters, the maximum at full height.

    Nonzero counts are at least an eighth of a line high.
    """
    top, eighths = max(counts), 8 * _ROWS
    heights = [-(-count * eighths // top) for count in counts]
    levels = range(_ROWS - 1, -1, -1)
    rows = ("".join(_BLOCKS[min(8, max(0, h - 8 * level))] for h in heights) for level in levels)
    return [row.rstrip() for row in rows]


def _channel(name: str, plane: NDArray[Any], span: tuple[float, float]) -> Channel:
    counts, _ = np.histogram(plane, BINS, span)  # four values per bin for 0 to 255
    return Channel(
        name,
        float(plane.min()),
        float(plane.max()),
        float(plane.mean(dtype=np.float64)),
        float(plane.std(dtype=np.float64)),
        tuple(map(int, counts)),
    )


def _asked(patch: str | Sequence[int]) -> tuple[int, int, int]:
    parts = patch.split(",") if isinstance(patch, str) else list(patch)
    try:
        row, column, size = (int(part) for part in parts)
    except (TypeError, ValueError) as error:
        came = printable(patch if isinstance(patch, str) else repr(patch), 100)
        raise OptionError(
            f"patch must be row,column,size as in 100,40,8, but {came} came"
        ) from error
    if row < 0 or column < 0 or size < 1:
        raise OptionError(
            f"patch begins at row {row} and column {column} with size {size}; "
            "rows and columns count from 0, and the size is at least 1"
        )
    return row, column, size


def _place(asked: tuple[int, int, int] | None, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return row, column, height and width of the patch."""
    high, wide = shape
    if asked is None:
        tall, broad = min(_USUAL_SIDE, high), min(_USUAL_SIDE, wide)
        return (high - tall) // 2, (wide - broad) // 2, tall, broad
    row, column, size = asked
    if row + size > high or column + size > wide:
        raise OptionError(
            f"the patch ends at row {row + size - 1} and column {column + size - 1}, but the "
            f"image's last are {high - 1} and {wide - 1}"
        )
    return row, column, size, size
