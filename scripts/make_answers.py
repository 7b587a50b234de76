"""Writes images beside what is answered of them: docs/images/good, alike, labels, predicted.webp.

python scripts/make_answers.py RUN OUT IMAGE... [--gallery FOLDER]

What is answered by a picture, as maps of anomalies are, stands beside its image, and so does the
nearest image of a gallery; other answers stand below in words, with the folder of the image above.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import striate
from striate.look.panels import Panel, lay_out
from striate.plotting.png import to_png
from striate.tasks.results import DrawnAnswer

SIDE, ACROSS, LINES = 130, 6, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--gallery", type=Path)
    asked = parser.parse_args()
    found = striate.predict(asked.run, *asked.images, gallery=asked.gallery)
    panels = list[Panel]()
    for path, one in zip(asked.images, found, strict=True):
        panels += answered(path, one)
    lines = [panels[at : at + ACROSS] for at in range(0, len(panels), ACROSS)]
    model = striate.load(asked.run)
    sheet = lay_out(lines, f"{model.network_name}, {model.task.name}", "", SIDE)
    Image.open(io.BytesIO(to_png(sheet))).convert("RGB").save(asked.out, quality=80, method=6)


def answered(path: Path, one: striate.Prediction) -> list[Panel]:
    """The panel of an image, and that of its answer if it is a picture."""
    image = opened(path)
    if isinstance(one.answer, DrawnAnswer):
        drawn = Image.fromarray(one.answer.draw(np.asarray(image)))
        beside = Panel(drawn, one.name, (f"score {one.score:.2f}",))
    elif hasattr(one, "nearest"):
        beside = Panel(opened(Path(one.nearest)), one.class_name, (f"cosine {one.similarity:.2f}",))
    else:
        _, *told = one.answer.details()
        return [Panel(image, path.parent.name, tuple(" ".join(each) for each in told[:LINES]))]
    return [Panel(image, path.parent.name, ("",)), beside]


def opened(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


if __name__ == "__main__":
    main()
