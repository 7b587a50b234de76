"""`striate train PHOTOS` and nothing else, then `striate evaluate RUN` on the test images."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from contender import Clock, Task, parse, report

from striate.cli import main as striate


def main(task: Task, clock: Clock, options: Sequence[str]) -> None:
    """Train with the options, and judge on the test images."""
    asked = ["train", str(task.folder), *options, "--seed", str(task.seed), "--out", "run"]
    run([*asked, "--json"])
    clock.phase("train")
    scores = json.loads(run(["evaluate", "run", "--json"]))
    clock.phase("test")
    lines = Path("run", "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    (started,) = (event for event in events if event["event"] == "Started")
    epochs = sum(event["event"] == "Epoch" for event in events)
    clock.epochs = [clock.phases["train"] / epochs]
    n = scores["images"]
    report(
        clock,
        images=started["images"]["train"],
        correct=round(scores["accuracy"]["value"] * n),
        n=n,
        params=started["params"],
        packages=("striate", "torch"),
        recipe=" ".join(["striate train PHOTOS", *options]),
    )


def run(asked: list[str]) -> str:
    """What a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if code := striate(asked):
            sys.exit(code)
    return out.getvalue()


if __name__ == "__main__":
    main(parse(), Clock(), ())
