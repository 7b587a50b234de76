"""How fast pictures and masks are trained on from files, against plain loops as people write them.

    python benchmarks/plain_loops.py enlarging|masks FOLDER [--rounds N] [--epochs N] [--threads N]

enlarging: FOLDER holds train/ and validation/ with photographs; both train EDSR (32 channels, 4
blocks) to enlarge windows of 64 pixels of photographs of 128 pixels twice, in batches of 16. masks:
FOLDER is that of street-masks (task_data.py); both train a U-Net (width 16) on whole pictures of
128 pixels in batches of 8. Both with AdamW, and validate after every epoch; both are processes of
their own, one after the other, striate with an empty cache and with its report. The plain loop
reads and shrinks in a DataLoader with two workers, or in the process itself with one thread. Prints
a JSON line a round with seconds and CPU seconds of both, then the medians of their quotients;
--save appends the lines to results/plain_loops.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from machines import HERE, Took, keep, machine, run

#: question -> the contender that asks it of a plain loop, and our options
QUESTIONS = {
    "enlarging": (
        "plain_enlarging.py",
        *("--task", "super_resolution", "--network", "edsr(width=32,blocks=4)", "--batch", "16"),
        *("--task-params", "crop_size=64", "--learning-rate", "0.001"),
    ),
    "masks": (
        "plain_masks.py",
        *("--network", "unet(width=16)", "--fit", "stretch", "--batch", "8"),
        *("--learning-rate", "0.003"),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        parser.error(f"no folder {asked.folder}")
    quotients: dict[str, list[float]] = {"seconds": [], "cpu_seconds": []}
    for number in range(asked.rounds):
        contenders = (ours, plain) if number % 2 == 0 else (plain, ours)
        took = {each.__name__: each(asked) for each in contenders}
        for name, values in quotients.items():
            values.append(getattr(took["plain"], name) / getattr(took["ours"], name))
        told = {name: dict(zip(Took._fields, map(rounded, each), strict=True))
                for name, each in took.items()}  # fmt: skip
        today = dt.datetime.now(dt.UTC).date().isoformat()
        given = {"data": asked.question, "epochs": asked.epochs, "threads": asked.threads}
        line = json.dumps({"date": today, **given, **told, "machine": machine()})
        print(line, flush=True)
        if asked.save:
            keep("plain_loops", line)
    for name, values in quotients.items():
        print(
            f"{name}: {statistics.median(values):.2f} times, {min(values):.2f} to {max(values):.2f}"
        )


def ours(asked: argparse.Namespace) -> Took:
    _, *options = QUESTIONS[asked.question]
    with tempfile.TemporaryDirectory(prefix="loops-") as place:
        command = [
            *(sys.executable, "-m", "striate", "train", str(asked.folder), *options),
            *("--size", "128", "--epochs", str(asked.epochs), "--optimizer", "adamw"),
            *("--autotune", "no", "--threads", str(asked.threads), "--out", f"{place}/run"),
        ]
        return run(command, os.environ | {"STRIATE_CACHE": f"{place}/cache"})


def plain(asked: argparse.Namespace) -> Took:
    program, *_ = QUESTIONS[asked.question]
    given = str(asked.folder), str(asked.epochs), str(asked.threads)
    return run([sys.executable, str(HERE / "contenders" / program), *given])


def rounded(value: float) -> float:
    return round(value, 2)


if __name__ == "__main__":
    main()
