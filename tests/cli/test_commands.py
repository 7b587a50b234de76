"""A command that striate prints or writes down does again what was asked for, in any shell."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import striate
from striate.cli import _striate, main
from striate.distributed.launch import ProcessInfo
from striate.options import EvaluateOptions, TrainOptions
from striate.text import shell_command
from striate.training.run import Run

GIVEN = {
    "network": "mobilenet_v1(width=0.25)", "epochs": 1, "batch": 16, "size": 32, "color": "rgb",
    "learning_rate": 0.0125, "optimizer": "adamw", "schedule": "cosine", "clip_grad": 1.5,
    "recover": True, "augment_params": "rotate=15,hflip=no", "validation": 0.2,
    "deterministic": True, "threads": 1, "seed": 2**40,
}  # fmt: skip


def words(command: str) -> list[str]:
    """As a shell takes the line apart."""
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True
    )
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def parsed(command: str) -> dict[str, Any]:
    """What the command line's own parser understands."""
    name, verb, *rest = words(command)
    assert name == "striate"
    found = _striate.commands[verb].make_context(verb, rest).params
    return {key: value for key, value in found.items() if value not in (None, False)}


def written(page: Path) -> str:
    (command,) = re.findall(r"<pre><code>(.*)</code></pre>", page.read_text("utf-8"))
    return html.unescape(command)


@pytest.fixture
def odd(photos: Path, tmp_path: Path) -> Path:
    """The stripes in a folder whose name a shell minds."""
    place = tmp_path / "a $HOME 100 %\n'b' “ü” \x1b"
    shutil.copytree(photos, place)
    return place


def test_a_report_has_the_command_with_every_option_that_was_given(odd: Path, tmp_path: Path):
    out = tmp_path / "my runs" / "one; two"
    run = striate.train(odd, out=out, progress=False, **GIVEN)
    found = parsed(written(run.report_file))
    assert found.pop("data") == odd
    assert found.keys() == {*GIVEN, "out"}
    assert TrainOptions.read(found) == TrainOptions.read({**GIVEN, "out": out})


def test_options_of_a_recipe_are_in_the_command_and_resuming_keeps_it(photos: Path, tmp_path: Path):
    recipe = tmp_path / "small.toml"
    recipe.write_text('network = "lenet5"\nepochs = 1\nlabel_smoothing = 0.1\nseed = 3\n')
    out = tmp_path / "run"
    asked = ["train", str(photos), "--recipe", str(recipe), "--seed", "4", "--out", str(out)]
    assert main(asked) == 0
    command = written(out / "report.html")
    given = {"network": "lenet5", "epochs": 1, "label_smoothing": 0.1, "seed": 4, "out": out}
    found = parsed(command)
    assert found.pop("data") == photos
    assert TrainOptions.read(found).given() == TrainOptions.read(given).given()
    (out / "report.html").unlink()
    assert main(["train", "--resume", str(out)]) == 0
    assert written(out / "report.html") == command
    assert Run(out).read_json("environment.json")["command"] == command


def test_nothing_is_in_the_command_that_was_not_given(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photos, tmp_path / "-photos")
    run = striate.train("-photos", epochs=1, network=None, recover=False, progress=False)
    assert written(run.report_file) == "striate train ./-photos --epochs 1"
    assert main(["evaluate", str(run.folder), "./-photos", "--out", "page.html"]) == 0
    assert written(Path("page.html")) == (
        f"striate evaluate {run.folder} ./-photos --out page.html"
    )
    striate.evaluate(striate.load(run.model_file), "-photos", split="all", out="page.html")
    assert written(Path("page.html")) == (
        "striate.evaluate(model, '-photos', split='all', out='page.html')"
    )


def test_the_report_of_an_evaluation_has_its_command(photos: Path, odd: Path, tmp_path: Path):
    run = striate.train(photos, out=tmp_path / "a b", network="lenet5", epochs=1, progress=False)
    page = tmp_path / "the page.html"
    given = {"split": "validation", "batch": 7, "largest": 90, "device": "cpu", "out": page}
    striate.evaluate(run.folder, odd, **given)
    found = parsed(written(page))
    assert (found.pop("model"), found.pop("places")) == (run.folder, (odd,))
    assert EvaluateOptions.read(found) == EvaluateOptions.read(given)


@pytest.mark.parametrize(
    ("place", "begins"),
    [
        (ProcessInfo(), "striate"),
        (ProcessInfo(1, 4, 1, 4), "torchrun --nproc-per-node 4 -m striate"),
        (ProcessInfo(3, 8, 1, 2), "torchrun --nnodes 4 --nproc-per-node 2 -m striate"),
    ],
)
def test_a_command_for_several_processes_begins_with_torchrun(place: ProcessInfo, begins: str):
    assert shell_command(place.command) == begins


@pytest.mark.parametrize(
    "word", ["", "a b", "it's", "~", "\udcff\udc80", "\n\t\\", "‮", "\xa0", "é", "$(x)", "'\x01'"]
)
def test_a_shell_takes_a_command_apart_into_the_same_words(word: str):
    assert words(shell_command([word, Path("a"), word])) == [word, "a", word]


def test_where_a_training_was_stopped_the_command_that_goes_on_is_quoted(tmp_path: Path):
    from striate.training.events import Stopped
    from striate.verbs import display

    text = display._text(Stopped(tmp_path / "my run", 2, 3, 4), "", None)
    command = text.partition("resume with: ")[2]
    assert parsed(command) == {"resume": tmp_path / "my run"}
