"""Make the images of the pages on dreams and on similar images, which are kept in the repository.

striate demo
python scripts/make_looks.py runs/demo

Dreams are those of EfficientNet-Lite0 with the weights of its package, `striate[pretrained]`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.data.decoding.preprocess import Preprocess
from striate.look.draw_dreams import draw_dreams
from striate.look.embedding_map import draw_map
from striate.look.sheet import Sheet
from striate.look.similar import find_similar
from striate.plotting.png import to_png
from striate.progress import drain

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DIGITS = Path(striate.__file__).parent / "data" / "samples" / "digits.npz"
CLASSES = {207: "golden retriever", 985: "daisy", 954: "banana", 340: "zebra"}
SHOWN = Preprocess(128, 3, "crop", (0.5,) * 3, (0.5,) * 3)
WIDTH = 1200


def main(run: str) -> None:
    network = striate.build("efficientnet_lite0", weights=True).eval()
    names = [CLASSES.get(number, "") for number in range(1000)]
    write("dreams-classes", draw_dreams(network, SHOWN, "head", list(CLASSES), names=names))
    write("dreams-channels", draw_dreams(network, SHOWN, "stage5", [5, 17, 40, 63]))
    model = striate.load(run)
    with np.load(DIGITS, allow_pickle=False) as file:
        digit = file["x"][3]
    write("similar-digits", drain(find_similar(model, DIGITS, digit)))
    write("map-digits", drain(draw_map(model, DIGITS)))


def write(name: str, sheet: Sheet) -> None:
    """Write a sheet as WebP, as wide as a page shows it."""
    target = IMAGES / f"{name}.webp"
    image = Image.open(io.BytesIO(to_png(sheet.picture))).convert("RGB")
    high = round(image.height * WIDTH / image.width)
    small = image.resize((WIDTH, high), Image.Resampling.LANCZOS)
    small.save(target, quality=80, method=6)
    print(f"{target.name}: {target.stat().st_size:,} bytes. {sheet}")


if __name__ == "__main__":
    main(sys.argv[1])
