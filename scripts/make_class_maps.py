"""Make the class maps of the page on them, which are kept in the repository, and print a verdict.

striate train clothing --network efficientnet_lite0 --weights package --freeze all --epochs 15 \
    --out runs/garments
python scripts/make_class_maps.py runs/garments clothing/test

`clothing` is the dataset of garments that `benchmarks/photo_sets.py` describes. The verdict is on
two photographs of each class, the first in the order of their names; the picture shows six.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.look.draw_class_maps import draw_class_maps
from striate.look.verdict import Trial
from striate.model import Model
from striate.plotting.ink import encode
from striate.plotting.png import to_png

FILE = Path(__file__).parents[1] / "docs" / "images" / "class-maps.jpg"
EACH, SHOWN = 2, 6
TRIAL = Trial(orders=5)
WIDTH = 1170


def main(run: str, photos: str) -> None:
    model = striate.load(f"{run}/model.safetensors")
    assert isinstance(model, Model)
    folders = sorted(path for path in Path(photos).iterdir() if path.is_dir())
    files = [file for folder in folders for file in sorted(folder.iterdir())[:EACH]]
    pixels = np.stack([model.preprocess.to_array(Image.open(f).convert("RGB")) for f in files])
    print(draw_class_maps(model, pixels, [f.parent.name for f in files], trial=TRIAL), flush=True)
    draw(model, files[1 : 2 * SHOWN : 2])


def draw(model: Model, files: list[Path]) -> None:
    """Write the picture of the class maps of some photographs."""
    pixels = np.stack([model.preprocess.to_array(Image.open(f).convert("RGB")) for f in files])
    sheet = draw_class_maps(model, pixels, [file.parent.name for file in files], trial=TRIAL)
    print(sheet)
    image = Image.open(io.BytesIO(to_png(sheet.picture)))
    image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    FILE.write_bytes(encode(image, "jpeg", quality=82))


if __name__ == "__main__":
    main(*sys.argv[1:])
