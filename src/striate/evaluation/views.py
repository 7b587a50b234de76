"""What the report page shows of a section's parts: images embedded, matrices shaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from striate.evaluation.cells import Panels, make_panels
from striate.evaluation.thumbnails import (
    EXACT,
    LARGEST,
    draw_matrix,
    encode_small,
    encode_thumbnail,
    shade_matrix,
)
from striate.plotting.chart import Axis, Cells, Chart
from striate.tasks.sections import (
    MOST_IN_TABLE,
    Gallery,
    Matrix,
    Part,
    Phrase,
    Picture,
    Ranking,
    Section,
)
from striate.text import count_noun, format_percent, percent_digits

if TYPE_CHECKING:
    from striate.evaluation.nearest import Near, Nearest
    from striate.evaluation.seen_images import Originals, SeenImages

#: most classes with horizontal column heads; above, long names are rotated
MOST_LEVEL = 4


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One cell of the confusion matrix."""

    shown: str  #: "" for a count of 0
    shade: float  #: color intensity, 0 to 1
    right: bool
    text: str  #: tooltip
    cell: tuple[int, int] | None  #: whose panel it leads to


@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    total: int
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class MatrixTable:
    rows: tuple[MatrixRow, ...]
    noun: str
    percent: bool
    turned: bool  #: heads of columns are rotated
    linked: bool  #: cells lead to their images
    title: str


@dataclass(frozen=True, slots=True)
class MatrixSheet:
    """The confusion matrix of many classes as an image."""

    names: tuple[str, ...]
    chart: Chart
    linked: bool  #: panels lead back to it
    title: str


@dataclass(frozen=True, slots=True)
class NearView:
    """A training image that is near to another one."""

    near: Near
    address: str  #: `data:` URL
    exact: bool  #: full resolution


@dataclass(frozen=True, slots=True)
class Thumbnail:
    path: str
    name: str  #: of the file
    link: str  #: to the file, relative to the page; "" if there is none
    address: str  #: `data:` URL
    exact: bool  #: full resolution
    caption: Phrase
    alt: str
    near: tuple[NearView, ...]  #: the nearest training images


@dataclass(frozen=True, slots=True)
class Thumbnails:
    thumbnails: tuple[Thumbnail, ...]
    text: str
    pairs: bool  #: two and two belong together
    fours: bool  #: four and four


