"""`striate points`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from striate.cli import main

QUICK = ["--epochs", "3", "--layers", "4"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_word_moons_are_learned_and_drawn_under_a_free_name(here: Path, capsys):
    for _ in range(2):
        assert main(["points", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "moons: 2-4-2, tanh",
        "280 points to train on, 120 to test with, 2 classes, 22 parameters",
        "epoch  training loss  accuracy  test loss  accuracy",
    ]
    assert [line.split()[0] for line in lines[3:5]] == ["1", "3"]
    assert lines[5:7] == ["", "figure  points-moons.png"]
    assert {file.name for file in here.iterdir()} == {"points-moons.png", "points-moons-2.png"}
    with Image.open("points-moons.png") as image:
        assert image.width > 1000


def test_points_of_a_file_are_drawn_where_out_says_and_told_as_json(here: Path, capsys):
    rows = "".join(f"{at % 7},{at * at % 11},{'ab'[at % 2]}\n" for at in range(40))
    Path("my points.csv").write_text("x,y,label\n" + rows)
    line = ["points", "my points.csv", *QUICK, "--at", "0,2", "--test", "0.25", "--json"]
    assert main([*line, "--out", "a.svg"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["points"] == "my points"
    assert document["class_names"] == ["a", "b"]
    assert (document["training_points"], document["test_points"]) == (30, 10)
    assert [row["epoch"] for row in document["epochs"]] == [0, 2]
    assert document["files"] == {"figure": "a.svg"}
    assert Path("a.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("moon", 2, "no point set is called 'moon'; did you mean 'moons'?"),
        ("nowhere.csv", 3, "nowhere.csv: no such file or directory"),
        ("moons --classes 3", 2, "moons has two classes; leave classes out"),
        (
            "moons --layers 8,0",
            2,
            "--layers must be none or up to 10 whole numbers from 1 to 1024, as in 8,8, "
            "but '8,0' came",
        ),
        (
            "moons --at 10,1",
            2,
            "--at must be up to 24 rising whole numbers, as in 1,10,100, but '10,1' came",
        ),
        (
            "moons --at 1,20 --epochs 10",
            2,
            "epoch 20 should be drawn, but the training has 10",
        ),
        ("moons --out a.pdf", 2, "a.pdf: expected a file that ends in .svg or .png"),
        (
            "moons --out far/a.svg",
            4,
            "far/a.svg: there is no folder far; make it, or choose another",
        ),
        (
            "spirals --n 4 --classes 3",
            2,
            "3 classes need 6 points or more, two for each, but 4 came",
        ),
        (
            "moons --lr 1",
            2,
            "there is no option '--lr': it is called --learning-rate here; "
            "see `striate points --help`",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    line: str, code: int, message: str, here: Path, capsys
):
    assert main(["points", *line.split()]) == code
    assert capsys.readouterr().err == f"striate: error: {message}\n"
    assert not list(here.iterdir())
