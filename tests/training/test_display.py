"""On a terminal the bar moves, goes before anything else is said, and lines break between words."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from striate.tasks.figures import Figure
from striate.training.events import Epoch, Finished, Started, Step
from striate.verbs import display

#: what a training tells, without one: the command that shows it is the real one
PROGRAM = """
import json, os, sys, time, types
from pathlib import Path
from striate import cli
from striate.errors import DivergedError
from striate.tasks.classification.task import ACCURACY
from striate.training.events import Epoch, Finished, Note, Started, Step, Stopped
from striate.distributed.signals import handle_stop_signals

how, folder, half = sys.argv[1], Path(sys.argv[2]), {"accuracy": 0.5}

def stream(*args, **options):
    with handle_stop_signals() as request:
        yield Started(
            folder, "resnet18", 11_177_538, "classification", "2 classes", ACCURACY,
            {"train": 171, "validation": 37, "test": 37}, 0, 128, 12, None, 21, 8, "cpu", 2,
            "channels-last, float32, 4 micro-batches in parallel", 1.5, 1,
        )
        yield Note("a note of " + "wonderful words " * 12 + "that end here")
        for step in range(1, 22):
            yield Step(1, step, 0.693, half, 0.1, 12345.0, 0.1, step / 250, 4000.0)
            time.sleep(0.03)
        if how == "signal":
            print("READY", flush=True)
            while not request.signal and not request.received:
                time.sleep(0.02)
            yield Stopped(folder, request.received, 1, 21)
            return
        if how == "error":
            raise DivergedError("training diverged in epoch 1 at step 21: " + "so it was " * 20)
        yield Epoch(1, 0.5, half, 0.5, half, 0.1, 100.0, 3.0, True)
        yield Finished(folder, 1, 1, half, 3.0)

loading = types.ModuleType("striate.cli.lazy")
loading.verbs = types.SimpleNamespace(stream=stream)
sys.modules["striate.cli.lazy"] = loading
cli.run.__globals__["sys"].argv = ["striate", "train", str(folder)]
cli.run()
"""


def told(program: list[str], columns: int, number: int = 0) -> tuple[str, int]:
    """All that a program writes to a terminal, and its exit code."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.environ["TERM"] = "xterm"
        os.environ.pop("COLUMNS", None)
        os.execv(sys.executable, [sys.executable, *program])
    text, sent = b"", False
    while True:
        try:
            came = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        text += came
        if number and b"READY" in text and not sent:
            os.kill(child, number)
            sent = True
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def screen(text: str, columns: int) -> list[str]:
    """What stands on a terminal in the end, all that scrolled away above it."""
    rows, row, column = [[" "] * columns], 0, 0
    for code, number, letter, plain in re.findall(
        r"(\x1b\[\??(\d*)[;\d]*([A-Za-z]))|(.)", text, re.DOTALL
    ):
        if code:
            if letter == "A":
                row = max(0, row - int(number or 1))
            elif letter == "K":
                rows[row] = [" "] * columns
            continue
        if plain == "\r":
            column = 0
            continue
        if plain == "\n" or column == columns:
            row, column = row + 1, 0 if column == columns else column
            rows += [[" "] * columns] * (row == len(rows))
            rows[row] = list(rows[row])
        if plain.isprintable():
            rows[row][column] = plain
            column += 1
    return ["".join(line).rstrip() for line in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    (place / "evaluation.json").write_text(
        '{"accuracy": {"value": 0.8, "low": 0.6, "high": 0.9, "n": 37}, "split": "test"}'
    )
    return place


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    ("how", "number", "code", "last"),
    [
        ("finish", 0, 0, "predict  striate predict"),
        ("error", 0, 6, "striate: error: training diverged in epoch 1"),
        ("signal", signal.SIGINT, 130, "stopped and saved in epoch 1 after step 21;"),
        ("signal", signal.SIGTERM, 143, "stopped and saved in epoch 1 after step 21;"),
    ],
    ids=["finished", "error", "Ctrl-C", "SIGTERM"],
)
def test_nothing_is_left_of_the_bar_and_no_line_is_glued_to_it(
    folder: Path, how: str, number: int, code: int, last: str, columns: int
):
    text, ended = told(["-c", PROGRAM, how, str(folder)], columns, number)
    assert ended == code, text
    assert "━" in text  # the bar was there
    lines = screen(text, columns)
    assert not [line for line in lines if "━" in line or "epoch 1 " in line[:8]]
    assert [line for line in lines if line.startswith(last)], lines


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_break_between_words(folder: Path, columns: int):
    lines = screen(told(["-c", PROGRAM, "finish", str(folder)], columns)[0], columns)
    words = " ".join(lines).split()
    for sentence in (
        "resnet18: 11,177,538 parameters, 2 classes, images of 128x128 pixels",
        "execution: channels-last, float32, 4 micro-batches in parallel",
        "a note of " + "wonderful words " * 12 + "that end here",
    ):
        assert sentence in " ".join(words), lines


