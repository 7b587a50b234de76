"""striate: its command line, with its report and its checkpoints.

The image cache lies where STRIATE_CACHE says; the driver gives each run an empty one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from contender import Clock, Task, parse, report

from striate.cli import main as striate


def shared(task: Task) -> list[str]:
    """What all contenders are held to, as options."""
    options = ["--learning-rate", str(task.learning_rate), "--weight-decay", "0"]
    if task.weights is None:
        return [*options, "--weights", "none"]
    known = "package" if task.network == "efficientnet_lite0" else str(task.weights)
    return [*options, "--weights", known, "--freeze", "all", "--precision", "float32"]


def main(task: Task, clock: Clock, options: Sequence[str], recipe: str) -> None:
    """Train with the options; `recipe` is what the table says of them."""
    out = Path("run")
    color = "gray" if task.channels == 1 else "rgb"
    asked = ["train", str(task.folder), "--network", task.network, "--color", color]
    asked += ["--size", str(task.side), "--fit", "stretch", "--augment", "none"]
    asked += ["--epochs", str(task.epochs), "--batch", str(task.batch), "--seed", str(task.seed)]
    if code := striate([*asked, *options, "--out", str(out), "--json"]):
        sys.exit(code)
    lines = (out / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    of = {kind: [e for e in events if e["event"] == kind] for kind in ("Started", "Step", "Epoch")}
    parts = of["Started"][0]["images"]
    clock.phase("rest")
    clock.epochs = [
        epoch_seconds([step for step in of["Step"] if step["epoch"] == epoch], task, parts["train"])
        for epoch in range(1, task.epochs + 1)
    ]
    fit, training = of["Epoch"][-1]["seconds"], sum(clock.epochs)
    clock.phases["rest"] -= fit
    clock.phases |= {"train": training, "validate": fit - training}
    report(
        clock,
        images=parts["train"],
        correct=round(of["Epoch"][-1]["validation"]["accuracy"] * parts["validation"]),
        n=parts["validation"],
        params=of["Started"][0]["params"],
        packages=("striate", "torch"),
        recipe=recipe,
    )


def epoch_seconds(steps: list[dict[str, float]], task: Task, images: int) -> float:
    """What an epoch's training took, gathering included, from its reports of the rate."""
    seen = [0, *(min(step["step"] * task.batch, images) for step in steps)]
    rates = (step["images_per_second"] for step in steps)
    return sum((b - a) / rate for (a, b), rate in zip(pairwise(seen), rates, strict=True))


if __name__ == "__main__":
    task = parse()
    main(task, Clock(), shared(task), "")
