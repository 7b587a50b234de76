"""Writes docs/images/good.webp and docs/images/alike.webp: images beside what is answered of them.

python scripts/make_answers.py RUN OUT IMAGE... [--gallery FOLDER]

RUN is of the task anomaly, whose maps are laid over the images, or of embedding, whose nearest
images of the gallery stand beside them.
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

SIDE, ACROSS = 130, 6


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
        image = opened(path)
        panels.append(Panel(image, path.parent.name, ("",)))
        if isinstance(one.answer, DrawnAnswer):
            drawn = Image.fromarray(one.answer.draw(np.asarray(image)))
            panels.append(Panel(drawn, one.name, (f"score {one.score:.2f}",)))
        else:
            near = opened(Path(one.nearest))
            panels.append(Panel(near, one.class_name, (f"cosine {one.similarity:.2f}",)))
    lines = [panels[at : at + ACROSS] for at in range(0, len(panels), ACROSS)]
    model = striate.load(asked.run)
    sheet = lay_out(lines, f"{model.network_name}, {model.task.name}", "", SIDE)
    Image.open(io.BytesIO(to_png(sheet))).convert("RGB").save(asked.out, quality=80, method=6)


def opened(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


if __name__ == "__main__":
    main()
