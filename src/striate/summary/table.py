"""Summary of a network: values, tables and drawings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from html import escape
from typing import Any

from striate.errors import printable
from striate.plotting.png import to_png
from striate.plotting.shapes import Picture
from striate.plotting.svg import to_svg
from striate.summary.folding import fold
from striate.summary.layer import HEADS, Layer
from striate.text import columns, format_shape, format_si, html_table, markdown_table

_LEFT = (0, 1)


@dataclass(frozen=True)
class Summary:
    """Summary of a network at one input size, as shown by `describe`."""

    network: str
    input: tuple[int, ...]  #: (C, H, W)
    layers: tuple[Layer, ...]  #: in execution order
    params: int
    trainable: int  #: trainable parameters
    macs: int
    bytes: int  #: of parameters and buffers
    uncounted: tuple[str, ...] = ()  #: "layer: operation" with unknown multiply-adds
    untraced: tuple[str, ...] = ()  #: "layer: operation" after which the receptive field is unknown
    unused: tuple[str, ...] = ()  #: modules with parameters that did not run

    @property
    def receptive_field(self) -> int | None:
        """Receptive field along the first axis in pixels, before the head and global pooling.

        None: the whole image, or unknown.
        """
        before = [layer for layer in self.layers if not layer.name.startswith("head")]
        last = _unpooled(before, len(self.input))
        if last is None or not last.receptive_field or not last.jump or not last.jump[0]:
            return None
        return int(last.receptive_field[0])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def to_csv(self) -> str:
        """Return RFC 4180 CSV with a header and exact numbers; tuples are joined by an x."""
        file = io.StringIO()
        writer = csv.writer(file)
        *names, _ = (field.name for field in fields(Layer))
        writer.writerow([*names, "sources"])
        for layer in self.layers:
            sources = " ".join(map(str, layer.sources))
            writer.writerow([*(_cell(getattr(layer, name)) for name in names), sources])
        return file.getvalue()

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        text = [printable(line) for line in (*self._title(), *self._remarks())]
        return "\n\n".join([text[0], markdown_table(self.rows(), left=_LEFT), *text[1:]]) + "\n"

    def to_svg(self) -> str:
        """Return a self-contained SVG drawing of the volumes to scale, for light and dark mode."""
        return to_svg(self._picture())

    def to_png(self) -> bytes:
        """Return the same drawing as PNG, at two pixels per SVG unit."""
        return to_png(self._picture())

    def _picture(self) -> Picture:
        from striate.summary.drawing import draw_network  # imported lazily: most only count

        return draw_network(self.network, self.input, self.layers).to_picture()

    def __str__(self) -> str:
        lines = [*self._title(), "", *columns(self.rows(), left=_LEFT)]
        return "\n".join([*lines, *self._remarks()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        text = "".join(f"<p>{escape(line)}</p>" for line in self._title())
        remarks = "".join(f"<p>{escape(line)}</p>" for line in self._remarks() if line)
        drawing = f'<div style="overflow-x:auto">{to_svg(self._picture(), inline=True)}</div>'
        return f"{text}{drawing}{html_table(self.rows(), left=_LEFT)}{remarks}"

    def folded(self) -> Summary:
        """Return the summary with one row per block or run of alike blocks; same totals."""
        return replace(self, layers=fold(self.layers))

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text cells, header first."""
        return [HEADS, *(layer.cells() for layer in self.layers)]

    def _title(self) -> list[str]:
        frozen = self.params - self.trainable
        parts = [
            f"{printable(self.network)}: {self.params:,} parameters"
            + (f" ({frozen:,} frozen)" * (frozen > 0)),
            f"{format_si(self.macs)} multiply-adds",
            f"weights of {format_si(self.bytes, 'B')}",
            f"input {format_shape(self.input)}",
        ]
        return [", ".join(parts)]

    def _remarks(self) -> list[str]:
        told = (
            ("multiply-adds not counted", self.uncounted),
            ("receptive field not known behind", self.untraced),
            ("did not run", self.unused),
        )
        return [f"{what}: {', '.join(names)}" for what, names in told if names]


def _unpooled(layers: Sequence[Layer], dims: int) -> Layer | None:
    """Return the last layer with several positions, or a later one without pooling in between."""
    wide = [
        at
        for at, layer in enumerate(layers)
        if sum(side > 1 for side in layer.output) > 1
        or (len(layer.output) == dims and max(layer.output[1:]) > 1)
    ]
    if not wide:
        return layers[-1] if layers else None
    last = layers[wide[-1]]
    for layer in layers[wide[-1] + 1 :]:
        if len(layer.output) != dims or _pools(layer, layers):
            break
        last = layer
    return last


def _pools(layer: Layer, layers: Sequence[Layer]) -> bool:
    """Whether a layer merges positions without weights."""
    if layer.macs or len(layer.sources) != 1 or layer.sources[0] < 0:
        return False
    source = layers[layer.sources[0]]
    return (layer.receptive_field, layer.jump) != (source.receptive_field, source.jump)


def _cell(value: object) -> object:
    if value is None:
        return ""
    return "x".join(f"{number:.10g}" for number in value) if isinstance(value, tuple) else value
