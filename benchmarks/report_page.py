"""How large is a report of 10,000 images, and how long does it take beyond the forward passes?

    python benchmarks/report_page.py FOLDER [--images 10000] [--side 128] [--save]

The images are the files of FOLDER, again and again, as a network sees them at this side; the
answers are drawn, four of five of them right. Each number of classes is a page of its own, whose
images lead to their files. Prints one JSON line; --save appends it to results/report_page.jsonl.
What `evaluate --out` adds for a folder, the search for shortcuts and poor images, is timed on
FOLDER itself, whose files have been read once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine
from numpy.typing import NDArray

import striate
from striate.data.cache.decode_all import decode_records
from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.quality import rank_poor_images
from striate.data.readers.scan import scan
from striate.data.traits.read import find_shortcuts_of
from striate.evaluation.folder_doubts import MOST_MEASURED
from striate.evaluation.report import Form, render_report
from striate.evaluation.seen_images import Originals
from striate.progress import drain
from striate.tasks.classification.results import Evaluation, make_evaluation
from striate.tasks.results import About

CLASSES = (10, 100)
MOST_FILES = 1_000  #: different images
FORMS: tuple[Form, ...] = ("html", "markdown", "json")


@dataclass(frozen=True)
class Repeated:
    """A few images in place of many, as the evaluated images of a report."""

    images: NDArray[np.uint8]
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.count, *self.images.shape[1:]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        return self.images[np.asarray(rows) % len(self.images)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    files = sorted(file for file in asked.folder.rglob("*.*") if file.is_file())[:MOST_FILES]
    view = Preprocess(asked.side, 3, "letterbox")
    seen = [decode(file, file.name, preprocess=view)[0] for file in files]
    whole = [(file, image) for file, image in zip(files, seen, strict=True) if image is not None]
    pixels = Repeated(np.stack([view.to_array(image) for _, image in whole]), asked.images)
    names = [str(file.relative_to(asked.folder)) for file, _ in whole]
    originals = Originals(asked.folder, asked.folder.parent)
    pages = [
        measure(drawn(classes, asked.images, names), pixels, originals, form)
        for classes in CLASSES
        for form in FORMS
    ]
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": asked.folder.name,
            "machine": machine(),
            "versions": {"striate": striate.__version__},
            "images": asked.images,
            "side": asked.side,
            "pages": pages,
            "doubts": measure_doubts(asked.folder),
        }
    )
    print(line, flush=True)
    if asked.save:
        keep("report_page", line)


def drawn(classes: int, images: int, names: list[str]) -> Evaluation:
    """An evaluation of random answers, of which about four of five are right."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, classes, images)
    scores = draw.normal(size=(images, classes))
    scores[np.arange(images), labels] += 1.7 + 0.9 * math.log10(classes)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    paths = tuple(names[row % len(names)] for row in range(images))
    kinds = [f"class {at}" for at in range(classes)]
    return make_evaluation(shares, labels, kinds, About("net.safetensors", "test", paths, 0))


def measure(
    evaluation: Evaluation, pixels: Any, originals: Originals, form: Form
) -> dict[str, int | float | str]:
    start = time.perf_counter()
    page = render_report(
        evaluation,
        title="A network",
        pixels=pixels,
        epochs=(),
        facts={},
        findings=(),
        command="striate evaluate",
        originals=originals,
        form=form,
    )
    return {
        "classes": len(evaluation.class_names),
        "accuracy": evaluation.accuracy.value,
        "form": form,
        "seconds": round(time.perf_counter() - start, 2),
        "megabytes": round(len(page.encode()) / 1e6, 2),
    }


def measure_doubts(folder: Path) -> dict[str, int | float]:
    """Time the search for shortcuts, and for poor images among those of one report."""
    listing = scan(folder)
    records = drain(decode_records(listing))
    start = time.perf_counter()
    shortcuts = drain(find_shortcuts_of(listing, records))
    middle = time.perf_counter()
    some = listing.select(np.arange(min(MOST_MEASURED, len(listing.samples))))
    rank_poor_images(drain(decode_records(some, quality=True)))
    return {
        "images": len(listing.samples),
        "shortcuts": len(shortcuts),
        "shortcuts_seconds": round(middle - start, 2),
        "measured": len(some.samples),
        "quality_seconds": round(time.perf_counter() - middle, 2),
    }


if __name__ == "__main__":
    main()
