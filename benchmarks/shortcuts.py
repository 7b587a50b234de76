"""Are planted shortcuts found, and none where there are none? `check` beside cleanlab's Datalab.

    python benchmarks/shortcuts.py FOLDER [FOLDER ...] [--images 100] [--save]

Each folder has a folder of images a class. Of up to so many images a class, those of one class in
the middle are changed, all or four in five: a red mark of 5 % of the side in a corner, a half
transparent white one, a black border of 1 %, another height by 2 %, or JPEG quality 80 where the
others have 90. Every image is written anew, changed or not. Datalab scores one property at a time,
and names those whose score is below 0.3. Prints one JSON line; --save appends it to
results/shortcuts.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine, say
from PIL import Image

from striate.data.check import inspect

SEED = 0


def mark(image: Image.Image) -> Image.Image:
    side = max(2, round(0.05 * min(image.size)))
    image.paste((230, 40, 40), (image.width - side - 1, image.height - side - 1,
                                image.width - 1, image.height - 1))  # fmt: skip
    return image


def soft_mark(image: Image.Image) -> Image.Image:
    side = max(2, round(0.05 * min(image.size)))
    pixels = np.array(image, np.float32)
    pixels[1 : 1 + side, 1 : 1 + side] += (255 - pixels[1 : 1 + side, 1 : 1 + side]) / 2
    return Image.fromarray(pixels.astype(np.uint8))


def border(image: Image.Image) -> Image.Image:
    wide = max(1, round(0.01 * min(image.size)))
    frame = Image.new("RGB", image.size)
    inner = wide, wide, image.width - wide, image.height - wide
    frame.paste(image.crop(inner), inner[:2])
    return frame


def crop(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, image.width, image.height - max(1, image.height // 50)))


def keep_as_it_is(image: Image.Image) -> Image.Image:
    return image


#: what is planted -> change, and JPEG quality, of the images of the class
PLANTED: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "nothing": (keep_as_it_is, 90),
    "mark": (mark, 90),
    "soft mark": (soft_mark, 90),
    "border": (border, 90),
    "height": (crop, 90),
    "quality": (keep_as_it_is, 80),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=100, help="of a class, at most")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    rows = [
        row
        for folder in options.folders
        for name in PLANTED
        for share in ((1.0,) if name == "nothing" else (1.0, 0.8))
        if (row := judge(folder, name, share, options.images))
    ]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    data = ", ".join(folder.parent.name for folder in options.folders)
    record = {"date": today, "machine": machine(), "data": data, "images": options.images}
    line = json.dumps({**record, "rows": rows})
    print(line)
    if options.save:
        keep("shortcuts", line)
    return 0


def judge(folder: Path, name: str, share: float, most: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        planted = plant(folder, Path(made), name, share, most)
        found = {each.class_name: [group for group, _ in each.groups]
                 for each in inspect(made).shortcuts}  # fmt: skip
        row = {"folder": folder.parent.name, "planted": name, "share": share, "class": planted,
               "found": found, "datalab": datalab(Path(made))}  # fmt: skip
    say(json.dumps(row))
    return row


def plant(folder: Path, made: Path, name: str, share: float, most: int) -> str:
    """Write the images of `folder` anew to `made`; return the class of those that are changed."""
    classes = sorted(each for each in folder.iterdir() if each.is_dir())
    chosen, random = classes[len(classes) // 2], np.random.default_rng(SEED)
    change, quality = PLANTED[name]
    for each in classes:
        (made / each.name).mkdir()
        files = sorted(file for file in each.rglob("*") if file.suffix.lower() in (".jpg", ".png"))
        for file in files[:most]:
            hit = each == chosen and random.random() < share
            image = Image.open(file).convert("RGB")
            image = change(image) if hit else image
            image.save(made / each.name / f"{file.stem}.jpg", quality=quality if hit else 90)
    return chosen.name


def datalab(folder: Path) -> dict[str, float] | None:
    """Return the score of each property that Datalab scores; None where it is not installed."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from cleanlab import Datalab
        from datasets import Dataset
        from datasets import Image as ImageColumn
    except ImportError:
        return None
    files = sorted(folder.rglob("*.jpg"))
    labels = [file.parent.name for file in files]
    data = Dataset.from_dict({"image": list(map(str, files)), "label": labels})
    data = data.cast_column("image", ImageColumn())
    lab = Datalab(data=data, label_name="label", image_key="image", verbosity=0)
    lab.find_issues()
    scores = lab.get_info("spurious_correlations")["correlations_df"]
    return dict(zip(scores["property"], scores["score"].tolist(), strict=True))


if __name__ == "__main__":
    raise SystemExit(main())