def test_what_is_written_to_a_file_is_not_broken(folder: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "finish", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a note of " + "wonderful words " * 12 + "that end here" in done.stderr.splitlines()
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(("trained", "shown"), [(None, ""), (850, " (850 trained)")])
def test_parameters_that_are_never_trained_are_told_apart(trained: int | None, shown: str):
    started = Started(
        Path("runs/a"), "lenet5", 61_706, "classification", "10 classes",
        Figure("accuracy", "accuracy"), {"train": 70}, 0, 32, 2, None, 35, 8, "cpu", 2,
        "channels-last", None, 1, trained_params=trained,
    )  # fmt: skip
    text = io.StringIO()
    list(display.show_events((event for event in [started]), Console(file=text, width=200)))
    assert text.getvalue().splitlines()[0] == (
        f"lenet5: 61,706 parameters{shown}, 10 classes, images of 32x32 pixels (70 train)"
    )


@pytest.mark.parametrize(
    ("optimizer", "shown"), [("", []), ("nesterov", []), ("adamw", ["optimizer: adamw"])]
)
def test_another_optimizer_than_usual_is_named(optimizer: str, shown: list[str]):
    started = Started(
        Path("runs/a"), "deepbind", 2_162, "classification", "2 classes",
        Figure("accuracy", "accuracy"), {"train": 70}, 0, 101, 2, None, 35, 8, "cpu", 2,
        "channels-last", None, 1, optimizer=optimizer,
    )  # fmt: skip
    text = io.StringIO()
    list(display.show_events((event for event in [started]), Console(file=text, width=200)))
    assert text.getvalue().splitlines()[2:-2] == [*shown, "execution: channels-last"]


def test_an_undefined_figure_is_a_dash():
    """On the line of its epoch, where the training is summed up, and on the bar."""
    error = Figure("mae", "MAE", higher_is_better=False, form="number", unit="px")
    started = Started(
        Path("runs/a"), "lenet5", 61_706, "regression", "2 numbers", error,
        {"train": 70}, 0, 32, 2, None, 35, 8, "cpu", 2, "channels-last", None, 1,
    )  # fmt: skip
    events = [
        started,
        Step(1, 1, 0.9, {}, 0.1, 100.0, 0.0, 0.5, 3.0),
        Epoch(1, 0.9, {"mae": 2.5}, 0.8, {}, 0.1, 100.0, 3.0, best=True),
        Epoch(2, 0.7, {}, 0.6, {"mae": 12.25}, 0.1, 100.0, 6.0, best=True),
        Finished(Path("runs/a"), 2, 2, {}, 6.0),
    ]
    text = io.StringIO()
    console = Console(file=text, width=200)
    assert list(display.show_events((event for event in events), console)) == events
    *_, heads, first, second, last = text.getvalue().splitlines()
    assert heads.split() == ["epoch", "loss", "MAE", "loss", "MAE", "images/s", "time"]
    assert first.split() == ["1", "0.9000", "2.5", "px", "0.8000", "–", "100", "0:03", "best"]
    assert second.split() == ["2", "0.7000", "–", "0.6000", "12.25", "px", "100", "0:06", "best"]
    assert last == "finished in 0:06; best epoch 2 (validation MAE –)"
