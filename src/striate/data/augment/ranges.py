"""Augmentation ranges, and the layout of the random numbers that sample them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from striate.options import Augment, AugmentParams

DRAWS = 24  #: uniform numbers per image and epoch
(
    ROTATE, SCALE, TRANSLATE_X, TRANSLATE_Y, HFLIP, CONTRAST, BRIGHTNESS, SHEAR,
    ASPECT, CROP, CROP_X, CROP_Y, VFLIP, SATURATION, HUE, ERASE,
    ERASE_FORM, ERASE_X, ERASE_Y, MIX, MIX_FORM, MIX_X, MIX_Y, MIX_KIND,
) = range(DRAWS)  # fmt: skip


@dataclass(frozen=True)
class AugmentRanges:
    """Augmentation ranges; each parameter is uniform between minus and plus its value.

    `crop`, `erase`, `mixup` and `cutmix` are uniform between 0 and their value. Limits, units and
    help are in `striate.options.AugmentParams`.
    """

    rotate: float = 0.0  #: degrees
    translate: float = 0.0  #: fraction of the side
    scale: float = 0.0  #: fraction of the size
    hflip: bool = False  #: flip left to right with probability 0.5
    brightness: float = 0.0  #: fraction of the full range
    contrast: float = 0.0  #: fraction
    vflip: bool = False  #: flip upside down with probability 0.5
    shear: float = 0.0  #: degrees
    aspect: float = 0.0  #: aspect ratio, fraction
    crop: float = 0.0  #: fraction of the area removed
    saturation: float = 0.0  #: fraction
    hue: float = 0.0  #: degrees about the gray axis
    erase: float = 0.0  #: fraction of the area
    mixup: float = 0.0  #: mixing weight of the other image
    cutmix: float = 0.0  #: fraction of the area replaced by another image

    @property
    def is_active(self) -> bool:
        """Whether any augmentation is enabled."""
        return bool(self.geometric or self.photometric or self.erase or self.mixes)

    @property
    def geometric(self) -> bool:
        """Whether any geometric augmentation is enabled."""
        return any(
            (self.rotate, self.translate, self.scale, self.hflip, self.vflip, self.shear,
             self.aspect, self.crop)
        )  # fmt: skip

    @property
    def photometric(self) -> bool:
        """Whether any color augmentation is enabled."""
        return any((self.brightness, self.contrast, self.saturation, self.hue))

    @property
    def mixes(self) -> bool:
        """Whether mixup or CutMix is enabled, so that labels are soft."""
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


SEQUENCE_LEVEL: Augment = "standard"  #: default level for DNA: both strands are shown


def augment_ranges(level: Augment, params: AugmentParams | None) -> AugmentRanges:
    """Return the ranges of a level, overridden by `params`."""
    return replace(LEVELS[level], **params.given()) if params else LEVELS[level]


def default_level(channels: int) -> Augment:
    """Return the default level for a channel count; grayscale images are not flipped."""
    return "light" if channels == 1 else "standard"
