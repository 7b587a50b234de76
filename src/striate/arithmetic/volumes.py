"""Output volumes and costs of a chain of layers, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from striate.arithmetic.windows import Size
from striate.text import columns, html_table

_HEAD = ("layer", "output", "weights", "biases", "parameters", "multiply-adds")


@dataclass(frozen=True)
class LayerSize:
    """Output volume and cost of one layer; volumes are (height, width, channels)."""

    layer: str
    output: tuple[int, ...]
    axes: tuple[Size, ...]  #: window along each axis
    weights: int
    biases: int
    macs: int

    @property
    def params(self) -> int:
        return self.weights + self.biases


@dataclass(frozen=True, repr=False)
class Volumes:
    """Layers in sequence, each applied to the previous output."""

    input: tuple[int, ...]
    layers: tuple[LayerSize, ...]

    @property
    def output(self) -> tuple[int, ...]:
        return self.layers[-1].output

    @property
    def weights(self) -> int:
        return sum(layer.weights for layer in self.layers)

    @property
    def biases(self) -> int:
        return sum(layer.biases for layer in self.layers)

    @property
    def params(self) -> int:
        return self.weights + self.biases

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        totals = {
            name: getattr(self, name) for name in ("output", "weights", "biases", "params", "macs")
        }
        layers = [{**asdict(layer), "params": layer.params} for layer in self.layers]
        return {"input": self.input, "layers": layers, **totals}

    def __repr__(self) -> str:
        lines = [*columns(self._rows(), left=(0, 1)), ""]
        if len(self.layers) == 1:
            (layer,) = self.layers
            lines += dict.fromkeys(line for axis in layer.axes for line in repr(axis).splitlines())
            lines += [_product(layer)] if layer.weights else []
        else:
            told = [
                f"{layer.layer}: {line}"
                for layer in self.layers
                for axis in layer.axes
                for line in repr(axis).splitlines()[1:]
            ]
            lines += dict.fromkeys(told)
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        return html_table(self._rows(), left=(0, 1))

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [_HEAD, ("input", _by(self.input), "", "", "", "")]
        for layer in self.layers:
            numbers = layer.weights, layer.biases, layer.params, layer.macs
            rows.append((layer.layer, _by(layer.output), *(f"{number:,}" for number in numbers)))
        if len(self.layers) > 1:
            totals = self.weights, self.biases, self.params, self.macs
            rows.append(("sum", "", *(f"{number:,}" for number in totals)))
        return rows


def _product(layer: LayerSize) -> str:
    """Format 34,848 = 11 * 11 * 3 * 96: kernel, input channels per group and filters."""
    sides, filters = [axis.kernel for axis in layer.axes], layer.output[-1]
    seen = layer.weights // (math.prod(sides) * filters)
    return f"{layer.weights:,} = {' * '.join(map(str, (*sides, seen, filters)))}"


def _by(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))
