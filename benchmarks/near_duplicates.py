"""How many near duplicates are found, how many that are none, and how fast?

    python benchmarks/near_duplicates.py FOLDER [--name NAME] [--images N] [--save]

Some images of a folder, and copies of the first 300 of them, changed in five ways. striate against
imagededup's perceptual hash (at its usual distance of 10 bits): the share of copies that are
paired with their original, and the pairs among the originals, which are true ones only where the
folder has near duplicates. Then the search alone, in seconds: among 5,000 thumbnails and hashes,
and among 100,000 thumbnails, for which imagededup would compare five thousand million pairs.
imagededup, which is none of the suite's requirements, is installed beside striate.
Prints one JSON line; --save appends it to results/near_duplicates.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from imagededup.methods import PHash
from machines import keep, machine
from PIL import Image, ImageEnhance

from striate.data.decoding.thumbnail import make_thumbnails
from striate.data.listing.near_duplicates import find_near_duplicates

FEW, MANY = 5_000, 100_000  #: images searched
PLANTED, SUFFIXES = 300, {".jpg", ".jpeg", ".png"}
Pairs = set[tuple[str, str]]


def cropped(image: Image.Image) -> Image.Image:
    wide, high = image.size
    return image.crop((wide // 50, high // 50, wide - wide // 50, high - high // 50))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 40": lambda image: image,
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "1.5 times": lambda image: image.resize((image.width * 3 // 2, image.height * 3 // 2)),
    "brighter by 30 %": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "cropped by 2 % a side": cropped,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", help="what the images are called in the table")
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        count = plant(asked.folder, asked.images, Path(made))
        found = {"striate": judge(by_striate(Path(made)), count),
                 "imagededup": judge(by_hash(Path(made)), count)}  # fmt: skip
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": asked.name or asked.folder.name,
            "machine": machine(),
            "versions": {"imagededup": version("imagededup")},
            "images": count,
            "planted": min(count, PLANTED),
            "found": found,
            "seconds": {
                "striate": {count: search_seconds(count) for count in (FEW, MANY)},
                "imagededup": {FEW: hash_seconds(FEW)},
            },
        }
    )
    print(line)
    if asked.save:
        keep("near_duplicates", line)


def plant(folder: Path, most: int, made: Path) -> int:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    chosen = np.random.default_rng(0).permutation(len(files))[:most].tolist()
    for number, row in enumerate(chosen):
        image = Image.open(files[row]).convert("RGB")
        image.save(made / f"{number}-original.png")
        for name, change in CHANGES.items() if number < PLANTED else ():
            quality = 40 if name == "JPEG 40" else 90
            change(image).save(made / f"{number}-{name}.jpg", quality=quality)
    return len(chosen)


def by_striate(made: Path) -> Pairs:
    files = sorted(made.iterdir())
    small = np.concatenate([make_thumbnails([np.asarray(Image.open(file))]) for file in files])
    near = find_near_duplicates(small)
    members: dict[int, list[str]] = {}
    for file, group in zip(files, near.groups.tolist(), strict=True):
        members.setdefault(group, []).append(file.stem)
    members.pop(-1, None)
    linked = near.pairs.tolist() + [[group, group] for group in members]
    return {
        (one, other)
        for first, second in linked
        for one in members[first]
        for other in members[second]
        if one != other
    }


def by_hash(made: Path) -> Pairs:
    hasher = PHash(verbose=False)
    found = hasher.find_duplicates(encoding_map=hasher.encode_images(made, num_enc_workers=0))
    return {(Path(one).stem, Path(other).stem) for one in found for other in found[one]}


def judge(pairs: Pairs, count: int) -> dict[str, Any]:
    either = pairs | {(other, one) for one, other in pairs}
    wrong = [
        (one, other)
        for one, other in either
        if one.endswith("-original") and other.endswith("-original") and one < other
    ]
    planted = range(min(count, PLANTED))
    recall = {
        name: sum((f"{at}-original", f"{at}-{name}") in either for at in planted) / len(planted)
        for name in CHANGES
    }
    return {"recall": recall, "pairs_of_originals": len(wrong)}


def search_seconds(searched: int) -> float:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (searched, 3, 3), dtype=np.uint8)  # as smooth as photographs
    small = [np.asarray(Image.fromarray(each).resize((8, 8))).ravel() for each in coarse]
    began = time.perf_counter()
    find_near_duplicates(np.stack(small))
    return time.perf_counter() - began


def hash_seconds(searched: int) -> float:
    words = np.random.default_rng(0).integers(0, 2**63, searched)
    hashes = {str(at): f"{word:016x}" for at, word in enumerate(words.tolist())}
    began = time.perf_counter()
    PHash(verbose=False).find_duplicates(encoding_map=hashes, num_dist_workers=2)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
