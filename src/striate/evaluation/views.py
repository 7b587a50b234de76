"""Pictures that were judged, to be shown beside what was said of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import Packed
from striate.data.shards.remote import address


@dataclass(frozen=True)
class Views:
    """The pictures that were judged, as the network saw them: (size, size, channels) uint8 each."""

    packed: Packed
    rows: NDArray[np.int64]  #: of the pack, aligned with the evaluation's

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return np.asarray(self.packed.pixels[self.rows[row]])


@dataclass(frozen=True)
class Originals:
    """The image files behind an evaluation, seen from the page that shows them."""

    root: Path  #: what paths of the evaluation are relative to
    page: Path  #: the folder of the page

    @classmethod
    def of(cls, photos: Path, page: Path) -> Originals | None:
        """Of a folder or manifest; None for images in an object store."""
        if address(photos):
            return None
        return cls(photos if photos.is_dir() else photos.resolve().parent, page.parent)

    def link(self, path: str) -> str:
        """The address of an image relative to the page; "" where it is no file of its own."""
        file = self.root / path
        return quote(os.fsencode(os.path.relpath(file, self.page))) if file.is_file() else ""

    def pixels(self, path: str, side: int) -> NDArray[np.uint8] | None:
        """(H, W, 1 or 3), upright, its sides not much above `side`; None where it is no file."""
        if not self.link(path):
            return None
        image, _ = decode(self.root / path, path, preprocess=Preprocess(side, 3, "letterbox"))
        if image is None:
            return None
        return np.atleast_3d(np.asarray(image))
