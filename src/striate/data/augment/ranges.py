"""How far training pictures may vary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from striate.options import Augment, VaryOptions

DRAWS = 24  #: uniform numbers a picture and epoch
(
    TURN, SCALE, ACROSS, DOWN, MIRROR, CONTRAST, BRIGHTNESS, SHEAR,
    STRETCH, CROP, CROP_ACROSS, CROP_DOWN, FLIP, SATURATION, HUE, ERASE,
    ERASE_FORM, ERASE_ACROSS, ERASE_DOWN, MIX, MIX_FORM, MIX_ACROSS, MIX_DOWN, MIX_KIND,
) = range(DRAWS)  # fmt: skip


@dataclass(frozen=True)
class Variation:
    """Ranges of change; each is drawn evenly from minus to plus its value.

    `crop`, `erase`, `mixup` and `cutmix` are drawn evenly from 0 to their value. Limits, units and
    help are those of `striate.options.VaryOptions`.
    """

    turn: float = 0.0  #: degrees
    shift: float = 0.0  #: share of the side
    scale: float = 0.0  #: share of the size
    mirror: bool = False  #: half of the pictures, left to right
    brightness: float = 0.0  #: share of the full range
    contrast: float = 0.0  #: share
    flip: bool = False  #: half of the pictures, upside down
    shear: float = 0.0  #: degrees
    stretch: float = 0.0  #: width to height, share
    crop: float = 0.0  #: share of the area cut away
    saturation: float = 0.0  #: share
    hue: float = 0.0  #: degrees about the axis of greys
    erase: float = 0.0  #: share of the area
    mixup: float = 0.0  #: share of another picture laid over the whole
    cutmix: float = 0.0  #: share of the area given to another picture

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return bool(self.moves or self.tints or self.erase or self.mixes)

    @property
    def moves(self) -> bool:
        """Whether places change."""
        return any(
            (self.turn, self.shift, self.scale, self.mirror, self.flip, self.shear, self.stretch,
             self.crop)
        )  # fmt: skip

    @property
    def tints(self) -> bool:
        """Whether colours change."""
        return any((self.brightness, self.contrast, self.saturation, self.hue))

    @property
    def mixes(self) -> bool:
        """Whether labels change."""
        return bool(self.mixup or self.cutmix)


VARIATIONS = {
    "none": Variation(),
    "light": Variation(turn=8, shift=0.06, scale=0.08),
    "standard": Variation(turn=8, shift=0.1, scale=0.1, mirror=True, brightness=0.1, contrast=0.15),
    "strong": Variation(turn=20, shift=0.15, scale=0.25, mirror=True, brightness=0.2, contrast=0.3),
}


def level(channels: int) -> Augment:
    """The level of pictures for which none was asked; signs in grey are not to be mirrored."""
    return "light" if channels == 1 else "standard"


def variation(level: Augment, vary: str | None) -> Variation:
    """The ranges of a level, with those that `vary` names in their place.

    Raises OptionError for a text that `VaryOptions.parse` does not take.
    """
    changes: dict[str, Any] = VaryOptions.parse(vary).given() if vary is not None else {}
    return replace(VARIATIONS[level], **changes)
