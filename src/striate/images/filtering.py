"""The verb `filter`: convolve an image or signal with a kernel; numbers and figure."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate import plotting, storage, vision
from striate.errors import OptionError, printable
from striate.images.image import SAMPLE, LoadedImage, load_image
from striate.options import FilterOptions
from striate.plotting.ink import encode_file
from striate.text import format_amount, format_shape

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
NUMBER_SUFFIXES = (".npy",)
_SIDE, _KERNEL_SIDE = 520, 260  #: figure sizes in pixels
_CELLS = 5  #: maximum taps of a signal's kernel shown as numbered cells


@dataclass(frozen=True, eq=False, repr=False)
class Filtered:
    """Result of filtering an image or signal."""

    image: LoadedImage  #: input of the kernel
    kernel: NDArray[np.floating[Any]]  #: (kh, kw), (kh, kw, C) summed over the channels, or (K,)
    kernel_name: str
    numbers: NDArray[np.floating[Any]]  #: (H', W'), (H', W', 3) or (N',), never clipped
    options: FilterOptions = field(default_factory=FilterOptions)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.image.pixels.shape

    @property
    def scale(self) -> plotting.Scale:
        """Mapping from values to colors."""
        return plotting.choose_scale(self.numbers, self.image.white_level, clip=self.options.clip)

    def to_image(self) -> Image.Image:
        """Return the values as colors, one pixel each; a signal as a curve."""
        if self.numbers.ndim == 1:
            return plotting.curve(self.numbers, 2 * _SIDE, _SIDE)
        return Image.fromarray(plotting.colorize(self.numbers, self.scale))

    def figure(self) -> Image.Image:
        """Return the image, the kernel and the result side by side."""
        kernel_lines = (
            format_shape(self.kernel.shape),
            f"sum {format_amount(float(self.kernel.sum()))}",
        )
        result_lines = (describe_range(self.numbers), self._how(), f"drawn: {self._drawn()}")
        if self.numbers.ndim == 1:
            result = plotting.curve_panel(self.numbers, _SIDE, "result", result_lines)
        else:
            result = plotting.make_panel(self.numbers, self.scale, _SIDE, "result", result_lines)
        draw = plotting.make_kernel_panel if self.kernel.ndim > 1 else _taps_panel
        kernel = draw(self.kernel, _KERNEL_SIDE, self.kernel_name, kernel_lines)
        return plotting.draw_side_by_side((make_panel(self.image, _SIDE), kernel, result))

    def to_png(self) -> bytes:
        """Encode the filtered image as PNG."""
        return encode_file(self.to_image(), ".png")

    def save(self, path: str | Path) -> None:
        """Write the filtered image (.png, .jpg) or its values (.npy), atomically.

        Raises OptionError for another suffix, StorageError if it cannot be written.
        """
        path = Path(path)
        storage.check_suffix(path, (*IMAGE_SUFFIXES, *NUMBER_SUFFIXES))
        if path.suffix.lower() in NUMBER_SUFFIXES:
            file = io.BytesIO()
            np.save(file, self.numbers)
            storage.write(path, file.getvalue())
        else:
            storage.write(path, encode_file(self.to_image(), path.suffix))

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values, without the result array."""
        chosen, scale = self.options, self.scale
        return {
            "image": {"name": self.image.name, **_facts(self.image.pixels)},
            "notes": list(self.image.notes),
            "kernel": {"name": self.kernel_name, "weights": self.kernel.tolist()},
            "mode": chosen.mode,
            "border": chosen.border,
            "stride": chosen.stride,
            "dilation": chosen.dilation,
            "flip": chosen.flip,
            "result": _facts(self.numbers),
            "drawn": None
            if self.numbers.ndim == 1
            else {
                "scale": scale.kind,
                "least": scale.least,
                "most": scale.most,
                "outside": scale.outside,
            },
        }

    def __repr__(self) -> str:
        what = "signal " if self.numbers.ndim == 1 else "image"
        return "\n".join(
            (
                f"{what}  {describe_range(self.image.pixels)}",
                *(f"         {note}" for note in self.image.notes),
                f"kernel   {format_shape(self.kernel.shape)}, {self.kernel_name}",
                f"result   {describe_range(self.numbers)}; {self._how()}",
                f"drawn    {self._drawn()}",
            )
        )

    def _drawn(self) -> str:
        if self.numbers.ndim == 1:
            return "as a curve"
        return self.scale.describe(color=self.numbers.ndim == 3)

    def _how(self) -> str:
        chosen = self.options
        border = f", border {chosen.border}" if chosen.mode != "valid" else ""
        steps = "".join(
            f", {name} {number}"
            for name, number in (("stride", chosen.stride), ("dilation", chosen.dilation))
            if number > 1
        )
        flipped = ", kernel flipped" if chosen.flip else ""
        return f"mode {chosen.mode}{border}{steps}{flipped}"

    def _repr_png_(self) -> bytes:
        return encode_file(self.figure(), ".png")


