"""Make the reliability diagram of the page on evaluation, which is kept in the repository.

striate train cifar --network resnet20 --epochs 14 --augment light --threads 1 --out runs/cifar
striate evaluate runs/cifar
striate evaluate runs/cifar --calibrate
python scripts/make_reliability.py runs/cifar

`cifar` holds 500 training and 300 test images of each class of CIFAR-10, the first in the order of
their names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import striate
from striate.plotting.grid import draw_grid
from striate.plotting.svg import to_svg

FILE = Path(__file__).parents[1] / "docs" / "images" / "reliability.svg"


def main(run: str) -> None:
    found = striate.evaluate(run)
    name, error, note = found.reliability.row()
    told = f"{len(found):,} test images: {name} {error} {note}"
    picture = draw_grid([found.reliability.charts()], "Calibration of a ResNet-20", told)
    FILE.write_text(to_svg(picture), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
