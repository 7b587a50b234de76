"""The images behind a confusion matrix: a panel for each cell, as many as the page has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from striate.evaluation.thumbnails import EXACT, encode_small
from striate.tasks.sections import MOST_IN_TABLE, CellImages, Matrix

if TYPE_CHECKING:
    from striate.evaluation.seen_images import Originals, SeenImages

#: most images of a panel of errors and of right answers, and most bytes of all addresses
MOST_WRONG, MOST_RIGHT, MOST_BYTES = 24, 12, 4_000_000
#: most images encoded before the bytes are counted
_BATCH = 256


@dataclass(frozen=True, slots=True)
class PanelImage:
    path: str
    name: str  #: of the file
    link: str  #: to the file, relative to the page; "" if there is none
    confidence: float  #: probability of the predicted class
    address: str  #: `data:` URL; "" where the page has no room


@dataclass(frozen=True, slots=True)
class Panel:
    """The images of one cell."""

    cell: tuple[int, int]  #: true and predicted class
    true: str
    predicted: str
    total: int
    shown: int  #: how many of `images` have an address
    images: tuple[PanelImage, ...]  #: the highest loss first


@dataclass(frozen=True, slots=True)
class Panels:
    """The panels of a matrix, row by row."""

    panels: tuple[Panel, ...]
    exact: bool  #: full resolution
    listed: bool  #: the matrix is an image, whose cells are no links

    def by_class(self) -> list[tuple[Panel, ...]]:
        """Return the panels of each true class, the largest first."""
        found: dict[int, list[Panel]] = {}
        for panel in self.panels:
            found.setdefault(panel.cell[0], []).append(panel)
        rows = (sorted(row, key=lambda panel: -panel.total) for row in found.values())
        return [tuple(row) for row in rows]


def make_panels(
    matrix: Matrix,
    paths: Sequence[str],
    pixels: NDArray[np.uint8] | SeenImages,
    originals: Originals | None,
) -> Panels:
    """Return the panels of a matrix; `pixels` are the network inputs of the evaluation.

    The first image of every cell is embedded, then the second of each, errors before right
    answers, until the page has no more room.
    """
    addresses = _embed(matrix.images, pixels)

    def image(row: int, confidence: float) -> PanelImage:
        link = originals.link(paths[row]) if originals else ""
        name = PurePosixPath(paths[row]).name
        return PanelImage(paths[row], name, link, confidence, addresses.get(row, ""))

    def panel(cell: CellImages) -> Panel:
        confidence = cell.confidence[: _most(cell)].tolist()
        images = tuple(map(image, cell.rows[: _most(cell)].tolist(), confidence))
        true, predicted = matrix.names[cell.true], matrix.names[cell.predicted]
        shown = sum(bool(image.address) for image in images)
        return Panel((cell.true, cell.predicted), true, predicted, len(cell.rows), shown, images)

    listed = len(matrix.names) > MOST_IN_TABLE
    panels = tuple(map(panel, matrix.images))
    return Panels(panels, max(pixels.shape[1:3]) <= EXACT, listed)


def _embed(cells: Sequence[CellImages], pixels: NDArray[np.uint8] | SeenImages) -> dict[int, str]:
    """Return the address of each row that is shown."""
    wanted = np.fromiter(_in_turn(cells), np.int64)
    found: dict[int, str] = {}
    room = MOST_BYTES
    for start in range(0, len(wanted), _BATCH):
        rows = wanted[start : start + _BATCH]
        for row, image in zip(rows.tolist(), pixels[rows], strict=True):
            address = encode_small(image)
            if (room := room - len(address)) < 0:
                return found
            found[row] = address
    return found


def _most(cell: CellImages) -> int:
    return MOST_RIGHT if cell.true == cell.predicted else MOST_WRONG


def _in_turn(cells: Sequence[CellImages]) -> Iterator[int]:
    ordered = sorted(cells, key=lambda cell: cell.true == cell.predicted)
    for place in range(MOST_WRONG):
        yield from (
            int(cell.rows[place]) for cell in ordered if place < min(_most(cell), len(cell.rows))
        )
