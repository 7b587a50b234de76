"""Draw what a conditional generator makes, for the guide.

    python scripts/make_generated.py RUN OUT.webp [--each 12] [--times 2]

A row for each class, the first images of seed 0, none chosen, each enlarged so many times.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.plotting.ink import lay_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, default=12, help="images of each class")
    parser.add_argument("--times", type=int, default=2, help="how large a pixel is drawn")
    asked = parser.parse_args()
    model = striate.load(asked.run)
    classes = len(model.class_names)
    made = lay_out(striate.generate(model, count=classes * asked.each), classes)
    large = made.repeat(asked.times, axis=0).repeat(asked.times, axis=1)
    shown = np.broadcast_to(large, (*large.shape[:2], 3))
    Image.fromarray(shown).save(asked.out, quality=85, method=6)


if __name__ == "__main__":
    main()
