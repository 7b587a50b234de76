"""The verb `filter`: a picture slid over by a kernel, as numbers and as a figure."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate import storage, vision
from striate.errors import OptionError, printable
from striate.options import FilterOptions
from striate.pictures.photo import SAMPLE, Photo, photo_of
from striate.vision import drawing
from striate.vision.drawing.scales import amount

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
NUMBER_SUFFIXES = (".npy",)
_SIDE, _KERNEL_SIDE = 520, 260  #: pixels of a figure


@dataclass(frozen=True, eq=False, repr=False)
class Filtered:
    """What a kernel made of a picture."""

    photo: Photo  #: as the kernel saw it
    kernel: NDArray[np.floating[Any]]  #: (kh, kw), or (kh, kw, C) summed over the channels
    kernel_name: str
    numbers: NDArray[np.floating[Any]]  #: (H', W') or (H', W', 3), never clipped
    options: FilterOptions = field(default_factory=FilterOptions)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.photo.pixels.shape

    @property
    def scale(self) -> drawing.Scale:
        """How the numbers become colours."""
        return drawing.choose(self.numbers, self.photo.white, clip=self.options.clip)

    def picture(self) -> Image.Image:
        """The numbers in colours, a pixel for each."""
        return Image.fromarray(drawing.coloured(self.numbers, self.scale))

    def figure(self) -> Image.Image:
        """The picture, the kernel and the result beside each other."""
        colour, scale = self.numbers.ndim == 3, self.scale
        kernel_lines = (shaped(self.kernel), f"sum {amount(float(self.kernel.sum()))}")
        result_lines = (ranged(self.numbers), self._how(), f"drawn: {scale.told(colour=colour)}")
        return drawing.side_by_side(
            (
                panel_of(self.photo, _SIDE),
                drawing.kernel_panel(self.kernel, _KERNEL_SIDE, self.kernel_name, kernel_lines),
                drawing.panel(self.numbers, scale, _SIDE, "result", result_lines),
            )
        )

    def to_png(self) -> bytes:
        """The filtered picture as a PNG file."""
        return encoded(self.picture(), ".png")

    def save(self, path: str | Path) -> None:
        """Write the filtered picture (.png, .jpg) or its numbers (.npy), whole or not at all.

        Raises OptionError for another suffix, StorageError where it cannot be written.
        """
        path = Path(path)
        storage.check_suffix(path, (*PICTURE_SUFFIXES, *NUMBER_SUFFIXES))
        if path.suffix.lower() in NUMBER_SUFFIXES:
            file = io.BytesIO()
            np.save(file, self.numbers)
            storage.write(path, file.getvalue())
        else:
            storage.write(path, encoded(self.picture(), path.suffix))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready table of all but the numbers themselves."""
        chosen, scale = self.options, self.scale
        return {
            "picture": {"name": self.photo.name, **_facts(self.photo.pixels)},
            "notes": list(self.photo.notes),
            "kernel": {"name": self.kernel_name, "weights": self.kernel.tolist()},
            "mode": chosen.mode,
            "border": chosen.border,
            "stride": chosen.stride,
            "dilation": chosen.dilation,
            "result": _facts(self.numbers),
            "drawn": {
                "scale": scale.kind,
                "least": scale.least,
                "most": scale.most,
                "outside": scale.outside,
            },
        }

    def __repr__(self) -> str:
        colour = self.numbers.ndim == 3
        return "\n".join(
            (
                f"picture  {ranged(self.photo.pixels)}",
                *(f"         {note}" for note in self.photo.notes),
                f"kernel   {shaped(self.kernel)}, {self.kernel_name}",
                f"result   {ranged(self.numbers)}; {self._how()}",
                f"drawn    {self.scale.told(colour=colour)}",
            )
        )

    def _how(self) -> str:
        chosen = self.options
        border = f", border {chosen.border}" if chosen.mode != "valid" else ""
        steps = "".join(
            f", {name} {number}"
            for name, number in (("stride", chosen.stride), ("dilation", chosen.dilation))
            if number > 1
        )
        return f"mode {chosen.mode}{border}{steps}"

    def _repr_png_(self) -> bytes:
        return encoded(self.figure(), ".png")


