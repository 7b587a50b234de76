"""Images that are left out, and groups that are held together, from training to evaluation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.errors import DataError, OptionError
from striate.training.run import Run

CLASSES = "cat", "dog"
PATTERN = "{group}_*.png"
QUICK: dict[str, Any] = {
    "network": "lenet5", "epochs": 1, "device": "cpu", "weights": "none", "progress": False,
}  # fmt: skip


def pixels(*seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (16, 16, 3)).astype(np.uint8)


def draw(root: str = "set", seed: int = 0) -> None:
    """Draw 2 classes of 12 animals, with 3 images of each."""
    for label, name in enumerate(CLASSES):
        Path(root, name).mkdir(parents=True)
        for animal in range(12):
            for shot in range(3):
                image = Image.fromarray(pixels(seed, label, animal, shot))
                image.save(f"{root}/{name}/{name}{animal}_{shot}.png")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw()
    Path("bad.txt").write_text("# blurred\ncat/cat1_0.png\n./dog/dog2_1.png\n")


def images_of_test(run: Run) -> set[str]:
    return {each["path"] for each in run.samples() if each["split"] == "test"}


def animals(run: Run) -> dict[str, set[str]]:
    """The splits that each animal is in."""
    found: dict[str, set[str]] = {}
    for each in run.samples():
        found.setdefault(Path(each["path"]).name.split("_")[0], set()).add(each["split"])
    return found


def test_a_run_with_groups_is_evaluated_on_the_very_images_of_its_test() -> None:
    run = striate.train("set", group=PATTERN, leave_out="bad.txt", out="run", **QUICK)
    assert {len(splits) for splits in animals(run).values()} == {1}
    assert striate.load("run").facts["groups"] == PATTERN
    for data in (None, "set", Path("set").resolve()):
        assert set(striate.evaluate("run", data).about.paths) == images_of_test(run)
    shutil.copytree("set", "moved")
    moved = striate.evaluate("run", "moved", leave_out="run/left_out.csv")
    assert set(moved.about.paths) == images_of_test(run)
    shutil.move("run/model.safetensors", "alone.safetensors")
    alone = striate.evaluate("alone.safetensors", "set", leave_out="bad.txt")
    assert set(alone.about.paths) == images_of_test(run)


def test_leaving_images_out_moves_no_other_to_another_split() -> None:
    Path("two.txt").write_text("cat/cat1_0.png\ncat/cat5_1.png\n")
    whole = striate.train("set", out="whole", **QUICK).samples()
    rest = striate.train("set", leave_out="two.txt", out="rest", **QUICK).samples()
    assert rest == [each for each in whole if each["path"] not in Path("two.txt").read_text()]


def test_a_run_keeps_its_list_and_goes_on_where_list_and_images_are_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = striate.train("set", leave_out="bad.txt", group=PATTERN, out="run", **QUICK)
    assert Path("run/left_out.csv").read_text() == "path\ncat/cat1_0.png\ndog/dog2_1.png\n"
    options = json.loads(Path("run/options.json").read_text())
    assert (options["leave_out"], options["group"]) == ("left_out.csv", PATTERN)
    assert json.loads(Path("run/data_report.json").read_text())["findings"] == {"listed": 2}
    assert "2 listed" in " ".join(Path("run/report.html").read_text().split())
    Path("bad.txt").unlink()
    Path("set/cat/cat1_0.png").unlink()
    assert striate.verify("run").same
    shutil.move("run", "elsewhere")
    assert main(["train", "--resume", "elsewhere", "--epochs", "2"]) == 0
    assert "2 images left out" not in capsys.readouterr().out
    assert striate.verify("elsewhere").same
    assert set(striate.evaluate("elsewhere").about.paths) == images_of_test(Run(Path("elsewhere")))
    assert run.folder == Path("run")


def test_a_training_tells_how_many_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--network", "lenet5", "--epochs", "1", "--device", "cpu", "--weights", "none"]
    assert main(["train", "set", "--leave-out", "bad.txt", "--out", "run", *quick]) == 0
    told = capsys.readouterr()
    assert "2 images left out, as --leave-out says\n" in told.out + told.err


def test_a_folder_without_the_groups_is_evaluated_whole_if_it_is_new() -> None:
    striate.train("set", group=PATTERN, out="run", **QUICK)
    draw("new", seed=1)
    for number, file in enumerate(sorted(Path("new").rglob("*.png"))):
        file.rename(file.with_name(f"{number}.png"))
    assert len(striate.evaluate("run", "new")) == 72
    shutil.copytree("set", "renamed")
    for number, file in enumerate(sorted(Path("renamed").rglob("*.png"))):
        file.rename(file.with_name(f"{number}.png"))
    with pytest.raises(DataError) as error:
        striate.evaluate("run", "renamed")
    assert str(error.value) == (
        "renamed: the model was trained on images in groups, {group}_*.png, which these do not "
        "have, so its test images cannot be told;\n--split all evaluates all of them, trained on "
        "or not"
    )
    assert len(striate.evaluate("run", "renamed", split="all")) == 72


def manifest(header: str = "path,label,animal") -> str:
    rows = [
        f"set/{name}/{name}{animal}_{shot}.png,{name},{name}{animal}"
        for name in CLASSES for animal in range(12) for shot in range(3)
    ]  # fmt: skip
    Path("set.csv").write_text("\n".join([header, *rows]))
    return "set.csv"


def test_a_column_of_a_manifest_names_groups() -> None:
    run = striate.train(manifest(), group="Animal", out="run", **QUICK)
    assert {len(splits) for splits in animals(run).values()} == {1}
    assert set(striate.evaluate("run").about.paths) == images_of_test(run)
    by_name = striate.train("set", group=PATTERN, out="other", **QUICK)
    assert animals(by_name) == animals(run)


def test_a_column_of_groups_is_no_target() -> None:
    rows = [f"set/cat/cat{a}_{s}.png,{a + s},cow{a}" for a in range(12) for s in range(3)]
    Path("ages.csv").write_text("\n".join(["path,age,animal", *rows]))
    inspection = striate.check("ages.csv", group="animal")
    assert (inspection.class_names, inspection.task) == (("age",), "regression")
    assert inspection.groups is not None
    assert inspection.groups.groups == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label,animol\nset/cat/cat0_0.png,cat,a",
            "set.csv: line 1: no column is called 'animal', as --group asks for; did you mean "
            "'animol'?",
        ),
        (
            "path,label,herd\nset/cat/cat0_0.png,cat,a",
            "set.csv: line 1: no column is called 'animal', as --group asks for; there are "
            "'path,label,herd'",
        ),
        (
            "path,label,animal\nset/cat/cat0_0.png,cat,a\nset/cat/cat1_0.png,cat, ",
            "set.csv: line 3: the group of 'set/cat/cat1_0.png' is empty; give each image one",
        ),
        (
            "path,label,animal\nset/cat/cat0_0.png,cat,a\nset/cat/cat0_0.png,cat,b",
            "set.csv: line 3: 'set/cat/cat0_0.png' is in b, but in a in line 2; remove one of the "
            "lines",
        ),
        (
            "path,label,animal,animal\nset/cat/cat0_0.png,cat,a,b",
            "set.csv: line 1: the column 'animal' stands twice; keep one of the two",
        ),
    ],
)
def test_a_column_of_groups_that_is_wrong_is_told(text: str, message: str) -> None:
    Path("set.csv").write_text(text)
    with pytest.raises(DataError) as error:
        striate.check("set.csv", group="animal")
    assert str(error.value) == message


def test_groups_that_data_cannot_have_are_told() -> None:
    with pytest.raises(OptionError) as option:
        striate.check("set", group="animal")
    assert str(option.value) == (
        "set: --group animal names a column, but only a manifest has columns; of paths write "
        "{group} where the group stands, as in '{group}_*.jpg'"
    )
    Path("set/cat/cat0_0.png").rename("set/cat/first.png")
    with pytest.raises(DataError) as error:
        striate.check("set", group=PATTERN)
    assert str(error.value) == (
        "set: '{group}_*.png' names no group for 1 of its 72 images, such as cat/first.png;\n"
        "expected one for each: correct the pattern, rename them, or name groups in a column of a "
        "manifest"
    )


def test_a_class_of_one_group_cannot_be_trained_on() -> None:
    for file in Path("set/dog").glob("*.png"):
        if not file.name.startswith("dog3_"):
            file.unlink()
    assert striate.check("set", group=PATTERN).problems == (
        "all images of class 'dog' are of one group, 'dog3'; expected at least two groups of a "
        "class, to train on one and validate on another",
    )
    with pytest.raises(DataError, match="are of one group, 'dog3'"):
        striate.train("set", group=PATTERN, **QUICK)


def test_check_shows_the_groups(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("set/cat/cat3_0.png", "set/cat/cat3_9.png")
    assert main(["check", "set", "--group", PATTERN]) == 0
    table = capsys.readouterr().out.split("\n\n")[2]
    assert table.startswith("split       groups  images\ntrain           15      4")
    assert table.endswith("24 groups; the largest is 'cat3', 4 images")
    inspection = striate.check("set", group=PATTERN)
    assert "24 groups; the largest is &#x27;cat3&#x27;, 4 images" in inspection._repr_html_()
    groups: Any = inspection.to_json()["groups"]
    assert (groups["groups"], groups["largest"], groups["largest_images"]) == (24, "cat3", 4)
    assert sum(each["images"] for each in groups["splits"].values()) == 73


def straddling() -> str:
    """Make folders of splits, with a dog of train in test too, and one of validation in test."""
    for name in CLASSES:
        for split, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 12))):
            Path("split", split, name).mkdir(parents=True)
            for animal in numbers:
                for file in Path("set", name).glob(f"{name}{animal}_*.png"):
                    shutil.copy(file, Path("split", split, name))
    for name, split in (("dog0_2", "train"), ("dog9_0", "val")):
        shutil.move(f"split/{split}/dog/{name}.png", "split/test/dog")
    return "split"


def test_a_group_that_straddles_given_splits_is_leakage_and_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inspection = striate.check(straddling(), group=PATTERN)
    found = [(f.path, f.detail) for f in inspection.findings if f.kind == "leaked group"]
    assert found == [
        ("test/dog/dog0_2.png", "dog0, as train/dog/dog0_0.png"),
        ("test/dog/dog9_0.png", "dog9, as val/dog/dog9_1.png"),
    ]
    assert inspection.splits["test"]["dog"] == 8
    run = striate.train("split", group=PATTERN, out="run", **QUICK)
    assert len(images_of_test(run)) == 14
    assert main(["evaluate", "run"]) == 0
    told = "Leakage: 2 of these 14 images are in train or validation too, or their group is, so"
    assert told in " ".join(capsys.readouterr().out.split())
    assert len(striate.evaluate("run", leaked="drop")) == 12


def test_a_forecast_an_embedding_and_an_ensemble_leave_out_too() -> None:
    run = striate.train("set", group=PATTERN, leave_out="bad.txt", out="run", **QUICK)
    striate.train("set", group=PATTERN, leave_out="bad.txt", out="two", seed=1, **QUICK)
    made = striate.ensemble("run", "two", out="both.safetensors")
    assert set(made.results.about.paths) == images_of_test(run)
    found = striate.embed("run", "set", leave_out="bad.txt")
    splits = dict(zip(found.paths, found.split_names, strict=True))
    assert splits == {each["path"]: each["split"] for each in run.samples()}
    told = striate.forecast(
        "set", weights="run", group=PATTERN, leave_out="bad.txt", draws=2, device="cpu"
    )
    assert told.images == sum(each["split"] == "train" for each in run.samples())
