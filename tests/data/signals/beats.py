"""Made heart beats: bumps of three kinds, as class folders, arrays and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KINDS = ("early", "normal", "wide")
LENGTH = 64


def beat(kind: str, seed: int, length: int = LENGTH) -> NDArray[np.float32]:
    """One beat (L,) of a kind."""
    random = np.random.default_rng((seed, KINDS.index(kind)))
    middle = length * (0.3 if kind == "early" else 0.5) + random.normal(0, 1)
    width = 6 if kind == "wide" else 2
    time = np.arange(length)
    wave = np.exp(-(((time - middle) / width) ** 2)) - 0.3 * np.exp(
        -(((time - middle - 8) / 4) ** 2)
    )
    return (wave + random.normal(0, 0.05, length)).astype(np.float32)


def write_folders(root: Path, count: int = 20, length: int = LENGTH) -> Path:
    """Class folders, half of whose files are CSV and half NPY."""
    for kind in KINDS:
        (root / kind).mkdir(parents=True)
        for seed in range(count):
            signal, file = beat(kind, seed, length), root / kind / f"{seed:02}"
            if seed % 2:
                np.save(file.with_suffix(".npy"), signal)
            else:
                text = "\n".join(f"{value:.9g}" for value in signal)
                file.with_suffix(".csv").write_text(text + "\n")
    return root
