"""A sheet: what there is to see, as a picture for PNG, SVG and notebooks, and as arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate import storage
from striate.plotting.png import to_png
from striate.plotting.shapes import Picture
from striate.plotting.svg import to_svg

#: what a sheet can be written as
SUFFIXES = (".png", ".svg", ".npz")


@dataclass(frozen=True)
class Sheet:
    """A picture, the arrays that it shows, and a sentence that says what is seen."""

    picture: Picture = field(repr=False)
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)  #: without objects
    text: str  #: what is seen, the scale of the colors, what to beware of

    def __str__(self) -> str:
        return self.text

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return a PNG file and the size to show it at, as it is sharper than its units."""
        size = {"width": round(self.picture.width), "height": round(self.picture.height)}
        return to_png(self.picture), size

    def write(self, path: str | Path) -> None:
        """Write a .png, .svg or .npz file, atomically. Raises OptionError, StorageError."""
        place = Path(path)
        storage.check_suffix(place, SUFFIXES)
        suffix = place.suffix.lower()
        if suffix == ".png":
            storage.write(place, to_png(self.picture))
        elif suffix == ".svg":
            storage.write(place, to_svg(self.picture))
        else:
            storage.write(place, _as_npz(self.arrays))


def _as_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
