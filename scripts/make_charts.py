"""Draws figures of the guide: of results that are kept, and of networks trained on the digits.

    python scripts/make_charts.py [NAME ...]

NAME is none-of-these, transfer, defaults, large, ensemble, run or together; all of them without
one. They are written to docs/images.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import striate
from striate.evaluation.curves import make_charts
from striate.plotting.chart import Axis, Chart, Line, Rows
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import BLUE, ORANGE, Picture
from striate.plotting.svg import to_svg
from striate.text import format_percent

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "src" / "striate" / "data" / "samples" / "digits.npz"
WIDE, BAR, FRAME = 420, 22, 90  #: of a chart; height of a bar, and of what is around them
SEEDS = 5

Bar = tuple[str, float, float, float]  #: name, value, lower and upper end of its interval


def none_of_these() -> Picture:
    (record,) = read("rejection")
    rows = [(f"without {each['class']}", each["came"], *each["interval"])
            for each in record["classes"]]  # fmt: skip
    note = "Rejected images of the digit that a LeNet-5 never saw"
    return draw_grid([[bars("", rows, (0, 1))]], "None of these", note)


def transfer() -> Picture:
    record, *_ = read("transfer")
    found = record["contenders"]
    seconds = [(name, *(each["seconds"][key] for key in ("median", "min", "max")))
               for name, each in found.items()]  # fmt: skip
    right = [(name, *estimate(each["accuracy"])) for name, each in found.items()]
    charts = bars("Seconds", seconds), bars("Accuracy", right, (0, 1))
    note = f"{record['data']}: whole processes, from files to a validated model"
    return draw_grid([charts], "Transfer with features computed once", note)


def defaults() -> Picture:
    digits, cifar, *_ = read("defaults")
    grid = [
        [
            bars(f"{record['data']}, {name}", wrong(record["changes"][old]))
            for record in (digits, cifar)
        ]
        for name, old in (("optimizer", "optimiser"), ("schedule", "schedule"))
    ]
    note = "Share of validation images answered wrong; all other options as usual"
    return draw_grid(grid, "Wrong answers by option", note)


def wrong(values: dict[str, Any]) -> list[Bar]:
    found = ((name, estimate(each["accuracy"])) for name, each in values.items())
    return [(name, 1 - value, 1 - high, 1 - low) for name, (value, low, high) in found]


def large() -> Picture:
    *_, record = read("million")
    verbs = ("list", "check", "train")
    names = [f"{verb}, {int(count):,}" for count in record["sets"] for verb in verbs]
    found = [sets[verb] for sets in record["sets"].values() for verb in verbs]
    seconds = [each["seconds"] for each in found]
    peak = [each["own"] / 1e6 for each in found]
    charts = [
        bars(
            title, [(name, value, value, value) for name, value in zip(names, values, strict=True)]
        )
        for title, values in (("Seconds", seconds), ("Peak MB", peak))
    ]
    note = "Gray images of 28x28 pixels in shards; training to its first report; n = 1"
    return draw_grid([charts], "100,000 images and a million", note)


def ensemble() -> Picture:
    with tempfile.TemporaryDirectory() as place:
        runs = [
            striate.train(DIGITS, epochs=3, seed=seed, out=f"{place}/{seed}").folder
            for seed in range(SEEDS)
        ]
        judged = striate.ensemble(*runs, out=Path(place, "all.safetensors"))
    named = [(f"seed {seed}", each) for seed, each in enumerate(judged.members)]
    scores = [(name, each.scores()[0]) for name, each in [*named, ("ensemble", judged.results)]]
    rows = [(name, 1 - each.value, 1 - each.high, 1 - each.low) for name, each in scores]
    note = f"LeNet-5 of {SEEDS} seeds, {len(judged.results):,} test images of the digits"
    return draw_grid([[bars("", rows)]], "Wrong answers", note)


def run() -> Picture:
    with tempfile.TemporaryDirectory() as place:
        done = striate.train(DIGITS, epochs=8, out=f"{place}/run")
        charts = make_charts(list(done.epochs()), striate.load(done.model_file).task.figures[0])
    return draw_grid([charts], "Training of LeNet-5 on the digits", "As a report shows it")


def together() -> Picture:
    lines = list[Line]()
    with tempfile.TemporaryDirectory() as place:
        for count, color, radius in ((1, BLUE, 5), (2, ORANGE, 2)):
            folder = f"{place}/{count}"
            command = [
                "-m",
                "torch.distributed.run",
                "--nproc-per-node",
                str(count),
                "-m",
                "striate",
            ]
            command += ["train", str(DIGITS), "--epochs", "4", "--threads", "1", "--out", folder]
            subprocess.run([sys.executable, *command], check=True)
            losses = [epoch.train_loss for epoch in striate.Run.open(folder).epochs()]
            label = f"{count} process{'es' * (count > 1)}"
            lines.append(Line(tuple(enumerate(losses, 1)), label, color, radius=radius))
    chart = Chart(tuple(lines), "Loss", Axis("epoch", whole=True), width=WIDE)
    return draw_grid(
        [[chart]], "Training of LeNet-5 on the digits", "The same batches in one process and in two"
    )


def bars(title: str, rows: Sequence[Bar], limits: tuple[float, float] | None = None) -> Chart:
    """A bar with whiskers for each row; shares in percent."""
    names, *ends = zip(*rows, strict=True)
    share = max(ends[2]) <= 1
    x = Axis(limits=limits, show=partial(format_percent, digits=0)) if share else Axis()
    height = BAR * len(rows) + FRAME
    return Chart((Rows(*ends),), title, x, Axis(names=names), WIDE, height)


def estimate(found: dict[str, float]) -> tuple[float, float, float]:
    return found["value"], found["low"], found["high"]


def read(question: str) -> Iterable[dict[str, Any]]:
    lines = (ROOT / "benchmarks" / "results" / f"{question}.jsonl").read_text().splitlines()
    return map(json.loads, lines)


CHARTS = {
    "none-of-these": none_of_these,
    "transfer": transfer,
    "defaults": defaults,
    "large": large,
    "ensemble": ensemble,
    "run": run,
    "together": together,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or CHARTS:
        file = ROOT / "docs" / "images" / f"{name}.svg"
        file.write_text(to_svg(CHARTS[name]()), "utf-8")
        print(f"{file}: {file.stat().st_size:,} bytes")
