"""Evaluated images: as the network saw them, and the files they come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
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

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), *self.decoded.pixels.shape[1:]

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Return a row's image, or (N, size, size, channels) for N rows, which are read at once."""
        return np.asarray(self.decoded.pixels[self.rows[rows]])


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
