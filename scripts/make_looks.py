"""Make the images of the pages on look, dreams and similar images, kept in the repository.

striate demo
python scripts/make_looks.py runs/demo clothing/test

Filters, feature maps, fields and dreams are those of EfficientNet-Lite0 with the weights of its
package, `striate[pretrained]`. `clothing` is the dataset of garments that
`benchmarks/photo_sets.py` describes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import striate
from striate.data.decoding.preprocess import Preprocess
from striate.look.draw_dreams import draw_dreams
from striate.look.draw_field import draw_field
from striate.look.embedding_map import draw_map
from striate.look.feature_maps import draw_feature_maps
from striate.look.filters import draw_filters
from striate.look.sheet import Sheet
from striate.look.similar import find_similar
from striate.plotting.png import to_png
from striate.progress import drain

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DIGITS = Path(striate.__file__).parent / "data" / "samples" / "digits.npz"
CLASSES = {207: "golden retriever", 985: "daisy", 954: "banana", 340: "zebra"}
SHOWN, SEEN = (Preprocess(side, 3, "crop", (0.5,) * 3, (0.5,) * 3) for side in (128, 224))
DEEP = "stage3.block2.branch.depthwise.conv"
PHOTO, EACH = "shoes", 2  #: class of the photograph, the first of it; photographs of a class
WIDTH = 1200


def main(run: str, photos: str) -> None:
    network = striate.build("efficientnet_lite0", weights=True).eval()
    draw_inside(network, Path(photos))
    names = [CLASSES.get(number, "") for number in range(1000)]
    write("dreams-classes", draw_dreams(network, SHOWN, "head", list(CLASSES), names=names))
    write("dreams-channels", draw_dreams(network, SHOWN, "stage5", [5, 17, 40, 63]))
    draw_alike(run)


def draw_inside(network: torch.nn.Module, photos: Path) -> None:
    """Write filters, the feature maps of a photograph, and a field on it."""
    write("filters-first", draw_filters(network))
    write("filters-deep", draw_filters(network, DEEP))
    folders = sorted(folder for folder in photos.iterdir() if folder.is_dir())
    files = [file for folder in folders for file in sorted(folder.iterdir())[:EACH]]
    files.sort(key=lambda file: file.parent.name != PHOTO)  # the photograph comes first
    pixels = np.stack([SEEN.to_array(Image.open(file).convert("RGB")) for file in files])
    inputs = SEEN.normalize(torch.from_numpy(pixels))
    write("maps-early", draw_feature_maps(network, inputs[:1], "stem"))
    write("maps-late", draw_feature_maps(network, inputs[:1], "stage5"))
    write("field", draw_field(network, pixels[0], inputs, "stage4"))


def draw_alike(run: str) -> None:
    """Write the search and the map of the digits of the package."""
    model = striate.load(run)
    with np.load(DIGITS, allow_pickle=False) as file:
        digit = file["x"][3]
    write("similar-digits", drain(find_similar(model, DIGITS, digit)))
    write("map-digits", drain(draw_map(model, DIGITS)))


def write(name: str, sheet: Sheet) -> None:
    """Write a sheet as WebP, at most as wide as a page shows it."""
    target = IMAGES / f"{name}.webp"
    image = Image.open(io.BytesIO(to_png(sheet.picture))).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    image.save(target, quality=80, method=6)
    print(f"{target.name}: {target.stat().st_size:,} bytes. {sheet}")


if __name__ == "__main__":
    main(sys.argv[1])
