"""Evaluated images: as the network saw them, and the files they come from."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import DecodedImages
from striate.data.shards.remote import remote_address


@dataclass(frozen=True)
class SeenImages:
    """The evaluated images as network inputs, (size, size, channels) uint8 each."""

    decoded: DecodedImages
    rows: NDArray[np.int64]  #: rows of the image cache, in the evaluation's order
    #: which draws what is no picture; None: rows as they are decoded
    drawn_by: Preprocess | None = None

    def drawn(self, preprocess: Preprocess) -> SeenImages:
        """Return the same as pictures, for a page."""
        return replace(self, drawn_by=preprocess)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        if self.drawn_by is None:
            return len(self.rows), *self.decoded.pixels.shape[1:]
        return len(self.rows), *self.drawn_by.picture_shape

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Return a row's image, or (N, size, size, channels) for N rows, which are read at once."""
        found = np.asarray(self.decoded.pixels[self.rows[rows]])
        return found if self.drawn_by is None else self.drawn_by.pictures(found)


@dataclass(frozen=True)
class Originals:
    """The original image files of an evaluation, linked relative to the report page."""

    root: Path  #: base of the evaluation's paths
    page: Path  #: folder of the report page

    @classmethod
    def of(cls, data: Path, page: Path) -> Originals | None:
        """Return the originals of a folder or manifest; None for an object store."""
        if remote_address(data):
            return None
        return cls(find_root(data), page.parent)

    def link(self, path: str) -> str:
        """Return the image's URL relative to the page; "" if it is not a separate file."""
        file = self.root / path
        return quote(os.fsencode(os.path.relpath(file, self.page))) if file.is_file() else ""

    def pixels(self, path: str, side: int) -> NDArray[np.uint8] | None:
        """Return (H, W, 1 or 3), upright, sides not much above `side`; None if there is no file."""
        if not self.link(path):
            return None
        image, _ = decode(self.root / path, path, preprocess=Preprocess(side, 3, "letterbox"))
        if image is None:
            return None
        return np.atleast_3d(np.asarray(image))


def find_root(data: Path) -> Path:
    """Return the folder that the paths of a folder's or manifest's images are relative to."""
    return data if data.is_dir() else data.resolve().parent
