"""Is a class that a network never saw rejected as often as `evaluate --reject` says?

    python benchmarks/rejection.py FOLDER [--classes 10] [--share 0.05] [--epochs N] [--save]

The folder has train, validation and test folders of classes, or a folder a class. A network is
trained on all classes and judged by `evaluate --reject`, whose heads leave out a class in turn on
features that may have learned from it. Then, for up to so many classes, a network is trained from
the same start without the class, and all images of the class are shown to it. Prints one JSON line:
for each class the share that heads say and the one that came. --save appends it to
results/rejection.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine, say

import striate
from striate.verbs.judging import evaluate_in_full

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, help="the default of train without it")
    parser.add_argument("--network")
    parser.add_argument("--weights")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    line = json.dumps(measure(asked))
    print(line, flush=True)
    if asked.save:
        keep("rejection", line)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Train with all classes, then without each of some."""
    given = {name: getattr(asked, name) for name in ("epochs", "network", "weights")}
    options = {name: value for name, value in given.items() if value is not None}
    with tempfile.TemporaryDirectory() as place:
        run = train(asked.folder, Path(place) / "all", options)
        told = evaluate_in_full(run, reject=asked.share).rejection
        assert told is not None
        said = {each.name: each.rejected.value for each in told.left_out}
        rows = list[dict[str, Any]]()
        for name in list(said)[: asked.classes]:
            row = {"class": name, "said": said[name], **leave_out(asked, name, place, options)}
            rows.append(row)
            say(f"{name}: said {row['said']:.3f}, came {row['came']:.3f} of {row['images']}")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": asked.folder.name,
        "options": options,
        "share": asked.share,
        "known": told.rejected.value,
        "classes": rows,
        "said": float(np.mean([row["said"] for row in rows])),
        "came": float(np.mean([row["came"] for row in rows])),
        "foreign": {each.name: each.rejected.value for each in told.foreign},
        "machine": machine(),
    }


def leave_out(
    asked: argparse.Namespace, name: str, place: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Train without a class, and count how many of all its images are rejected."""
    kept, strange = Path(place) / f"without-{name}", Path(place) / f"only-{name}"
    for file in sorted(asked.folder.rglob("*")):
        if file.is_file() and name in file.relative_to(asked.folder).parts[:-1]:
            link(file, strange / "-".join(file.relative_to(asked.folder).parts))
        elif file.is_file():
            link(file, kept / file.relative_to(asked.folder))
    run = train(kept, Path(place) / f"run-{name}", options)
    told = evaluate_in_full(run, reject=asked.share, foreign=strange).rejection
    assert told is not None
    found = told.foreign[0].rejected
    known = told.rejected.value
    return {"came": found.value, "interval": found.bounds, "images": found.n, "known": known}


def link(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(file.resolve(), target)


def train(data: Path, out: Path, options: dict[str, Any]) -> Path:
    return striate.train(data, out=out, seed=SEED, progress=False, **options).folder


if __name__ == "__main__":
    main()
