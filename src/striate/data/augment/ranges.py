"""How far training images may vary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from striate.options import Augment, AugmentParams

DRAWS = 24  #: uniform numbers an image and epoch
(
    TURN, SCALE, ACROSS, DOWN, MIRROR, CONTRAST, BRIGHTNESS, SHEAR,
    STRETCH, CROP, CROP_ACROSS, CROP_DOWN, FLIP, SATURATION, HUE, ERASE,
    ERASE_FORM, ERASE_ACROSS, ERASE_DOWN, MIX, MIX_FORM, MIX_ACROSS, MIX_DOWN, MIX_KIND,
) = range(DRAWS)  # fmt: skip


@dataclass(frozen=True)
class AugmentRanges:
    """Ranges of change; each is drawn evenly from minus to plus its value.

    `crop`, `erase`, `mixup` and `cutmix` are drawn evenly from 0 to their value. Limits, units and
    help are those of `striate.options.VaryOptions`.
    """

    rotate: float = 0.0  #: degrees
    translate: float = 0.0  #: share of the side
    scale: float = 0.0  #: share of the size
    hflip: bool = False  #: half of the images, left to right
    brightness: float = 0.0  #: share of the full range
    contrast: float = 0.0  #: share
    vflip: bool = False  #: half of the images, upside down
    shear: float = 0.0  #: degrees
    aspect: float = 0.0  #: width to height, share
    crop: float = 0.0  #: share of the area cut away
    saturation: float = 0.0  #: share
    hue: float = 0.0  #: degrees about the axis of grays
    erase: float = 0.0  #: share of the area
    mixup: float = 0.0  #: share of another image laid over the whole
    cutmix: float = 0.0  #: share of the area given to another image

    @property
    def is_active(self) -> bool:
        """Whether anything does."""
        return bool(self.geometric or self.photometric or self.erase or self.mixes)

    @property
    def geometric(self) -> bool:
        """Whether places change."""
        return any(
            (self.rotate, self.translate, self.scale, self.hflip, self.vflip, self.shear, self.aspect,
             self.crop)
        )  # fmt: skip

    @property
    def photometric(self) -> bool:
        """Whether colors change."""
        return any((self.brightness, self.contrast, self.saturation, self.hue))

    @property
    def mixes(self) -> bool:
        """Whether labels change."""
        return bool(self.mixup or self.cutmix)


LEVELS = {
    "none": AugmentRanges(),
    "light": AugmentRanges(rotate=8, translate=0.06, scale=0.08),
    "standard": AugmentRanges(
        rotate=8, translate=0.1, scale=0.1, hflip=True, brightness=0.1, contrast=0.15
    ),
    "strong": AugmentRanges(
        rotate=20, translate=0.15, scale=0.25, hflip=True, brightness=0.2, contrast=0.3
    ),
}


def default_level(channels: int) -> Augment:
    """The level of images for which none was asked; signs in gray are not to be mirrored."""
    return "light" if channels == 1 else "standard"


def augment_ranges(level: Augment, params: str | None) -> AugmentRanges:
    """The ranges of a level, with those that `vary` names in their place.

    Raises OptionError for a text that `VaryOptions.parse` does not take.
    """
    changes: dict[str, Any] = AugmentParams.parse(params).given() if params is not None else {}
    return replace(LEVELS[level], **changes)
