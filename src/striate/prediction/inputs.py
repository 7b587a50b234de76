"""Inputs of a prediction: paths, folders, shards, arrays and PIL images, in the given order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from striate.data.cache.read_files import File
from striate.data.decoding.colors import UnsuitableError, flatten
from striate.data.listing.samples import Finding
from striate.data.readers.patterns import match_paths
from striate.errors import OptionError, printable
from striate.prediction.paths import expand

_EXPECTED = "expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a batch (N, H, W, C) of them"


@dataclass(frozen=True, slots=True)
class Made:
    """An image passed in memory, in mode L or RGB."""

    image: Image.Image
    shown: str
    findings: tuple[Finding, ...] = ()


def sources(data: Iterable[Any]) -> Iterator[File | Made]:
    """Yield the images of the data; paths are checked before the first is yielded.

    A folder is listed as its images are asked for.

    Raises DataError, OptionError.
    """
    return chain.from_iterable([_each(image) for image in data])


def given_paths(data: Iterable[Any]) -> Iterator[Path]:
    """Yield the paths among the data and in lists of them, folders as they are."""
    for image in data:
        if isinstance(image, str | os.PathLike):
            path = Path(image)
            yield from [path] if os.path.lexists(path) else map(Path, match_paths(str(path)))
        elif isinstance(image, list | tuple):
            yield from given_paths(image)


def _each(image: Any) -> Iterable[File | Made]:
    if isinstance(image, File | Made):
        return [image]
    if isinstance(image, str | os.PathLike):
        return expand(Path(image))
    if isinstance(image, Image.Image):
        return [_from_image(image)]
    if hasattr(image, "__array__"):
        return _from_array(np.asarray(image))
    if isinstance(image, list | tuple):
        return sources(image)
    if isinstance(image, Iterable):  # read lazily: it may be infinite
        return chain.from_iterable(map(_each, image))
    raise OptionError(
        f"expected a path, an array, a PIL image or a list of them, but {_type(image)} came"
    )


def _type(value: Any) -> str:
    return printable(type(value).__name__, 60)


def _from_image(image: Image.Image) -> Made:
    shown = str(getattr(image, "filename", "")) or "image"
    try:
        found = flatten(ImageOps.exif_transpose(image))
    except (UnsuitableError, OSError) as error:
        raise OptionError(f"the image cannot be used: {printable(str(error), 200)}") from error
    turned = image.getexif().get(274, 1) in range(2, 9)
    kinds = [*found.kinds, *["rotated"] * turned]
    return Made(found.image, shown, tuple(Finding(kind, shown) for kind in kinds))


def _from_array(values: NDArray[Any]) -> Iterable[Made]:
    if values.ndim == 4 and len(values) and values.shape[3] in (1, 3, 4):
        eight = _eight_bits(values)
        return (_from_pixels(row, f"array[{number}]") for number, row in enumerate(eight))
    if values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (1, 3, 4)):
        return [_from_pixels(_eight_bits(values), "array")]
    raise OptionError(f"an array of shape {values.shape} is no image; {_EXPECTED}")


def _from_pixels(values: NDArray[np.uint8], shown: str) -> Made:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    found = flatten(Image.fromarray(np.ascontiguousarray(values)))
    return Made(found.image, shown, tuple(Finding(kind, shown) for kind in found.kinds))


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.size == 0:
        raise OptionError(f"an array of shape {values.shape} has no pixels")
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        raise OptionError(
            f"an array of {values.dtype} does not say which value is white; "
            "expected uint8, or floats from 0 to 1"
        )
    least, most = float(values.min()), float(values.max())
    if not (least >= 0 and most <= 1):  # also catches NaN
        raise OptionError(
            f"an array of floats from {least:.4g} to {most:.4g} came; expected 0 to 1, or uint8"
        )
    return (values.astype(np.float64) * 255 + 0.5).astype(np.uint8)
