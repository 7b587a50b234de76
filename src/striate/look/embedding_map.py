"""A map of images: what a network makes of them before its head, in two dimensions."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.listing.listing import DecodedImages
from striate.errors import DataError, ModelError, OptionError, unknown
from striate.look.sheet import Sheet
from striate.model import Model
from striate.plotting.chart import Axis, Cells, Chart, Line
from striate.plotting.grid import draw_grid
from striate.plotting.ink import encode
from striate.plotting.shapes import PEN, rgb
from striate.points import figure
from striate.prediction.embedding import Embedding, embed_decoded
from striate.progress import Progress
from striate.text import count_noun, shorten_middle

Method = Literal["pca", "tsne"]

_PERPLEXITY = 30.0  #: of t-SNE, where there are images enough
_BEGUN = 1e-4  #: spread that it begins with, as scikit-learn's own
_MARGIN = 0.06  #: around the points, of their reach
_SIDE, _LEGEND = 560.0, 36  #: of a chart; most letters of a class's name
_DOT, _FEW = 3.5, 300  #: radius; points from which dots are smaller
_CANVAS, _THUMBNAIL, _FRAME = 1040, 48, 3  #: pixels of the map of thumbnails, of one, of its frame
_COLORS = (*figure.COLORS[:-1], PEN)  #: black is that of the page, light or dark
_OTHERS = "#8a9099"


@dataclass(frozen=True)
class Places:
    """Where images lie in two dimensions, and how that was found."""

    xy: NDArray[np.float64]  #: (N, 2)
    method: str  #: in words, with its settings and seed
    axes: tuple[str, str]  #: captions


def place_images(features: NDArray[np.float32], method: Method = "pca", seed: int = 0) -> Places:
    """Place images in two dimensions by their features (N, D).

    `pca`: the two directions in which they vary most; distances are those of the features seen from
    there. `tsne`: t-SNE of scikit-learn, begun from these two, which keeps neighbors together but
    no distances. Raises DataError for fewer than two images, OptionError for another method or
    without scikit-learn, ModelError for features that are not finite.
    """
    if method not in ("pca", "tsne"):
        raise unknown("method", method, ("pca", "tsne"))
    if len(features) < 2:
        raise DataError(f"a map needs at least 2 images, but {len(features)} came")
    if odd := int((~np.isfinite(features)).any(axis=1).sum()):
        raise ModelError(
            f"the features of {count_noun(odd, 'image')} are not finite, so they have no place on "
            "a map; use other weights"
        )
    return _pca(features) if method == "pca" else _tsne(features, seed)


def _pca(features: NDArray[np.float32]) -> Places:
    centered = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    _, spreads, directions = np.linalg.svd(centered, full_matrices=False)
    spreads, directions = spreads[:2], directions[:2]
    largest = directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]
    xy = np.zeros((len(features), 2))
    xy[:, : len(directions)] = centered @ (directions * np.sign(largest)[:, None]).T
    shares = np.zeros(2)
    shares[: len(spreads)] = spreads**2 / (float((centered**2).sum()) or 1.0)
    first, second = (
        f"component {number}, {100 * share:.0f} % of the variance"
        for number, share in enumerate(shares.tolist(), 1)
    )
    return Places(xy, "principal components (PCA)", (first, second))


def _tsne(features: NDArray[np.float32], seed: int) -> Places:
    if find_spec("sklearn") is None:
        raise OptionError(
            "t-SNE needs scikit-learn; install it with pip install 'striate[embedding]', or use "
            "the method pca"
        )
    from sklearn.manifold import TSNE  # lazy: an extra

    perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
    begun = _pca(features).xy
    start: Any = begun / (begun[:, 0].std() or 1) * _BEGUN  # its type is told as a text
    found = TSNE(perplexity=perplexity, init=start, random_state=seed)
    xy = np.asarray(found.fit_transform(features.astype(np.float64)), np.float64)
    told = f"t-SNE of scikit-learn, perplexity {perplexity:.3g}, seed {seed}"
    return Places(xy, f"{told}; distances between groups mean nothing", ("", ""))


def draw_map(
    model: Model, data: Path, method: Method = "pca", *, stage: str | None = None, seed: int = 0
) -> Generator[Progress, None, Sheet]:
    """Draw where the images of a folder lie: as dots in the colors of classes, and as thumbnails.

    Methods are those of `place_images`. A thumbnail that would cover one is left out. Arrays: `xy`
    (N, 2), `labels` (N,), `paths`, `class_names`. Raises also what `embed_images` raises.
    """
    decoded, embedding = yield from embed_decoded(model, data, stage)
    places = place_images(embedding.features, method, seed)
    return draw_places(embedding, decoded, places, f"What {model.network_name} finds alike")


def draw_places(embedding: Embedding, decoded: DecodedImages, places: Places, title: str) -> Sheet:
    """Draw images at their places."""
    middle = (places.xy.max(axis=0) + places.xy.min(axis=0)) / 2
    reach = (float(np.ptp(places.xy, axis=0).max()) or 1.0) * (0.5 + _MARGIN)
    (left, right), (bottom, top) = ((m - reach, m + reach) for m in middle.tolist())
    x, y = Axis(places.axes[0], (left, right)), Axis(places.axes[1], (bottom, top))
    inside = (places.xy - middle) / (2 * reach) + 0.5  # 0 to 1, from the lower left
    marks = _choose_marks(embedding.labels)
    thumbnails, shown = _paste(inside, decoded, embedding.labels, marks)
    cells = Cells(thumbnails, _CANVAS, _CANVAS, x.limits, y.limits)
    charts = [
        Chart(tuple(series), x=x, y=y, width=_SIDE, height=_SIDE)
        for series in (_dots(embedding, places.xy, marks), [cells])
    ]
    count = len(embedding)
    note = f"{count_noun(count, 'image')} by {places.method}; {shown:,} of them as thumbnails"
    arrays = {
        "xy": places.xy,
        "labels": embedding.labels,
        "paths": np.array(embedding.paths, np.str_),
        "class_names": np.array(embedding.class_names, np.str_),
    }
    legend = _explain(marks, embedding)
    return Sheet(draw_grid([charts], title, note, legend), arrays, f"{title}: {note}.")


@dataclass(frozen=True)
class _Mark:
    """How the images of a class are drawn."""

    color: str
    ring: bool = False


def _choose_marks(labels: NDArray[np.int64]) -> dict[int, _Mark]:
    """Return the mark of each class: discs, then rings, for the most frequent; gray for others.

    Images without a class have the label -1 and the first color.
    """
    classes, counts = np.unique(labels, return_counts=True)
    often = classes[np.argsort(-counts, kind="stable")][: 2 * len(_COLORS)]
    marks = {
        label: _Mark(_COLORS[place % len(_COLORS)], place >= len(_COLORS))
        for place, label in enumerate(sorted(often.tolist()))
    }
    return {label: marks.get(label, _Mark(_OTHERS)) for label in classes.tolist()}


def _explain(marks: dict[int, _Mark], embedding: Embedding) -> Iterator[tuple[str, str]]:
    """Yield the names and colors of the legend."""
    if not embedding.class_names:
        return
    for label, mark in marks.items():
        name = shorten_middle(embedding.class_names[label], _LEGEND)
        if mark.color != _OTHERS:
            yield f"{name} (rings)" if mark.ring else name, mark.color
    if others := sum(mark.color == _OTHERS for mark in marks.values()):
        yield count_noun(others, "other class"), _OTHERS


def _dots(embedding: Embedding, xy: NDArray[np.float64], marks: dict[int, _Mark]) -> Iterator[Line]:
    radius = _DOT * max(0.4, min(1.0, (_FEW / len(xy)) ** 0.5))
    for label, mark in marks.items():
        own = tuple((x, y) for x, y in xy[embedding.labels == label].tolist())
        ring = radius / 2 if mark.ring else 0.0
        yield Line(own, color=mark.color, width=0, radius=radius, ring=ring, opacity=0.85)


def _paste(
    inside: NDArray[np.float64],
    decoded: DecodedImages,
    labels: NDArray[np.int64],
    marks: dict[int, _Mark],
) -> tuple[bytes, int]:
    """Return a PNG file with the thumbnails that cover no earlier one, and how many they are.

    `inside` (N, 2) are the places of their middles, 0 to 1 from the lower left.
    """
    canvas = Image.new("RGBA", (_CANVAS, _CANVAS))
    wide = _THUMBNAIL + 2 * _FRAME
    corners = np.rint(inside * (1, -1) * _CANVAS + (0, _CANVAS) - wide / 2).astype(int)
    corners = corners.clip(0, _CANVAS - wide)
    pasted = np.zeros((0, 2), int)
    for row, corner in enumerate(corners):
        if (np.abs(pasted - corner) < wide).all(axis=1).any():
            continue
        pasted = np.concatenate((pasted, corner[None]))
        framed = Image.new("RGBA", (wide, wide), rgb(marks[int(labels[row])].color))
        pixels = np.asarray(decoded.pixels[row])
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        framed.paste(image.resize((_THUMBNAIL, _THUMBNAIL)), (_FRAME, _FRAME))
        canvas.paste(framed, tuple(corner.tolist()))
    return encode(canvas, "png", optimize=True), len(pasted)
