"""Image loading: a file, a packaged sample, an array or a PIL image as an array."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from striate.data.cache.read_files import File, read_whole
from striate.data.decoding.colors import UnsuitableError, flatten
from striate.data.decoding.files import check_regular
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.sniff import sniff_format
from striate.data.listing.samples import USED, Finding
from striate.data.shards.remote import refuse_web
from striate.errors import DataError, OptionError, printable
from striate.vision.samples import sample

SAMPLE = "sample:"
_EXPECTED = "expected JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"
#: finding kinds of training only, where images are resized
_OF_TRAINING = {"tiny", "long"}


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """Full-size upright image, and the conversions applied."""

    name: str
    pixels: NDArray[Any] = field(repr=False)  #: (H, W) or (H, W, 3); (N,) for a signal
    format: str = ""  #: file format; "" for an array
    notes: tuple[str, ...] = ()

    @property
    def white_level(self) -> float:
        """Value of white: 255, 65,535, or 1 for booleans and floats up to 1."""
        if self.pixels.dtype == np.uint16:
            return 65535
        if self.pixels.dtype.kind in "bf" and self.pixels.min() >= 0 and self.pixels.max() <= 1:
            return 1
        return 255

    def to_gray(self) -> LoadedImage:
        """Convert to grayscale: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601)."""
        if self.pixels.ndim < 3:
            return self
        if self.pixels.dtype == np.uint8:
            return replace(self, pixels=np.asarray(Image.fromarray(self.pixels).convert("L")))
        shades = self.pixels @ np.array([0.299, 0.587, 0.114])
        whole = self.pixels.dtype.kind in "iu"
        kept = np.rint(shades) if whole else shades
        return replace(self, pixels=kept.astype(self.pixels.dtype if whole else kept.dtype))


def load_image(
    image: Any, largest: int = LARGEST_MEGABYTES, *, signals: bool = False
) -> LoadedImage:
    """A path, "sample:NAME", an array (H, W) or (H, W, 1 or 3), or a PIL image -> LoadedImage.

    `largest` limits the memory of a file's pixels, in megabytes. With `signals`, a sample or an
    array may also be (N,). Raises DataError for a file, OptionError for anything else that is not
    an image.
    """
    if isinstance(image, LoadedImage):
        return image
    if isinstance(image, Image.Image):
        return _from_image(image, largest)
    if not isinstance(image, str | os.PathLike):
        return LoadedImage("array", _checked(image, signals=signals))
    path = os.fspath(image)
    if path.startswith(SAMPLE):
        return LoadedImage(path, _checked(sample(path.removeprefix(SAMPLE)), signals=signals))
    return _from_file(Path(path), printable(path), largest)


def _from_file(path: Path, shown: str, largest: int) -> LoadedImage:
    refuse_web(path)
    if not os.path.lexists(path):
        raise DataError(f"{shown}: no such file")
    pixels, record = read_whole(File(path, shown), largest)
    if pixels is None:
        raise _refused(shown, record.findings[0])
    seen = [finding for finding in record.findings if finding.kind not in _OF_TRAINING]
    with check_regular(path) as file:
        form = sniff_format(file.read(4096))
    return LoadedImage(shown, pixels, form, tuple(map(_note, seen)))


def _note(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.kind}{detail}: {USED[finding.kind]}"


def _refused(shown: str, finding: Finding) -> DataError:
    detail = finding.detail
    match finding.kind:
        case "huge":
            return DataError(f"{shown}: {detail}; raise it with --largest")
        case "not an image":
            return DataError(f"{shown}: not an image, {detail}; {_EXPECTED}")
        case "empty":
            return DataError(f"{shown}: the file is empty; {_EXPECTED}")
        case "special file":
            return DataError(f"{shown}: {detail}, where an image was expected")
        case _:
            return DataError(f"{shown}: {finding.kind}: {detail}")


def _from_image(image: Image.Image, largest: int) -> LoadedImage:
    needed = image.width * image.height * len(image.getbands())
    if needed > largest * 10**6:
        raise OptionError(
            f"the image has {image.width:,} x {image.height:,} pixels, which need "
            f"{-(-needed // 10**6):,} MB, the limit is {largest:,} MB; raise it with largest"
        )
    try:
        upright = ImageOps.exif_transpose(image)
        plain = flatten(upright)
    except UnsuitableError as error:
        raise OptionError(f"the image cannot be used: {error}") from error
    except OSError as error:
        reason = printable(str(error), 120)
        raise DataError(f"the image cannot be decoded: {reason}") from error
    turned = image.getexif().get(274, 1) != 1
    notes = [Finding(kind, "") for kind in (*plain.kinds, *(["rotated"] if turned else []))]
    return LoadedImage("image", _checked(plain.image), image.format or "", tuple(map(_note, notes)))


def _checked(values: Any, *, signals: bool = False) -> NDArray[Any]:
    """Validate an array as a finite image, (H, W) or (H, W, 3), or signal (N,)."""
    try:
        pixels = np.asarray(values)
    except ValueError as error:
        raise OptionError("an image needs rows of one length, but ragged rows came") from error
    if pixels.dtype.kind not in "biuf":
        raise OptionError(f"an image holds numbers, but an array of {pixels.dtype} came")
    axes = (1, 2, 3) if signals else (2, 3)
    if pixels.ndim not in axes or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)):
        raise OptionError(
            f"an image is (H, W), (H, W, 1) or (H, W, 3), but {pixels.shape} came; "
            "striate.vision.correlate takes other arrays"
        )
    if pixels.size == 0:
        raise OptionError(f"an image of shape {pixels.shape} has no pixels")
    bad = int(np.count_nonzero(~np.isfinite(pixels))) if pixels.dtype.kind == "f" else 0
    if bad:
        raise OptionError(
            f"{bad:,} of the {pixels.size:,} numbers of the image are not finite; "
            "replace them, as numpy.nan_to_num does"
        )
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
