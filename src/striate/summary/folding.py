"""Folding of the summary table: one row per block, and one row per run of alike blocks.

A block is a module whose own forward joins paths (adds, concatenates), and every module whose name
differs only in its numbers. Outside blocks, a norm or an activation is merged into the row of its
input.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from striate.summary.layer import Layer

SCREEN = 40  #: most rows before consecutive blocks of different sizes are folded

_NUMBER = re.compile(r"\d+")
Sign = Callable[[Layer], object]  #: key on which two layers must agree to be alike


@dataclass(frozen=True, slots=True)
class Run:
    """Layers `start:stop` of one row: a single block or `times` alike blocks."""

    name: str
    start: int
    stop: int
    times: int = 1


def fold(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return one row per run: sums of parameters, MACs and bytes, the rest of the last layer."""
    parts = find_folds(layers)
    place = {at: row for row, part in enumerate(parts) for at in range(part.start, part.stop)}
    rows = list[Layer]()
    for row, part in enumerate(parts):
        inside = layers[part.start : part.stop]
        windows = [layer for layer in inside if layer.kernel]
        window = windows[0] if len(windows) == 1 else None
        sources = {place.get(source, -1) for layer in inside for source in layer.sources} - {row}
        rows.append(
            replace(
                inside[-1],
                name=part.name,
                kind=_kinds(layers, part),
                params=sum(layer.params for layer in inside),
                macs=sum(layer.macs for layer in inside),
                bytes=sum(layer.bytes for layer in inside),
                kernel=window.kernel if window else None,
                stride=window.stride if window else None,
                sources=tuple(sorted(sources)),
            )
        )
    return tuple(rows)


def find_folds(layers: Sequence[Layer]) -> list[Run]:
    """Return the runs of layers that make the rows of the folded table."""
    rows = repeats(layers, find_runs(layers), _same)
    if len(rows) > SCREEN:
        rows = repeats(layers, rows, lambda layer: layer.kind)
    return rows


def find_runs(layers: Sequence[Layer]) -> list[Run]:
    """Return the blocks, and the volumes outside blocks, in order."""
    within = _blocks(layers)
    found = list[Run]()
    for block, run in groupby(range(len(layers)), key=lambda at: within[at]):
        numbers = list(run)
        if block is not None:
            found.append(Run(block, numbers[0], numbers[-1] + 1))
            continue
        for start, stop in _volumes(layers, numbers):
            found.append(Run(_named(layers, start, stop), start, stop))
    return found


def free(layers: Sequence[Layer], at: int) -> bool:
    """Whether a layer keeps shape and receptive field of its only source: norms, activations."""
    layer = layers[at]
    if len(layer.sources) != 1 or layer.sources[0] < 0:
        return False
    return unchanged(layer, layers[layer.sources[0]])


def unchanged(layer: Layer, source: Layer) -> bool:
    """Whether a layer is elementwise: no MACs, same shape (or flattened) and receptive field."""
    flat = layer.output == (math.prod(source.output),)
    same = layer.output == source.output or flat
    return same and not layer.macs and layer.receptive_field in (None, source.receptive_field)


def unrepeated(layers: Sequence[Layer]) -> tuple[list[Layer], list[tuple[int, int]]]:
    """Return the first block of each run of alike blocks; per layer, run length and number."""
    rows = repeats(layers, find_runs(layers), _same)
    first = dict[int, int]()  # layer -> its counterpart in the first block
    for row in rows:
        each = (row.stop - row.start) // row.times
        first |= {at: row.start + (at - row.start) % each for at in range(row.start, row.stop)}
    kept = sorted(set(first.values()))
    place = {at: number for number, at in enumerate(kept)} | {-1: -1}
    runs = {at: (row.times, n) for n, row in enumerate(rows) for at in range(row.start, row.stop)}
    shown = [
        replace(layers[at], sources=tuple(place[first.get(s, s)] for s in layers[at].sources))
        for at in kept
    ]
    return shown, [runs[at] for at in kept]


