"""How many near duplicates are found, how many that are none, and how fast?

    python benchmarks/near_duplicates.py FOLDER [--images N] [--save]

Some images of a folder, and copies of the first 300 of them, changed in five ways. striate against
imagededup's perceptual hash (at its usual distance of 10 bits): the share of copies that are
paired with their original, and the pairs among the originals, which are true ones only where the
folder has near duplicates. Then the search alone among 100,000 thumbnails and hashes, in seconds.
Prints one JSON line; --save appends it to results/near_duplicates.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from imagededup.methods import PHash
from machines import keep, machine
from PIL import Image, ImageEnhance

from striate.data.decoding.thumbnail import make_thumbnails
from striate.data.listing.near_duplicates import find_near_duplicates

PLANTED, SEARCHED, SUFFIXES = 300, 100_000, {".jpg", ".jpeg", ".png"}
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
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        count = plant(asked.folder, asked.images, Path(made))
        found = {"striate": judge(by_striate(Path(made))), "imagededup": judge(by_hash(Path(made)))}
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": asked.folder.name,
            "machine": machine(),
            "images": count,
            "found": found,
            "seconds": {
                "images": SEARCHED,
                "striate": search_seconds(),
                "imagededup": hash_seconds(),
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


def judge(pairs: Pairs) -> dict[str, Any]:
    either = pairs | {(other, one) for one, other in pairs}
    wrong = [
        (one, other)
        for one, other in either
        if one.endswith("-original") and other.endswith("-original") and one < other
    ]
    recall = {
        name: sum((f"{at}-original", f"{at}-{name}") in either for at in range(PLANTED)) / PLANTED
        for name in CHANGES
    }
    return {"recall": recall, "pairs_of_originals": len(wrong)}


def search_seconds() -> float:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (SEARCHED, 3, 3), dtype=np.uint8)  # as smooth as photographs
    small = [np.asarray(Image.fromarray(each).resize((8, 8))).ravel() for each in coarse]
    began = time.perf_counter()
    find_near_duplicates(np.stack(small))
    return time.perf_counter() - began


def hash_seconds() -> float:
    words = np.random.default_rng(0).integers(0, 2**63, SEARCHED)
    hashes = {str(at): f"{word:016x}" for at, word in enumerate(words.tolist())}
    began = time.perf_counter()
    PHash(verbose=False).find_duplicates(encoding_map=hashes, num_dist_workers=2)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
