"""True masks at the size of their images, for figures of an image's own pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.decode import read_orientation
from striate.data.decoding.files import RefusedError, read_bytes
from striate.data.decoding.mask import decode_mask
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import DecodedImages
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import IGNORE, Piece
from striate.errors import DataError, printable

Mask = NDArray[np.uint8]

_MEGABYTES = 100_000  #: of a file that was decoded within its limit before


@dataclass(frozen=True)
class MaskFile:
    """The file of the mask of an image, decoded once before."""

    place: str | Piece
    image: str | Piece  #: the place of its image
    size: tuple[int, int]  #: width and height of the image
    codes: MaskCodes
    digest: bytes  #: SHA-256
    shown: str  #: its path in messages

    def read(self) -> Mask:
        """Return the mask in the size of the image (H, W). Raises DataError if it changed."""
        shown = printable(self.shown)
        try:
            data = read_bytes(self.place, _MEGABYTES * 10**6)
        except RefusedError as error:
            raise DataError(f"{shown}: {error.kind} ({error.detail})") from error
        if hashlib.sha256(data).digest() != self.digest:
            raise DataError(f"{shown}: changed since it was decoded; try again")
        turned = partial(read_orientation, self.image)
        mask, record = decode_mask(
            data, self.shown, self.codes, self.size, turned, largest_megabytes=_MEGABYTES
        )
        if mask is None:
            (finding, *_) = record.findings
            raise DataError(f"{shown}: {finding.kind} ({finding.detail})")
        return np.asarray(mask)


@dataclass(frozen=True)
class FullMask:
    """The true mask of an image, as the network's input and as its file, read when compared."""

    seen: Mask = field(repr=False)  #: (size, size), placed as the network's input
    file: MaskFile
    preprocess: Preprocess

    def compare(self, predicted: Mask) -> tuple[Mask, Mask]:
        """Return a predicted mask (size, size) and the true one, both (H, W) as the image.

        The predicted one is restored as by `Preprocess.restore_mask`. What it does not cover, as
        beyond the center of `fit="crop"`, is `IGNORE` in the true one. Raises DataError as
        `MaskFile.read` does.
        """
        restored = self.preprocess.restore_mask(predicted, *self.file.size)
        true, unseen = self.file.read(), restored == IGNORE
        if not unseen.any():
            return restored, true
        return np.where(unseen, 0, restored), np.where(unseen, IGNORE, true)


def find_mask_files(
    decoded: DecodedImages, rows: NDArray[np.int64], root: Path
) -> Iterator[MaskFile]:
    """Yield the mask files of some rows of decoded images, whose paths are relative to `root`.

    Raises DataError for images without masks.
    """
    files, records = decoded.targets.files, decoded.records
    if files is None or records.masks is None:
        raise DataError(f"{printable(str(root))}: masks were expected, but there are none")
    for row in map(int, rows):
        wide, high = records.table[["width", "height"]][row].tolist()
        shown, digest = files.paths[row], records.masks["digest"][row].tobytes()
        image: str | Piece = os.fspath(root / decoded.samples.path(row))
        place: str | Piece = os.fspath(root / shown)
        if files.pieces is not None:
            image, place = files.pieces[row]
        yield MaskFile(place, image, (wide, high), files.codes, digest, shown)


def resize_masks(files: Iterable[MaskFile], preprocess: Preprocess) -> Mask:
    """Read masks and place them as the inputs of a network: (N, size, size)."""
    read = ((Image.fromarray(file.read()), file.size) for file in files)
    return np.stack([np.asarray(preprocess.resize_mask(mask, size)) for mask, size in read])
