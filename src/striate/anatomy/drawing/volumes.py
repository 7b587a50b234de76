"""What is worth a box: the volumes of a network, and which comes from which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from striate.anatomy.folding import folded, folds, unchanged, unrepeated
from striate.anatomy.layer import Layer

ALL = 32  #: volumes of a drawing that shows every one
MOST = 44  #: volumes of a drawing that shows the inside of one of alike blocks

_SIGNS = {"add": "+", "mul": "×", "sub": "−", "div": "÷"}


@dataclass(frozen=True, slots=True)
class Volume:
    """An output and the layers that do not change it."""

    name: str
    sort: str  #: "picture", "convolution", "pooling", "dense", ... : what made it
    output: tuple[int, ...]
    sources: tuple[int, ...] = ()  #: places of other volumes
    sign: str = ""  #: of a sum or product of volumes of one shape, which is no box but a circle
    times: int = 1  #: alike blocks in a row of which this one is drawn
    run: int = -1  #: number of that row

    @property
    def stage(self) -> str:
        return self.name.split(".")[0]


def volumes(picture: tuple[int, ...], layers: Sequence[Layer]) -> list[Volume]:
    """The picture and what becomes of it.

    Of alike blocks in a row one is shown where all would be many; and no insides of blocks where
    these would still be too many.
    """
    found = _carried(picture, layers, [(1, at) for at in range(len(layers))])
    if len(found) <= ALL:
        return found
    found = _carried(picture, *unrepeated(layers))
    if len(found) <= MOST:
        return found
    parts = folds(layers)
    several = [
        sum(layer.macs > 0 for layer in layers[p.start : p.stop]) > p.times for p in parts
    ]
    rows = folded(layers)
    found = _carried(picture, rows, [(p.times, at) for at, p in enumerate(parts)])
    blocks = {row.name for row, many in zip(rows, several, strict=True) if many}
    return [replace(v, sort="block") if v.name in blocks else v for v in found]


def _carried(
    picture: tuple[int, ...], layers: Sequence[Layer], times: Sequence[tuple[int, int]]
) -> list[Volume]:
    """Volumes that layers make; norms, activations and the like are carried by what they take."""
    found, place = [Volume("input", "picture", picture)], {-1: 0}
    for at, layer in enumerate(layers):
        seen = [source for source in layer.sources if source < 0 or layers[source].output]
        sources = tuple(dict.fromkeys(place[source] for source in seen))
        if len(sources) == 1 and seen[0] >= 0 and unchanged(layer, layers[seen[0]]):
            place[at] = sources[0]
            continue
        place[at] = len(found)
        before = [found[source].output for source in sources]
        sort, sign = _sort(layer, before)
        many, run = times[at]
        volume = Volume(layer.name, sort, layer.output, sources, sign, many, run)
        if layer.output:
            found.append(volume)
        else:
            place[at] = 0
    return found


def _sort(layer: Layer, before: Sequence[tuple[int, ...]]) -> tuple[str, str]:
    operation = layer.kind.split(",")[0]
    sides = math.prod(layer.output[1:])
    grown = bool(before) and len(layer.output) > 1 and sides > max(math.prod(b[1:]) for b in before)
    if len(before) > 1 and not layer.macs:
        if layer.output in before and not operation.startswith(("cat", "stack")):
            return "sum", _SIGNS.get(operation, "·")
        return "concatenation", ""
    if grown:
        return "upsampling", ""
    if layer.macs:
        return ("convolution" if len(layer.output) > 1 else "dense"), ""
    return "pooling" if len(layer.output) > 1 else "other", ""
