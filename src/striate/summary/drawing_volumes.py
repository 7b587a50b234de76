"""Volumes to draw: outputs of a network's layers and their connections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from striate.summary.folding import Run, find_folds, fold, free, unchanged, unrepeated
from striate.summary.layer import Layer

ALL = 32  #: most volumes in a drawing of all layers
MOST = 44  #: most volumes in a drawing with one of each run of alike blocks expanded

_SIGNS = {"add": "+", "mul": "x", "sub": "-", "div": "/"}
_DENSE = ("linear", "mm", "attention")  #: substrings of the kinds of dense layers
_POOLS = ("pool", "sampling", "mean", "max")  #: substrings of the kinds of pooling layers


@dataclass(frozen=True, slots=True)
class Volume:
    """A layer's output, together with following layers that keep its shape."""

    name: str
    output: tuple[int, ...]
    sources: tuple[int, ...]  #: indices of input volumes
    sort: str  #: layer type: "input", "convolution", "pooling", "dense", ...
    sign: str = ""  #: "+", "x", ... of an elementwise operation, drawn as a circle
    times: int = 1  #: length of the run of alike blocks that this one represents
    run: int = -1  #: number of that run
    window: str = ""  #: "3x3 /2": kernel, and stride if not 1
    params: int = 0  #: of all blocks that it represents

    @property
    def stage(self) -> str:
        return self.name.split(".")[0]


@dataclass(frozen=True, slots=True)
class Rows:
    """The main row of a drawing, and the inset of one block if blocks are collapsed."""

    main: list[Volume]
    block: str = ""
    inside: list[Volume] = field(default_factory=list[Volume])


def find_volumes(image: tuple[int, ...], layers: Sequence[Layer]) -> Rows:
    """Return the volumes to draw, starting with the image.

    Above ALL volumes, a run of alike blocks is drawn once; above MOST, blocks are collapsed and
    one is drawn as an inset.
    """
    seen = _image(image)
    found = _carried(seen, layers, [(1, at) for at in range(len(layers))])
    if len(found) <= ALL:
        return Rows(found)
    kept, runs = unrepeated(layers)
    all_of = [
        replace(layer, params=layer.params * times)
        for layer, (times, _) in zip(kept, runs, strict=True)
    ]
    found = _carried(seen, all_of, runs)
    if len(found) <= MOST:
        return Rows(found)
    parts = find_folds(layers)
    rows = [_kept(row, layers, part) for row, part in zip(fold(layers), parts, strict=True)]
    found = _carried(seen, rows, [(part.times, at) for at, part in enumerate(parts)])
    blocks = [part for part, row in zip(parts, rows, strict=True) if _several(row)]
    return Rows(found, *_inside(seen, layers, blocks))


def _image(shape: tuple[int, ...]) -> Layer:
    ones = (1,) * (len(shape) - 1)
    return Layer("input", "", shape, 0, 0, 0, receptive_field=ones, jump=ones, start=ones)


def _several(row: Layer) -> bool:
    """Whether a row is a block, whose kind starts with a layer count."""
    return row.kind[:1].isdigit()


def _kept(row: Layer, layers: Sequence[Layer], part: Run) -> Layer:
    """Return the row with the output before flattening."""
    made = [layers[at].output for at in range(part.start, part.stop) if not free(layers, at)]
    return replace(row, output=made[-1]) if made else row


def _inside(
    image: Layer, layers: Sequence[Layer], blocks: Sequence[Run]
) -> tuple[str, list[Volume]]:
    """Return name and volumes of the first block of the most frequent kind with a join."""
    bodies = dict[tuple[str, ...], list[Run]]()
    for block in blocks:
        stop = block.start + (block.stop - block.start) // block.times
        one = Run(block.name.split(" to ")[0], block.start, stop, block.times)
        if any(len(layer.sources) > 1 for layer in layers[one.start : one.stop]):
            kinds = tuple(layer.kind for layer in layers[one.start : one.stop])
            bodies.setdefault(kinds, []).append(one)
    if not bodies:
        return "", []
    chosen = max(bodies.values(), key=lambda alike: sum(each.times for each in alike))[0]
    around = layers[chosen.start].sources[0]
    taken = layers[around] if around >= 0 else image
    body = [
        replace(layer, sources=tuple(max(-1, s - chosen.start) for s in layer.sources))
        for layer in layers[chosen.start : chosen.stop]
    ]
    return chosen.name, _carried(taken, body, [(1, at) for at in range(len(body))])


def _carried(
    taken: Layer, layers: Sequence[Layer], times: Sequence[tuple[int, int]]
) -> list[Volume]:
    """Return the layers' volumes; norms and activations are merged into their input volume."""
    found, place = [Volume("input", taken.output, (), "input")], {-1: 0}
    for at, layer in enumerate(layers):
        seen = [source for source in layer.sources if source < 0 or layers[source].output]
        sources = tuple(dict.fromkeys(place[source] for source in seen))
        source = layers[seen[0]] if seen and seen[0] >= 0 else taken
        if len(sources) == 1 and unchanged(layer, source):
            place[at] = sources[0]
            carrier = found[sources[0]]
            found[sources[0]] = replace(carrier, params=carrier.params + layer.params)
            continue
        place[at], before = len(found), [found[source].output for source in sources]
        if layer.output:
            made = *_sort(layer, before), *times[at]
            volume = Volume(layer.name, layer.output, sources, *made)
            found.append(replace(volume, window=_window(layer), params=layer.params))
    return found


def _window(layer: Layer) -> str:
    if layer.kernel is None or layer.stride is None:
        return ""
    kernel, *strides = "x".join(map(str, layer.kernel)), *sorted(set(layer.stride))
    stride = "x".join(map(str, layer.stride)) if len(strides) > 1 else str(strides[0])
    return kernel if stride == "1" else f"{kernel} /{stride}"


def _sort(layer: Layer, before: Sequence[tuple[int, ...]]) -> tuple[str, str]:
    operation = layer.kind.split(",")[0]
    sides = math.prod(layer.output[1:])
    grown = bool(before) and len(layer.output) > 1 and sides > max(math.prod(b[1:]) for b in before)
    if len(before) > 1 and not layer.macs:
        if layer.output in before and not operation.startswith(("cat", "stack")):
            return "sum", _SIGNS.get(operation, "?")
        return "concatenation", ""
    if _several(layer):
        return "block", ""
    if grown:
        return "upsampling", ""
    if layer.macs:
        dense = len(layer.output) == 1 or any(word in layer.kind.lower() for word in _DENSE)
        return ("dense" if dense else "convolution"), ""
    pools = any(word in layer.kind.lower() for word in _POOLS)
    return "pooling" if pools else "other layer", ""
