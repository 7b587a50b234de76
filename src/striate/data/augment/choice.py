"""From what was asked for to ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from striate.data.augment.ranges import VARIATIONS, Variation
from striate.options import Augment, VaryOptions


def level(channels: int) -> Augment:
    """The level of pictures for which none was asked; signs in grey are not to be mirrored."""
    return "light" if channels == 1 else "standard"


def variation(level: Augment, vary: str | None) -> Variation:
    """The ranges of a level, with those that `vary` names in their place.

    Raises OptionError for a text that `VaryOptions.parse` does not take.
    """
    changes: dict[str, Any] = VaryOptions.parse(vary).given() if vary is not None else {}
    return replace(VARIATIONS[level], **changes)
