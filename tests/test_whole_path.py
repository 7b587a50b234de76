"""From images in a folder to a prediction, as a user goes, and nothing in the folder changes."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.cli import main
from tests.conftest import striped
from tests.data import images as images


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Content and time of change of every file and folder."""
    return {
        str(place.relative_to(folder)): (
            hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else "",
            place.stat().st_mtime_ns,
        )
        for place in (folder, *folder.rglob("*"))
    }


def document(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> dict | list:
    assert main([*argv, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_the_whole_path(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    before = fingerprint(photos)
    seen = document(capsys, "check", str(photos))
    assert seen["trainable"] is True
    assert seen["classes"] == {"flat": 40, "slanted": 40, "upright": 40}

    out = tmp_path / "run"
    options = ["--epochs", "12", "--batch", "8", "--learning-rate", "0.15", "--threads", "1"]
    done = document(capsys, "train", str(photos), *options, "--out", str(out))
    assert done["event"] == "Finished"
    assert done["evaluation"]["split"] == "test"

    judged = document(capsys, "evaluate", str(out), str(photos), "--split", "test")
    assert judged["confusion"] == done["evaluation"]["confusion"]
    assert judged["accuracy"]["value"] > 0.8
    assert judged["accuracy"]["low"] < judged["accuracy"]["value"] <= judged["accuracy"]["high"]

    fresh = tmp_path / "new"
    fresh.mkdir()
    for number, kind in enumerate(("upright", "flat", "slanted")):
        striped(kind, 1000 + number).save(fresh / f"{number}-{kind}.png")
    (fresh / "9-broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    rows = document(capsys, "predict", str(out / "model.safetensors"), str(fresh))
    assert [row["class"] for row in rows] == ["upright", "flat", "slanted", ""]
    assert rows[3]["error"].startswith("truncated")

    report = tmp_path / "report.html"
    assert main(["evaluate", str(out), str(photos), "--split", "all", "--out", str(report)]) == 0
    page = report.read_text("utf-8")
    assert "of 120 images, 95&nbsp;% interval" in page
    assert "Learning rate" in page
    assert capsys.readouterr().out.startswith("120 images, 3 classes: ")
    assert fingerprint(photos) == before

    tests_only = tmp_path / "later" / "test"
    shutil.copytree(photos / "flat", tests_only / "flat")
    judged = document(capsys, "evaluate", str(out), str(tests_only.parent))
    assert (judged["images"], judged["split"]) == (40, "test")
    assert main(["evaluate", str(out), str(photos), "--out", "report.pdf"]) == 2
    expected = "striate: error: report.pdf: expected a file that ends in .html or .md or .json\n"
    assert capsys.readouterr().err == expected


def test_a_phone_image_is_seen_upright_everywhere(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Eight files of one image, turned in every way that EXIF knows, have one prediction."""
    out = tmp_path / "run"
    document(capsys, "train", str(photos), "--epochs", "1", "--batch", "16", "--out", str(out))
    folder = tmp_path / "phone"
    folder.mkdir()
    upright = images.corners(40, 24)
    for orientation in range(1, 9):
        (folder / f"{orientation}.png").write_bytes(images.turned(upright, orientation, "PNG"))
    rows = document(capsys, "predict", str(out), str(folder))
    assert len({json.dumps(row["top"]) for row in rows}) == 1
    assert [row["notes"] for row in rows] == [[], *[["rotated"]] * 7]


def test_16_bit_gray_and_transparency_are_predicted_as_what_they_show(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"
    document(capsys, "train", str(photos), "--epochs", "1", "--batch", "16", "--out", str(out))
    plain = striped("flat", 77)
    deep = Image.fromarray(np.asarray(plain).astype("uint16") * 257)
    clear = plain.convert("RGBA")
    plain.save(tmp_path / "plain.png")
    deep.save(tmp_path / "deep.png")
    clear.save(tmp_path / "clear.png")
    names = [str(tmp_path / f"{name}.png") for name in ("plain", "deep", "clear")]
    rows = document(capsys, "predict", str(out), *names)
    assert len({json.dumps(row["top"]) for row in rows}) == 1
    assert rows[1]["notes"] == ["16 bit"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_saves_and_says_how_to_go_on(
    photos: Path, tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "striate", "train", str(photos), "--epochs", "5000"]
    command += ["--batch", "16", "--threads", "1", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for_an_epoch(out / "events.jsonl")
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    *_, last, judge = told.rstrip().splitlines()
    assert last.startswith("stopped and saved in epoch ")
    assert last.endswith(f"; resume with: striate train --resume {out}")
    said = f"evaluate its best epoch: striate evaluate {out} --out {out}/report.html"
    assert judge == said
    line = shlex.split(judge.partition(": striate ")[2])
    assert main(line) == 0
    assert capsys.readouterr().err.startswith(
        f"{out}: the training has not ended; its best epoch so far, "
    )
    assert (out / "report.html").exists()
    assert "Traceback" not in told
    assert (out / "checkpoints" / "last.safetensors").exists()


@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")]
)
def test_a_signal_before_the_first_step_ends_the_command_with_a_line(
    tmp_path: Path, number: signal.Signals, told: str
):
    pipe = tmp_path / "pipe"  # the command reads it until the test closes it
    os.mkfifo(pipe)
    program = f"""
from striate import cli
cli.train.run_training = lambda *_, **options: open({str(pipe)!r}).read()
cli.run()
"""
    command = [sys.executable, "-c", program, "train", str(tmp_path)]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        pipe.open("w"),
    ):
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert said.lstrip("\n") == f"striate: error: {told}\n"


def wait_for_an_epoch(events: Path) -> None:
    for _ in range(600):
        if events.exists() and '"Epoch"' in events.read_text("utf-8"):
            return
        time.sleep(0.1)
    pytest.fail("no epoch was told within a minute")
