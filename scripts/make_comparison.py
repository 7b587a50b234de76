"""Make the picture of the page about compare, from a comparison on a folder of clothes.

    python scripts/make_comparison.py clothing runs/clothing-compare

The folder is made of https://github.com/alexeygrigorev/clothing-dataset-small (CC0): its parts for
validation and test whole, and 120 photographs a class at most to train on, 1,905 in all.
A comparison that has ended there is drawn at once.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import striate

TARGET = Path(__file__).parents[1] / "docs" / "images" / "compare.svg"
NETWORKS = "resnet20,mobilenet_v1(width=0.5),lenet5"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    found = striate.compare(
        asked.data, NETWORKS, out=asked.out, size=32, threads=1, minutes=4.0, weights="none"
    )
    shutil.copy(found.folder / "comparison.svg", TARGET)
    print(found)


if __name__ == "__main__":
    main()
