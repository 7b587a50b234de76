"""Pictures that were judged, to be shown beside what was said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.data.listing import Packed


@dataclass(frozen=True)
class Views:
    """The pictures that were judged, as the network saw them: (size, size, channels) uint8 each."""

    packed: Packed
    rows: NDArray[np.int64]  #: of the pack, aligned with the evaluation's

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return np.asarray(self.packed.pixels[self.rows[row]])
