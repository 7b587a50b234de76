"""Standard streams that are full, closed or left by their reader; names that act on a terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from rich.console import Console

import striate
from striate.cli import main
from striate.text import Display, html_table, shell_command
from striate.training.events import Event, Note, Stopped
from striate.verbs import display
from tests.conftest import striped
from tests.data.images import class_folders

STRANGE = "up\x1b]0;x\x07\u202e[red]\nn"
SHOWN = r"up\x1b]0;x\x07\u202e[red]\nn"
FULL = "standard output: the disk is full; what should have been printed there is lost\n"
CLOSED = "standard output: closed; what should have been printed there is lost\n"


def shell(line: str, place: Path) -> tuple[int, str, str]:
    """Code, stdout and stderr of a command line of the shell, in which S is striate."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    env |= {"S": f"{shlex.quote(sys.executable)} -m striate", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-c", line], cwd=place, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "line", ["check .", "check . --json", "--help", "--version", "size --input 7 --kernel 3"]
)
@pytest.mark.parametrize(("lost", "said"), [(">/dev/full", FULL), (">&-", CLOSED)])
def test_results_that_cannot_be_printed_are_an_error(
    line: str, lost: str, said: str, tmp_path: Path
):
    class_folders(tmp_path, {"cat": 4, "dog": 4})
    assert shell(f"$S {line} {lost}", tmp_path) == (4, "", f"striate: error: {said}")
    assert shell(f"$S {line} {lost} 2>/dev/full", tmp_path) == (4, "", "")


@pytest.mark.parametrize("lost", ["2>/dev/full", "2>&-"])
def test_an_error_that_stderr_does_not_take_is_told_on_stdout(lost: str, tmp_path: Path):
    said = "striate: error: no such command 'x'; see `striate --help`\n"
    assert shell(f"$S x {lost}", tmp_path) == (2, said, "")
    assert shell(f"$S x {lost} >/dev/full", tmp_path) == (2, "", "")


def test_a_reader_that_goes_away_ends_a_command_quietly(tmp_path: Path):
    class_folders(tmp_path, {"cat": 4, "dog": 4})
    line = "$S check . --json | true; echo ${PIPESTATUS[0]}"
    assert shell(line, tmp_path) == (0, f"{128 + signal.SIGPIPE}\n", "")


@pytest.mark.parametrize("lost", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_training_whose_display_is_lost_goes_on(lost: str, photos: Path, tmp_path: Path):
    line = f"$S train {photos} --epochs 2 --threads 1 --out run {lost}"
    code, out, _ = shell(line, tmp_path)
    assert code == 0
    assert out.splitlines()[1] == "report   run/report.html"
    assert (tmp_path / "run/model.safetensors").is_file()


def test_a_training_whose_results_cannot_be_printed_is_kept(photos: Path, tmp_path: Path):
    code, _, err = shell(f"$S train {photos} --epochs 1 --threads 1 --out run >&-", tmp_path)
    assert (code, err.splitlines()[-1]) == (4, f"striate: error: {CLOSED.strip()}")
    assert striate.Run.open(tmp_path / "run").finished


def test_a_display_that_breaks_in_a_program_does_not_end_the_training():
    with Path("/dev/full").open("w") as full:
        events = display.show_events(
            (Note(word) for word in ("one", "two")), Console(file=Display(full))
        )
        assert list(events) == [Note("one"), Note("two")]
    assert Display(None).write("nowhere") == 7


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images of a class, and a run in a folder, whose names act on a terminal."""
    monkeypatch.chdir(tmp_path)
    for kind, name in (("flat", "flat"), ("upright", STRANGE)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for seed in range(12):
            striped(kind, seed).save(tmp_path / "photos" / name / f"{seed}.png")
    return tmp_path


def test_no_name_acts_on_the_terminal(strange: Path, capsys: pytest.CaptureFixture[str]):
    run = str(Path("runs") / STRANGE)
    lines = [
        ["check", "photos"],
        ["train", "photos", "--epochs", "2", "--threads", "1", "--out", run],
        ["verify", run],
        ["train", "--resume", run],
        ["evaluate", run, "photos", "--split", "all"],
        ["predict", run, f"photos/{STRANGE}/1.png"],
        ["describe", run],
        ["pack", "photos", "--to", STRANGE],
        ["check", f"nowhere/{STRANGE}"],
        ["train", "--resume", STRANGE],
        ["nonsense" + STRANGE],
        ["filter", f"photos/{STRANGE}/1.png", "--kernel", "sobel-x", "--out", f"{STRANGE}.png"],
        ["find-rate", "photos", "--threads", "1", "--out", f"{STRANGE}.svg"],
        ["cache"],
        ["check", STRANGE, "--traceback"],
    ]
    for line in lines:
        main(line)
        shown = "".join(capsys.readouterr())
        assert set(shown) - {"\n"} == {c for c in shown if c.isprintable()}, line
        assert "bug of striate" not in shown, shown
        assert "\nn" not in shown.replace("\nnumber", "").replace("\nnetwork", ""), (line, shown)


def test_documents_keep_the_true_names(strange: Path, capsys: pytest.CaptureFixture[str]):
    main(["train", "photos", "--epochs", "1", "--threads", "1", "--out", "run", "--json"])
    assert STRANGE in json.loads(capsys.readouterr().out)["evaluation"]["class_names"]
    main(["predict", "run", f"photos/{STRANGE}/1.png", "--out", "rows.csv"])
    assert STRANGE in (strange / "rows.csv").read_text(encoding="utf-8")


def test_markup_in_a_name_is_shown_as_it_is():
    told = io.StringIO()
    stopped = Stopped(Path(STRANGE), 2, 1, 1)
    list(
        display.show_events(
            (event for event in (stopped, Note(":smile: [red]x[/red]"))),
            Console(file=told, width=200),
        )
    )
    assert shell_command([STRANGE]) in told.getvalue()
    assert ":smile: [red]x[/red]" in told.getvalue()


def test_a_name_in_a_notebook_is_text():
    name = f"<script>{STRANGE}"
    assert "<script>" not in (table := html_table([("a", "b"), (name, name)], ()))
    assert SHOWN in table


def test_an_output_that_knows_few_characters_gets_the_others_escaped(tmp_path: Path):
    code, out, _ = shell("PYTHONIOENCODING=ascii $S --help; $S networks | head -2", tmp_path)
    assert (code, out.isascii()) == (0, True)


def test_events_that_are_no_longer_shown_are_closed_at_once():
    closed: list[str] = []

    def events() -> Generator[Event]:
        try:
            yield Note("one")
            yield Note("two")
        finally:
            closed.append("training")

    training = events()  # a name that outlives the display, as a frame of an error's traceback does
    with contextlib.closing(display.show_events(training, Console(quiet=True))) as shown:
        next(shown)
    assert closed == ["training"]