def filter(photo: Any, kernel: Any, **options: Any) -> Filtered:  # noqa: A001
    """Slide a kernel over a picture and return the numbers, with their drawing.

    The photo is a path, "sample:NAME", an array (H, W) or (H, W, 3), or a PIL image; the kernel a
    name or text as `striate.vision.kernel` takes it, or an array (kh, kw). Options are those of
    `striate filter`. Raises DataError for a file that is no picture, OptionError for a kernel or an
    array that cannot be used.

    >>> striate.filter("cat.jpg", "sobel-x", mode="valid")  # doctest: +SKIP
    """
    chosen = FilterOptions.read(options)
    check_places(chosen, photo)
    weights, name = _kernel(kernel)
    seen = photo_of(photo, chosen.largest)
    seen = seen.grey() if chosen.grey else seen
    found = filtered(seen, weights, name, chosen)
    if chosen.out:
        found.save(chosen.out)
    if chosen.raw:
        found.save(chosen.raw)
    return found


def filtered(photo: Photo, weights: Any, name: str, chosen: FilterOptions) -> Filtered:
    """The result of one kernel on a picture that is read."""
    numbers = vision.correlate(
        photo.pixels,
        weights,
        mode=chosen.mode,
        border=chosen.border,
        stride=chosen.stride,
        dilation=chosen.dilation,
    )
    return Filtered(photo, weights, name, numbers, chosen)


def check_places(chosen: FilterOptions, photo: Any) -> None:
    """Raises OptionError before any work where a file would have no known form, or is the photo."""
    for place, suffixes in ((chosen.out, PICTURE_SUFFIXES), (chosen.raw, NUMBER_SUFFIXES)):
        if place is None:
            continue
        storage.check_suffix(place, suffixes)
        if isinstance(photo, str | os.PathLike) and _same(place, photo):
            raise OptionError(f"{printable(str(place))} is the picture itself; choose another name")


def _same(place: Path, photo: str | os.PathLike[str]) -> bool:
    with contextlib.suppress(OSError, ValueError):  # one of them is not there, or has no name
        return place.samefile(photo)
    return False


def file_name(photo: str, what: str) -> str:
    """cat.jpg, gaussian(9, sigma=2) -> cat-gaussian-9-sigma-2.png; numbers -> cat-kernel.png."""
    if what.lower().endswith((".txt", ".csv", ".npy")):
        tail = Path(what).stem
    else:
        tail = what if what[:1].isalpha() else "kernel"
    tail = re.sub(r"[^\w.]+", "-", tail).strip("-")[:60]
    return f"{Path(photo.removeprefix(SAMPLE)).stem}-{tail}.png"


def panel_of(photo: Photo, side: int) -> drawing.Panel:
    """The picture that goes in, as it is."""
    scale = drawing.choose(photo.pixels, photo.white)
    title = Path(photo.name).name
    return drawing.panel(photo.pixels, scale, side, title, (ranged(photo.pixels),))


def encoded(image: Image.Image, suffix: str) -> bytes:
    """An image as the bytes of a PNG or JPEG file."""
    file = io.BytesIO()
    if suffix.lower() == ".png":
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def shaped(numbers: NDArray[Any]) -> str:
    return "x".join(map(str, numbers.shape))


def ranged(numbers: NDArray[Any]) -> str:
    """240x320x3, -771 to 802."""
    return f"{shaped(numbers)}, {spanned(numbers)}"


def spanned(numbers: NDArray[Any]) -> str:
    return f"{amount(float(numbers.min()))} to {amount(float(numbers.max()))}"


def _facts(numbers: NDArray[Any]) -> dict[str, Any]:
    return {
        "shape": list(numbers.shape),
        "dtype": str(numbers.dtype),
        "least": float(numbers.min()),
        "most": float(numbers.max()),
    }


def _kernel(kernel: Any) -> tuple[NDArray[Any], str]:
    if isinstance(kernel, str | Path):
        return np.atleast_2d(vision.kernel(kernel)), printable(str(kernel), 60)
    try:
        return np.atleast_2d(np.asarray(kernel)), "kernel"
    except ValueError as error:
        raise OptionError("a kernel needs rows of one length, but ragged rows came") from error
