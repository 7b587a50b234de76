"""Answer of semantic segmentation: the mask of an image, and the share of it that is each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.tasks.answers import Answers
from striate.tasks.colors import class_colors
from striate.tasks.segmentation.drawing import (
    Mask,
    decode_mask,
    draw_overlay,
    encode_mask,
    make_palette,
    read_palette,
)
from striate.text import MISSING, format_percent


@dataclass(frozen=True, slots=True)
class MaskAnswer:
    """The class of every pixel of one image. As an indexed PNG file, masks need little memory."""

    shares: Mapping[str, float]  #: class -> share of the pixels that have an answer, 0 to 1
    png: bytes = field(default=b"", repr=False)  #: class indices with the colors of the classes
    most: int = field(default=3, repr=False)  #: classes listed in a table

    @classmethod
    def of(cls, mask: Mask, spec: TargetSpec, most: int) -> MaskAnswer:
        """Return the answer of class indices (H, W); pixels of 255 have no answer."""
        counts = np.bincount(mask.ravel(), minlength=256)[: len(spec.names)]
        shares = (counts / max(1, counts.sum())).tolist()
        png = encode_mask(mask, make_palette(spec))
        return cls(dict(zip(spec.names, shares, strict=True)), png, most)

    @property
    def mask(self) -> Mask:
        """Class indices (H, W) in the size of the image; 255 where there is no answer."""
        return decode_mask(self.png)

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Lay the colors of the classes over the gray of the image (H, W, 1 or 3): (H, W, 3)."""
        return draw_overlay(pixels, self.mask, read_palette(self.png))

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """A column for each class."""
        return tuple(f"share of {name}" for name in self.shares)

    @property
    def columns(self) -> tuple[str, ...]:
        """The largest class, its share and those after it."""
        return "largest class", "share", "other classes"

    def csv_cells(self) -> tuple[str, ...]:
        """Return the share of each class."""
        return tuple(f"{share:.6f}" for share in self.shares.values())

    def cells(self) -> tuple[str, ...]:
        """Return the largest class, its share and those after it."""
        (name, share), *others = self._largest()
        listed = ", ".join(
            f"{name} {format_percent(share)}" for name, share in others[: self.most - 1]
        )
        return name, format_percent(share), listed or MISSING

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the classes in the image with their shares, the largest first."""
        return (
            ("class", "share"),
            *((name, format_percent(share)) for name, share in self._largest()),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; shares are rounded to six decimals."""
        return {"shares": {name: round(share, 6) for name, share in self.shares.items()}}

    def _largest(self) -> list[tuple[str, float]]:
        """Return the classes in the image, the largest first; the first class if there is none."""
        ordered = sorted(self.shares.items(), key=lambda pair: -pair[1])
        return [pair for pair in ordered if pair[1]] or ordered[:1]


#: of an example beside an exported model
_PYTHON = """\
shares = [np.mean(decoded == number) for number in range(len(names))]
print(path, *(f"{name} {share:.1%}" for name, share in zip(names, shares)))
"""


_SCRIPT = """\
const [height, width] = shape, counts = names.map(() => 0), see = 128;
const pixels = new Uint8ClampedArray(4 * decoded.length);
decoded.forEach((k, at) => {
  if (k < names.length) { counts[k]++; pixels.set([...colors[k], see], 4 * at); }
});
const shares = counts.map(count => count / decoded.length), order = rank(shares);
const rows = order.map(k => [names[k], shares[k], percent(shares[k]), true, colors[k]]);
return {title: names[order[0]], rows, picture: new ImageData(pixels, width, height)};"""


@dataclass(frozen=True)
class MaskAnswers(Answers):
    """The class of each pixel."""

    name: ClassVar[str] = "segmentation"
    kind: ClassVar[str] = "mask"
    head: ClassVar[str] = "map"
    decodes: ClassVar[str] = "classes"
    pipeline: ClassVar[str] = "image-segmentation"
    places: ClassVar[tuple[str, ...]] = ("unseen",)

    @property
    def blank(self) -> MaskAnswer:
        """No share of any class, and no mask."""
        return MaskAnswer(dict.fromkeys(self.spec.names, 0.0))

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return a mask in the size of its image, without padding."""
        return preprocess.restore_mask(decoded, *size)

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return _PYTHON

    def write_script(self) -> str:
        """Return lines that show the share of each class, and the mask over the image."""
        return f"const colors = {class_colors(len(self.spec.names)).tolist()};\n{_SCRIPT}"

    def answer(self, decoded: NDArray[Any], top: int) -> MaskAnswer:
        """Return the answer of class indices (H, W); a table lists its `top` largest classes."""
        return MaskAnswer.of(decoded, self.spec, top)