View = Part | MatrixTable | MatrixSheet | Thumbnails


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section as the template draws it."""

    title: str
    explanation: str
    parts: tuple[View, ...]
    split: bool  #: parts stand side by side
    panels: Panels | None  #: images of the cells of a matrix


@dataclass(frozen=True)
class Images:
    """The images of an evaluation, of which a page shows a few."""

    paths: Sequence[str]
    pixels: NDArray[np.uint8] | SeenImages
    originals: Originals | None
    nearest: Nearest | None = None

    def with_others(self, seen: SeenImages, rows: tuple[int, ...]) -> Images:
        """Return the images with further rows of the image cache behind them."""
        paths = map(seen.decoded.samples.path, rows)
        pixels = replace(seen, rows=np.append(seen.rows, np.array(rows, np.int64)))
        return replace(self, paths=(*self.paths, *paths), pixels=pixels)

    def near(self, picture: Picture) -> tuple[Near, ...]:
        """Return the training images that are nearest to an image, if they were looked for."""
        if self.nearest is None or picture.overlay or not picture.neighbors:
            return ()
        return self.nearest.found.get(picture.row, ())

    def view(self, section: Section) -> SectionView:
        """Return what the page shows of a section."""
        galleries = [part for part in section.parts if isinstance(part, Gallery)]
        matrices = [part for part in section.parts if isinstance(part, Matrix) and part.images]
        shown = any(not picture.overlay for part in galleries for picture in part.pictures)
        return SectionView(
            section.title,
            f"{section.explanation} {self._seen() * shown}".strip(),
            tuple(map(self._part, section.parts)),
            split=any(
                isinstance(part, Ranking) or (isinstance(part, Matrix) and bool(part.title))
                for part in section.parts
            ),
            panels=next(map(self._panels, matrices), None),
        )

    def _panels(self, matrix: Matrix) -> Panels:
        return make_panels(matrix, self.paths, self.pixels, self.originals)

    def link(self, path: str) -> str:
        """Return the URL of an image relative to the report; "" if it is not a separate file."""
        return self.originals.link(path) if self.originals else ""

    def _part(self, part: Part) -> View:
        if isinstance(part, Matrix):
            large = len(part.names) > MOST_IN_TABLE
            return _sheet(part) if large else _table(part)
        return self._thumbnails(part) if isinstance(part, Gallery) else part

    def _thumbnails(self, part: Gallery) -> Thumbnails:
        views = zip(part.pictures, self._views(part.pictures), strict=True)
        thumbnails = tuple(self._thumbnail(*each) for each in views)
        return Thumbnails(thumbnails, part.text, part.pairs, part.fours)

    def _views(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8]]:
        """Return the image to show of each picture: the original, else the network's input.

        What is drawn on an image lies where it does in the network's input.
        """
        originals = self.originals
        found = [
            originals.pixels(self.paths[picture.row], LARGEST)
            if originals and not picture.overlay
            else None
            for picture in pictures
        ]
        missing = [
            picture.row for picture, view in zip(pictures, found, strict=True) if view is None
        ]
        inputs = iter(self.pixels[np.array(missing, int)])
        return [next(inputs) if view is None else view for view in found]

    def _thumbnail(self, picture: Picture, view: NDArray[np.uint8]) -> Thumbnail:
        path = self.paths[picture.row]
        if picture.overlay:
            view = picture.overlay(view)
        return Thumbnail(
            path,
            PurePosixPath(path).name if picture.named else "",
            self.link(path) if picture.named else "",
            encode_thumbnail(view),
            exact=max(view.shape[:2]) <= EXACT,
            caption=picture.caption,
            alt=picture.alt,
            near=self._near(picture),
        )

    def _near(self, picture: Picture) -> tuple[NearView, ...]:
        near = self.near(picture)
        if self.nearest is None or not near:
            return ()
        seen = self.nearest.pixels[np.array([each.row for each in near], int)]
        return tuple(
            NearView(each, encode_small(image), max(image.shape[:2]) <= EXACT)
            for each, image in zip(near, seen, strict=True)
        )

    def _seen(self) -> str:
        if self.originals is None:
            return "They are shown as the network’s input."
        high, wide = self.pixels.shape[1:3]
        return f"The files are shown; the network’s input has {wide}x{high} pixels."


def _table(part: Matrix) -> MatrixTable:
    matrix, names = part.counts, part.names
    shades = shade_matrix(matrix)
    found: list[MatrixRow] = []
    for true, name in enumerate(names):
        total = int(matrix[true].sum())
        cells = (
            MatrixCell(
                _shown(count := int(matrix[true, predicted]), total, percent=part.percent),
                float(shades[true, predicted]),
                true == predicted,
                f"true {name}, predicted {names[predicted]}: {count:,} of "
                f"{count_noun(total, part.noun)}"
                f" ({format_percent(count / total, percent_digits(total))})"
                if count
                else "",
                (true, predicted) if part.images and count else None,
            )
            for predicted in range(len(names))
        )
        found.append(MatrixRow(name, total, tuple(cells)))
    turned = len(names) > MOST_LEVEL and max(map(len, names)) > 3
    return MatrixTable(tuple(found), part.noun, part.percent, turned, bool(part.images), part.title)


def _shown(count: int, total: int, *, percent: bool) -> str:
    if not percent or not count:
        return str(count or "")
    return f"{100 * count / total:.0f}" if 200 * count >= total else "<1"


def _sheet(part: Matrix) -> MatrixSheet:
    """Chart the confusion matrix of many classes, which are numbered from 0."""
    count = len(part.names)
    side = min(max(count, 560), 760)
    chart = Chart(
        (Cells(draw_matrix(part.counts), count, count),),
        x=Axis("predicted", (0, count), whole=True),
        y=Axis("true", (count, 0), whole=True),
        width=side,
        height=side,
        name=f"Confusion matrix of {count:,} classes",
    )
    return MatrixSheet(part.names, chart, bool(part.images), part.title)
