"""Images of sound and defect parts, hard to tell apart."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import striped


def draw_parts(folder: Path) -> Path:
    """60 images of each of two kinds of stripes, hard to tell in the noise."""
    for kind, name in (("flat", "sound"), ("slanted", "defect")):
        (folder / name).mkdir(parents=True)
        for seed in range(60):
            waves = np.asarray(striped(kind, seed), float) - 128
            draw = np.random.default_rng((seed, len(kind), 7))
            noisy = 128 + draw.uniform(0.1, 0.5) * waves + draw.normal(0, 30, waves.shape)
            image = Image.fromarray(np.clip(noisy, 0, 255).astype("uint8"))
            image.save(folder / name / f"{seed:02}.png")
    return folder
