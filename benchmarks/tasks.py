"""What each task reaches on real images, by a recipe that is kept, and in how many minutes.

    python benchmarks/tasks.py NAME ARCHIVE [--threads N] [--run FOLDER] [--save]

task_data.py says which data set is made of which archive; for one that is drawn any file will do.
`striate train` learns from it with recipes/tasks/NAME.toml, as a process of its own with an empty
cache; its minutes include decoding the images and the report. Then the model is evaluated on the
test split, as `striate evaluate` does. --run keeps the images and the run in a new folder. Prints
one JSON line; --save appends it to results/tasks.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machines import HERE, Took, keep, machine, run, say
from task_data import DATA

import striate
from striate.data.readers.scan import scan
from striate.tasks import kind_of
from striate.tasks.figures import Figure, Score
from striate.tasks.pictures.results import PictureResults

RECIPES = HERE / "recipes" / "tasks"
USED = ("network", "size", "epochs", "batch")  #: options that the table shows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=DATA)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--recipe", type=Path, help="another than the one that is kept")
    parser.add_argument("--threads", type=int, help="without it: as striate chooses")
    parser.add_argument("--run", type=Path, help="where to keep images and run; removed without it")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    recipe = asked.recipe or RECIPES / f"{asked.name}.toml"
    for path in (asked.archive, recipe):
        if not path.is_file():
            parser.error(f"no file {path}")
    if asked.recipe and asked.save:
        parser.error("--save keeps what the kept recipe reaches: leave out --recipe")
    with tempfile.TemporaryDirectory(prefix="tasks-") as temporary:
        place = asked.run or Path(temporary)
        place.mkdir(parents=True, exist_ok=asked.run is None)
        found = measured(asked.name, asked.archive, recipe.resolve(), asked.threads, place)
    line = json.dumps(found)
    print(line, flush=True)
    if asked.save:
        keep("tasks", line)


def measured(
    name: str, archive: Path, recipe: Path, threads: int | None, place: Path
) -> dict[str, Any]:
    """Train and evaluate in a folder."""
    os.environ["STRIATE_CACHE"] = str(place / "cache")
    data = DATA[name].make(archive, place / name)
    took = trained(data, recipe, place / "run", threads)
    done = striate.Run.open(place / "run")
    options = done.read_options()
    results = striate.evaluate(done.model_file, data, split="test")
    baseline = results.baseline()
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": name,
        "source": DATA[name].source,
        "task": DATA[name].task,
        **{option: options[option] for option in USED},
        "inputs": scan(data, kind_of(DATA[name].task)).inputs,
        "images": dict(Counter(sample["split"] for sample in done.samples())),
        "scores": [*map(described, results.scores()), *areas(results)],
        **classes(results),
        **by_image(results),
        "baseline": {
            "value": baseline.value,
            "shown": results.scores()[0].figure.show(baseline.value),
            "rule": baseline.rule,
        },
        "megabytes": round(Path(done.model_file).stat().st_size / 1e6, 3),
        "minutes": round(took.seconds / 60, 3),
        "cpu_minutes": round(took.cpu_seconds / 60, 3),
        "others": round(took.others, 3),
        "machine": machine(),
        "threads": options["threads"],
        "versions": {"striate": striate.__version__, "torch": torch_version()},
    }


def described(score: Score) -> dict[str, Any]:
    return {
        "name": score.figure.title,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "shown": score.shown,
        "interval": score.interval,
    }


def areas(results: Any) -> Iterator[dict[str, Any]]:
    """The areas under the curves of two classes."""
    if binary := getattr(results, "binary", None):
        for title, area in (("ROC AUC", binary.roc_auc), ("AP", binary.average_precision)):
            figure = Figure(title, title)
            yield described(Score(figure, area.value, area.low, area.high, area.n))


def classes(results: Any) -> dict[str, Any]:
    """The AP at 0.5 of each class of a detector."""
    rows = getattr(results, "per_class", ())
    found = {row.name: row.ap50.value for row in rows if hasattr(row, "ap50")}
    return {"classes": found} if found else {}


def by_image(results: Any) -> dict[str, Any]:
    """The PSNR of each image, and by how much it is above what is to beat."""
    if not isinstance(results, PictureResults):
        return {}
    return {"gain": results.gain.to_json(), "each": results.psnr.round(2).tolist()}


def trained(data: Path, recipe: Path, out: Path, threads: int | None) -> Took:
    """Train in a process of its own. Exits with its last words if it fails."""
    command = [sys.executable, "-m", "striate", "train", str(data)]
    command += ["--recipe", str(recipe), "--out", str(out)]
    command += ["--threads", str(threads)] if threads else []
    took = run(command)
    say(
        f"{took.seconds / 60:.1f} minutes, {took.cpu_seconds / 60:.1f} of a processor; others "
        f"took {took.others:.0%}"
    )
    return took


def torch_version() -> str:
    import torch

    return torch.__version__


if __name__ == "__main__":
    main()