def repeats(layers: Sequence[Layer], rows: list[Run], sign: Sign) -> list[Run]:
    """Fold adjacent alike rows whose module names differ only in a number."""
    depth = 1
    while any(row.name.count(".") + 1 >= depth for row in rows):
        units = [
            (unit, list(inside))
            for unit, inside in groupby(rows, key=lambda row: _unit(row, depth) or row)
        ]
        rows = list[Run]()
        for _, run in groupby(units, key=lambda unit: _look(layers, *unit, sign)):
            names, bodies = zip(*run, strict=True)
            inside = [row for body in bodies for row in body]
            if len(names) == 1:
                rows += inside
                continue
            alike = f" ({len(names)} alike)" if sign is _same else ""
            name = f"{names[0]} to {str(names[-1]).rpartition('.')[2]}{alike}"
            rows.append(Run(name, inside[0].start, inside[-1].stop, len(names)))
        depth += 1
    return rows


def _same(layer: Layer) -> object:
    return layer.kind, layer.output, layer.params, layer.macs


def _look(layers: Sequence[Layer], unit: str | Run, rows: list[Run], sign: Sign) -> object:
    """Return the key of a unit: its name without numbers, and the signs of its layers."""
    if isinstance(unit, Run):
        return unit
    body = [sign(layer) for layer in layers[rows[0].start : rows[-1].stop]]
    return _NUMBER.sub("#", unit), body


def _unit(row: Run, depth: int) -> str | None:
    """Return the row's module path at that depth, if it is a numbered sibling."""
    steps = row.name.split(".")
    if row.times > 1 or len(steps) < depth or not _NUMBER.search(steps[depth - 1]):
        return None
    return ".".join(steps[:depth])


def _blocks(layers: Sequence[Layer]) -> list[str | None]:
    """Return the outermost enclosing block of each layer."""
    joins = {
        layer.name
        for layer in layers
        if len(layer.sources) > 1
        and any(other.name.startswith(f"{layer.name}.") for other in layers)
        and not all(f"{other.name}.".startswith(f"{layer.name}.") for other in layers)
    }
    patterns = {_NUMBER.sub("#", path) for path in joins}

    def block(layer: Layer) -> str | None:
        return next((path for path in _around(layer) if _NUMBER.sub("#", path) in patterns), None)

    return [block(layer) for layer in layers]


def _around(layer: Layer) -> Iterator[str]:
    """Yield the paths of a layer's ancestors and itself, outermost first."""
    steps = layer.name.split(".")
    return (".".join(steps[:depth]) for depth in range(1, len(steps) + 1))


def _volumes(layers: Sequence[Layer], numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield runs around one shape-changing layer: the elementwise layers before and after it."""
    start, made = numbers[0], not free(layers, numbers[0])
    for at in numbers[1:]:
        stage = layers[at].name.split(".")[0] == layers[start].name.split(".")[0]
        chained = set(layers[at].sources) <= set(range(start, at))
        if stage and chained and (free(layers, at) or not made):
            made = made or not free(layers, at)
            continue
        yield start, at
        start, made = at, not free(layers, at)
    yield start, numbers[-1] + 1


def _named(layers: Sequence[Layer], start: int, stop: int) -> str:
    """Return the outermost ancestor of the shape-changing layer that lies entirely in the run."""
    made = next((at for at in range(start, stop) if not free(layers, at)), start)
    for path in _around(layers[made]):
        inside = [at for at, each in enumerate(layers) if f"{each.name}.".startswith(f"{path}.")]
        if inside[0] >= start and inside[-1] < stop:
            return path
    return layers[made].name


def _kinds(layers: Sequence[Layer], part: Run) -> str:
    """List the layer kinds of one block; above three layers, without elementwise ones."""
    inside = range(part.start, part.start + (part.stop - part.start) // part.times)
    telling = [at for at in inside if len(inside) <= 3 or not free(layers, at)]
    counts = Counter(layers[at].kind for at in telling)
    return ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in counts.items())
