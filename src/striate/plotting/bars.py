"""The bar that says which number has which colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from striate.plotting.color import Scale, amount, coloured


@dataclass(frozen=True, slots=True)
class Bar:
    """The colours of a scale."""

    scale: Scale

    def ramp(self, steps: int) -> Image.Image:
        """(steps, 1) pixels from the least to the most."""
        numbers = np.linspace(self.scale.least, self.scale.most, steps)[None]
        return Image.fromarray(coloured(numbers, self.scale)).convert("RGB")

    @property
    def labels(self) -> tuple[str, ...]:
        """From the most to the least, at equal distances."""
        middle = ("0",) if self.scale.kind == "diverging" else ()
        return amount(self.scale.most), *middle, amount(self.scale.least)
