"""No command writes over what it reads, nor pictures over any file; inputs stay as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.model_file import save
from tests.data.images import noise
from tests.prediction.map_models import make_model

CHOOSE = "choose another name"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Images in `own`, pairs in `pairs`, a manifest of images elsewhere, and a model of masks."""
    monkeypatch.chdir(tmp_path)
    for folder in ("own/sub", "pairs/images", "pairs/masks", "run", "x.partial", "apart"):
        Path(folder).mkdir(parents=True)
    for number, name in enumerate(("own/a.jpg", "own/a.png", "own/sub/a.png", "apart/a.jpg")):
        noise(40, 30, seed=number).save(name)
    for number in range(3):
        noise(40, 30, seed=number).save(f"pairs/images/{number}.png")
        mask = np.full((40, 30), number, np.uint8)
        Image.fromarray(mask).save(f"pairs/masks/{number}.png")
    names = "a.jpg", "a.png", "sub/a.png"
    for folder, inner in (("own", ""), (".", "own/"), ("x.partial", "")):
        lines = [f"{inner}{name},{label}" for label, name in enumerate(names)]
        Path(folder, "labels.csv").write_text("\n".join(["path,label", *lines]))
    shutil.copytree("own", "x.partial", dirs_exist_ok=True)
    np.save("kernel.npy", np.eye(3))
    Path("run/events.jsonl").write_text('{"event": "started"}\n')
    Path("link").symlink_to("own")
    save(make_model(), Path("run/model.safetensors"))
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        *(
            (
                f"predict run own --{option} {folder}",
                f"{folder}: {option} would lie among the images of own; "
                "name a new folder outside of it",
            )
            for option, folder in (
                ("overlays", "own"),
                ("masks", "own"),
                ("masks", "own/sub"),
                ("masks", "own/new/folder"),
                ("overlays", "link"),
            )
        ),
        (
            "predict run pairs/images --masks pairs/masks",
            "pairs/masks: masks would overwrite 0.png and 2 more files there; name a new folder",
        ),
        (
            "predict run apart/a.jpg --masks own",
            "own: masks would overwrite a.png there; name a new folder",
        ),
        (
            "predict run own/a.png own/sub/a.png --overlays own",
            "own: overlays would overwrite a.png and 1 more file there; name a new folder",
        ),
        (
            "predict run pairs/images pairs/masks --masks pairs",
            "pairs: masks would overwrite images/0.png and 5 more files there; name a new folder",
        ),
        (
            "predict run own --masks new --overlays ./new/../new",
            "--masks and --overlays name one folder; give each its own",
        ),
        (
            "predict run labels.csv --out labels.csv",
            f"labels.csv is an input of this command; {CHOOSE}",
        ),
        (
            "predict run own --out link/labels.csv",
            f"link/labels.csv exists already in own, an input; {CHOOSE}",
        ),
        *(
            (
                f"predict {model} own --out run/events.jsonl",
                f"run/events.jsonl is an input of this command; {CHOOSE}",
            )
            for model in ("run", "run/model.safetensors")
        ),
        (
            "evaluate run pairs --out pairs/about.html",
            f"pairs/about.html exists already in pairs, an input; {CHOOSE}",
        ),
        ("check own --out own/a.png", f"own/a.png exists already in own, an input; {CHOOSE}"),
        (
            "check labels.csv --out own/a.png",
            f"own/a.png is an input of this command; {CHOOSE}",
        ),
        (
            "check pairs --out pairs/masks/1.png",
            f"pairs/masks/1.png exists already in pairs, an input; {CHOOSE}",
        ),
        (
            "find-rate labels.csv --out own/sub/a.png",
            f"own/sub/a.png is an input of this command; {CHOOSE}",
        ),
        *(
            (
                f"pack {data} --to x",
                "x.partial: is in the way and would be removed; choose another place with --to",
            )
            for data in ("x.partial", "x.partial/labels.csv", "own")
        ),
        (
            "pack own --to poetry",
            "poetry.lock: is in the way and would be removed; choose another place with --to",
        ),
        (
            "filter own/a.jpg --kernel sobel-x --out own/../own/a.jpg",
            f"own/../own/a.jpg is an input of this command; {CHOOSE}",
        ),
        (
            "filter own/a.jpg --kernel kernel.npy --raw kernel.npy",
            f"kernel.npy is an input of this command; {CHOOSE}",
        ),
    ],
)
def test_a_command_refuses_to_write_over_its_inputs(here, capsys, line, message):
    Path("pairs/about.html").write_text("what these are")
    Path("poetry.lock").write_text("[[package]]")
    before = contents(here)
    code = main(line.split())
    out, err = capsys.readouterr()
    assert (code, out, err) == (2, "", f"striate: error: {message}\n")
    assert contents(here) == before
    assert not Path("new").exists()


def test_python_refuses_the_same(here):
    model, before = make_model(), contents(here)
    image = Image.open("own/a.png")
    image.load()
    for name in ("masks", "overlays"):
        with pytest.raises(OptionError) as error:
            striate.predict(model, ["own/a.jpg", Path("own")], **{name: "own/sub"})
        assert str(error.value) == (
            f"own/sub: {name} would lie among the images of own; name a new folder outside of it"
        )
        with pytest.raises(OptionError) as error:
            striate.predict(model, image, **{name: "own"})
        assert str(error.value) == (f"own: {name} would overwrite a.png there; name a new folder")
    with pytest.raises(OptionError) as error:
        striate.predict(model, "own", masks="new", overlays="new")
    assert str(error.value) == "masks and overlays name one folder; give each its own"
    with pytest.raises(OptionError) as error:
        striate.filter(image, "sobel-x", out="own/a.png")
    assert str(error.value) == f"own/a.png is an input of this command; {CHOOSE}"
    assert contents(here) == before


def test_images_of_one_stem_get_pictures_of_their_own_and_it_is_said_where(here, capsys):
    before = contents(Path("own"))
    line = "predict run own --out shares.csv --masks new/masks --overlays new/overlays"
    assert main(line.split()) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "table     shares.csv\nmasks     new/masks\noverlays  new/overlays\n",
    )
    for folder in (Path("new/masks"), Path("new/overlays")):
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
        assert names == ["a-2.png", "a.png", "sub/a.png"]
    assert contents(Path("own")) == before
    assert main(["predict", "run", "apart/a.jpg", "--masks", "new/masks"]) == 2
    told = "striate: error: new/masks: masks would overwrite a.png there; name a new folder\n"
    assert capsys.readouterr().err == told
