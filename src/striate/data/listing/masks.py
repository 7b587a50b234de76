"""Masks of a listing: their files, what the codes in them stand for, and their palettes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from striate.data.listing.samples import IGNORE, Palette, Piece

if TYPE_CHECKING:  # workers import this without NumPy
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MaskCodes:
    """What is stored in mask files, and the class index that each code stands for.

    Several codes may stand for one class, or for `IGNORE`. Masks in gray or with a palette are read
    by `values`, those in colors by `colors`; where there are no values, every mask is. Without any
    code the files are pictures to be answered, not masks.
    """

    values: tuple[tuple[int, int], ...] = ()  #: gray value or palette index, and class index
    colors: tuple[tuple[int, int], ...] = ()  #: 0xRRGGBB, and class index

    @property
    def of_pictures(self) -> bool:
        """Whether there are no codes, as the files are pictures."""
        return not (self.values or self.colors)

    @property
    def classes(self) -> int:
        """The number of classes: one more than the highest index."""
        indices = {index for _, index in (*self.values, *self.colors)}
        return 1 + max(indices - {IGNORE}, default=-1)


def index_codes(classes: int) -> MaskCodes:
    """Return the codes of masks that hold class indices, and 255 where there is no class."""
    return MaskCodes((*((index, index) for index in range(classes)), (IGNORE, IGNORE)))


@dataclass(frozen=True)
class MaskFiles:
    """The mask of each image of a listing, in the same order."""

    paths: Sequence[str]  #: relative to the root of the listing
    codes: MaskCodes
    #: byte ranges of each image and its mask in shards; None: they are files of their own
    pieces: Sequence[tuple[Piece, Piece]] | None = None

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return "target" if self.codes.of_pictures else "mask"

    def row_shape(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a decoded mask or picture, given that of its image, (H, W, C)."""
        return image if self.codes.of_pictures else image[:2]

    def select(self, rows: NDArray[Any]) -> MaskFiles:
        """Return the masks of the given rows."""
        some = rows.tolist()
        pieces = self.pieces and [self.pieces[row] for row in some]
        return replace(self, paths=[self.paths[row] for row in some], pieces=pieces)


def find_other_palettes(palettes: Sequence[Palette]) -> dict[int, str]:
    """Return the masks, by number, that give an index another color than most: with what differs.

    Such indices may have been numbered anew for each file, and be of other classes.
    """
    colors: dict[int, Counter[int]] = {}
    for palette in palettes:
        for index, color in palette:
            colors.setdefault(index, Counter())[color] += 1
    usual = {index: counts.most_common(1)[0][0] for index, counts in colors.items()}
    found: dict[int, str] = {}
    for number, palette in enumerate(palettes):
        other = [(index, color) for index, color in palette if color != usual[index]]
        if other:
            (index, color), more = other[0], len(other) - 1
            found[number] = f"index {index} is #{color:06x}, in most masks #{usual[index]:06x}" + (
                f"; {more} more differ" if more else ""
            )
    return found
