"""`look` draws every kind of sheet of a trained network, and says what it cannot draw."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

import striate
from striate.cli import main
from tests.conftest import striped


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, the folder it was trained on, and an image."""
    place = tmp_path_factory.mktemp("look")
    for kind in ("flat", "upright"):
        (place / "photos" / kind).mkdir(parents=True)
        for seed in range(30):
            striped(kind, seed).save(place / "photos" / kind / f"{seed}.png")
    striped("flat", 99).save(place / "cat.png")
    options = {"network": "lenet5", "epochs": 1, "threads": 1}
    striate.train(place / "photos", out=place / "run", progress=False, **options)
    return place


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("", ["filters-first.png"]),
        ("cat.png --layers c1,c3", ["maps-c1.png", "maps-c3.png"]),
        ("cat.png --show field --layers c3", ["field-c3.png"]),
        ("cat.png --show classes", ["classes.png"]),
        ("--show dreams --layers c3 --channel 1", ["dreams-c3.png"]),
        ("photos", ["map.png"]),
        ("photos --like cat.png --format npz", ["similar.npz"]),
        ("photos --show channels --layers c3 --channel 2", ["channels-c3.png"]),
    ],
)
def test_each_kind_is_written_into_a_new_folder(
    line: str, names: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(shlex.split(f"look run {line} --out seen --json")) == 0
    sheets = json.loads(capsys.readouterr().out)["sheets"]
    assert [Path(sheet["path"]).name for sheet in sheets] == names
    for sheet in sheets:
        assert sheet["text"]
        if sheet["path"].endswith(".png"):
            with Image.open(sheet["path"]) as image:
                assert min(image.size) > 100


@pytest.mark.usefixtures("here")
def test_of_a_layer_with_few_channels_all_are_dreamed_of(capsys: pytest.CaptureFixture[str]):
    assert main(shlex.split("look run --show dreams --layers c1 --out few --json")) == 0
    (sheet,) = json.loads(capsys.readouterr().out)["sheets"]
    assert sheet["text"].startswith("What 6 channels of c1 would like to see. ")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("--show maps", 2, "an image is needed, as in: striate look MODEL cat.jpg"),
        ("cat.png --show map", 2, "a folder of images is needed, as in: striate look MODEL photos"),
        ("photos --show similar", 2, "an image to search for is needed, as in: --like cat.jpg"),
        ("photos --show channels", 2, "channels are drawn of one layer; name it by --layers"),
        ("photos --layers c1,c3", 2, "this is drawn of one layer; give one name to --layers"),
        ("--show dreams --layers c9", 2, "no layer is called 'c9'; did you mean "),
        ("cat.png --show maps --layers c3 --channel 99", 2, "16 channels"),
        ("--motifs a.jaspar", 2, "motifs are of networks on DNA, but this one takes images"),
        ("nothing.png", 3, "nothing.png: no such file or folder"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_written(
    line: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(shlex.split(f"look run {line} --out nowhere")) == code
    assert message in capsys.readouterr().err
    assert not Path("nowhere").exists()