def filter(image: Any, kernel: Any, **options: Any) -> Filtered:  # noqa: A001
    """Convolve an image or signal with a kernel and return the values, with their figure.

    The image is a path, "sample:NAME", an array (H, W) or (H, W, 3), a PIL image, or a signal (N,);
    the kernel a name or text as in `striate.vision.kernel`, or an array (kh, kw) or (K,). It is not
    flipped (cross-correlation) unless `flip` is set. Options are those of `striate filter`. Raises
    DataError for a file that is not an image, OptionError for an invalid kernel or array.

    >>> striate.filter("cat.jpg", "sobel-x", mode="valid")  # doctest: +SKIP
    """
    chosen = FilterOptions.read(options)
    check_outputs(chosen, image, kernel)
    seen = load_image(image, chosen.largest, signals=True)
    weights, name = _kernel(kernel, signal=seen.pixels.ndim == 1)
    seen = seen.to_gray() if chosen.gray else seen
    found = apply_kernel(seen, weights, name, chosen)
    if chosen.out:
        found.save(chosen.out)
    if chosen.raw:
        found.save(chosen.raw)
    return found


def apply_kernel(image: LoadedImage, weights: Any, name: str, chosen: FilterOptions) -> Filtered:
    """Apply one kernel to a loaded image."""
    slide = vision.convolve if chosen.flip else vision.correlate
    numbers = slide(
        image.pixels,
        weights,
        mode=chosen.mode,
        border=chosen.border,
        stride=chosen.stride,
        dilation=chosen.dilation,
    )
    return Filtered(image, weights, name, numbers, chosen)


def check_outputs(chosen: FilterOptions, image: Any, kernel: Any = None) -> None:
    """Raise OptionError early if an output has an unknown format, or is an input."""
    for place, suffixes in ((chosen.out, IMAGE_SUFFIXES), (chosen.raw, NUMBER_SUFFIXES)):
        if place is None:
            continue
        storage.check_suffix(place, suffixes)
        given = getattr(image, "filename", image), kernel
        files = (Path(each) for each in given if isinstance(each, str | os.PathLike))
        storage.check_output(place, files)


def file_name(image: str, what: str) -> str:
    """cat.jpg, gaussian(9, sigma=2) -> cat-gaussian-9-sigma-2.png; numbers -> cat-kernel.png."""
    if what.lower().endswith((".txt", ".csv", ".npy")):
        tail = Path(what).stem
    else:
        tail = what if what[:1].isalpha() else "kernel"
    tail = re.sub(r"[^\w.]+", "-", tail).strip("-")[:60]
    return f"{Path(image.removeprefix(SAMPLE)).stem}-{tail}.png"


def make_panel(image: LoadedImage, side: int) -> plotting.Panel:
    """Return the input image or signal as a panel."""
    title = Path(image.name).name
    if image.pixels.ndim == 1:
        return plotting.curve_panel(image.pixels, side, title, (describe_range(image.pixels),))
    scale = plotting.choose_scale(image.pixels, image.white_level)
    return plotting.make_panel(image.pixels, scale, side, title, (describe_range(image.pixels),))


def describe_range(numbers: NDArray[Any]) -> str:
    """240x320x3, -771 to 802."""
    return f"{format_shape(numbers.shape)}, {spanned(numbers)}"


def spanned(numbers: NDArray[Any]) -> str:
    return f"{format_amount(float(numbers.min()))} to {format_amount(float(numbers.max()))}"


def _facts(numbers: NDArray[Any]) -> dict[str, Any]:
    return {
        "shape": list(numbers.shape),
        "dtype": str(numbers.dtype),
        "least": float(numbers.min()),
        "most": float(numbers.max()),
    }


def _taps_panel(
    weights: NDArray[Any], side: int, title: str, lines: tuple[str, ...]
) -> plotting.Panel:
    """(K,): numbered cells if they fit, else a curve."""
    if len(weights) > _CELLS:
        return plotting.curve_panel(weights, side, title, lines)
    return plotting.make_kernel_panel(weights[None], side, title, lines)


def _kernel(kernel: Any, *, signal: bool) -> tuple[NDArray[Any], str]:
    """Return weights and name: (K,) for a signal, with 1-D Gaussian and box kernels."""
    if isinstance(kernel, str | Path):
        weights, name = vision.kernel(kernel), printable(str(kernel), 60)
        if signal and weights.ndim == 2 and name.startswith(("box", "gaussian")):
            weights = vision.kernel(kernel, axes=1)
    else:
        name = "kernel"
        try:
            weights = np.asarray(kernel)
        except ValueError as error:
            raise OptionError("a kernel needs rows of one length, but ragged rows came") from error
    if not signal:
        return np.atleast_2d(weights), name
    if weights.ndim == 2 and len(weights) == 1:
        weights = weights[0]
    if weights.ndim != 1:
        raise OptionError(
            f'a signal takes a kernel (K,), as "1 0 -1" or "box(5)", but {name} is '
            f"{format_shape(weights.shape)}"
        )
    return weights, name
