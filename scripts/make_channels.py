"""Make the channel cards of the page on channels, which are kept in the repository.

striate train deep-sky --network efficientnet_lite0 --weights package --freeze all --epochs 15 \
    --out runs/deep-sky
python scripts/make_channels.py runs/deep-sky deep-sky

`deep-sky` is made by `benchmarks/photo_sets.py`. The photographs are those of which
`benchmarks/look_claims.py channels` tells what all channels of the layer cost.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from striate.look.channels import make_cards
from striate.look.draw_channels import draw_cards
from striate.model import one_network
from striate.model_file import load
from striate.options import EvaluateOptions
from striate.plotting.png import to_png
from striate.progress import drain

FILE = Path(__file__).parents[1] / "docs" / "images" / "channels.webp"
LAYER, IMAGES, PATCHES = "stage3", 120, 6
SHOWN, WIDTH = 3, 1200


def main(run: str, data: str) -> None:
    model = one_network(load(run), "make_channels")
    options = EvaluateOptions(split="test", batch=64)
    work = make_cards(model, Path(data), LAYER, None, options, most=IMAGES, patches=PATCHES)
    sheet = draw_cards(drain(work), SHOWN)
    image = Image.open(io.BytesIO(to_png(sheet.picture))).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    image.save(FILE, quality=80, method=6)
    print(sheet)


if __name__ == "__main__":
    main(*sys.argv[1:])
