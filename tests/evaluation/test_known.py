"""Which images are evaluated where nobody says so, and what is told of those that were learned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import striate
from striate.cli import main
from striate.errors import DataError, OptionError
from striate.tasks.classification.scores import ACCURACY
from striate.training.run import Run
from tests.conftest import striped

KINDS = ("flat", "slanted", "upright")
NEW = "None of these images were used for training, so all of them were evaluated."
LEARNED = "These are its training images: the metrics say nothing about new ones."
UNKNOWN = "Whether these images were used for training is unknown: its run is not here."


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    options = {"network": "lenet5", "epochs": 1, "threads": 1, "out": out}
    return striate.train(photos, progress=False, **options)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Five images of each class that no run has seen."""
    folder = tmp_path / "fresh"
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for seed in range(5):
            striped(kind, 5000 + seed).save(folder / kind / f"{seed}.png")
    return folder


def split(run: Run, name: str) -> list[str]:
    return [entry["path"] for entry in run.samples() if entry["split"] == name]


def copied(photos: Path, paths: list[str], folder: Path) -> Path:
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(photos / path, folder / path.replace("/", "/copy-"))
    return folder


def told(capsys: pytest.CaptureFixture[str], *argv: object) -> dict:
    assert main(["evaluate", *map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_all_of_another_folder_is_judged_and_that_is_said(run: Run, fresh: Path, capsys):
    assert main(["evaluate", str(run.folder), str(fresh)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("15 images, 3 classes: ")
    assert NEW in out
    found = told(capsys, run.model_file, fresh)
    assert (found["split"], found["images"]) == ("all", 15)
    assert (found["trained_on"], found["warning"]) == (0, None)


def test_of_the_folder_it_learned_from_the_test_split_is_judged(run: Run, photos: Path):
    evaluation = striate.evaluate(run.folder, photos)
    assert (evaluation.about.split, evaluation.about.trained_on) == ("test", 0)
    assert sorted(evaluation.about.paths) == sorted(split(run, "test"))
    assert evaluation.about.warning(ACCURACY) == evaluation.about.note == ""


def test_without_a_folder_that_of_the_run_is_judged(run: Run, photos: Path, tmp_path: Path):
    assert (
        striate.evaluate(run.folder).about.paths == striate.evaluate(run.folder, photos).about.paths
    )
    moved = shutil.copy(run.model_file, tmp_path / "moved.safetensors")
    for model in (moved, striate.load(run.model_file)):
        with pytest.raises(OptionError) as error:
            striate.evaluate(model)
        assert str(error.value) == (
            f"{moved if model is moved else 'lenet5'}: evaluate needs a folder of images; only "
            "the model of a run knows where its own are"
        )


def test_figures_on_what_it_learned_from_carry_a_warning_everywhere(
    run: Run, photos: Path, tmp_path: Path, capsys
):
    learned, total = len(split(run, "train")), 120
    some = f"{learned} of these {total} images were used for training: "
    some += "accuracy on new ones may be lower."
    for name, warning, count in (("all", some, learned), ("train", LEARNED, learned)):
        page = tmp_path / f"{name}.html"
        asked = ["evaluate", str(run.folder), str(photos), "--split", name]
        assert main([*asked, "--out", str(page)]) == 0
        assert warning in capsys.readouterr().out
        assert f'<li class="warning"><span>{warning}</span>' in page.read_text("utf-8")
        found = told(capsys, *asked[1:])
        assert (found["trained_on"], found["warning"]) == (count, warning)


def test_of_a_folder_that_shares_images_how_many_were_learned_is_told(
    run: Run, photos: Path, fresh: Path
):
    copied(photos, split(run, "train")[:7], fresh)
    evaluation = striate.evaluate(run.folder, fresh)
    assert (evaluation.about.split, len(evaluation), evaluation.about.trained_on) == ("all", 22, 7)
    assert (
        "7 of these 22 images were used for training: accuracy on new ones may be lower."
        in repr(evaluation)
    )


def test_images_that_only_tested_it_are_none_it_learned_from(run: Run, photos: Path, fresh: Path):
    copied(photos, split(run, "test")[:1] + split(run, "validation")[:1], fresh)
    evaluation = striate.evaluate(run.folder, fresh)
    assert (evaluation.about.split, len(evaluation), evaluation.about.trained_on) == ("all", 17, 0)


def test_a_folder_half_of_which_is_known_is_the_one_it_learned_from(
    run: Run, photos: Path, fresh: Path
):
    copied(photos, split(run, "train") + split(run, "test")[:3], fresh)
    evaluation = striate.evaluate(run.folder, fresh)
    assert (evaluation.about.split, evaluation.about.trained_on) == ("test", 0)


def test_an_empty_split_is_refused_with_one_that_is_not(run: Run, photos: Path, tmp_path: Path):
    mixed = copied(photos, split(run, "train")[:4] + split(run, "validation"), tmp_path / "mixed")
    count = len(striate.evaluate(run.folder, mixed, split="validation"))
    assert count > 5
    with pytest.raises(DataError) as error:
        striate.evaluate(run.folder, mixed)
    assert str(error.value) == (
        f"{run.folder}: no image is in the test split; try --split validation, which has {count} "
        "images"
    )


def test_a_run_that_does_not_say_where_its_images_are_needs_a_folder(run: Run, tmp_path: Path):
    copy = Run(Path(shutil.copytree(run.folder, tmp_path / "run")))
    options = copy.read_json("options.json")
    copy.write_json("options.json", {k: v for k, v in options.items() if k != "data"})
    with pytest.raises(OptionError, match="evaluate needs a folder of images"):
        striate.evaluate(copy.folder)


def test_a_training_without_a_test_split_is_judged_by_its_validation_split(
    photos: Path, tmp_path: Path
):
    options = {"network": "lenet5", "epochs": 1, "threads": 1, "test": 0.0}
    run = striate.train(photos, out=tmp_path / "run", progress=False, **options)
    with pytest.raises(DataError, match="in the test split; try --split validation, which has"):
        striate.evaluate(run.folder)
    assert striate.evaluate(run.folder, split="validation").about.warning(ACCURACY) == ""
    assert run.read_json("evaluation.json")["trained_on"] == 0


def test_a_model_file_alone_does_not_know_what_it_learned_from(
    run: Run, photos: Path, fresh: Path, tmp_path: Path
):
    moved = tmp_path / "elsewhere" / "model.safetensors"
    moved.parent.mkdir()
    shutil.copy(run.model_file, moved)
    evaluation = striate.evaluate(moved, photos)
    assert (evaluation.about.split, evaluation.about.trained_on) == ("test", None)
    assert sorted(evaluation.about.paths) == sorted(split(run, "test"))
    assert UNKNOWN in repr(evaluation)
    assert UNKNOWN in repr(striate.evaluate(moved, fresh, split="all"))
    assert LEARNED in repr(striate.evaluate(moved, photos, split="train"))


@pytest.mark.parametrize("text", ["{", '{"path": "a"}\n', '{"sha256": 5, "split": "train"}\n', "é"])
def test_a_damaged_list_of_images_is_as_none(run: Run, photos: Path, tmp_path: Path, text: str):
    copy = Run(Path(shutil.copytree(run.folder, tmp_path / "run")))
    (copy.folder / "pictures.jsonl").write_text(text, "utf-8")
    assert striate.evaluate(copy.folder, photos).about.trained_on is None


def test_a_list_of_images_of_an_earlier_version_is_read(run: Run, photos: Path, tmp_path: Path):
    copy = Run(Path(shutil.copytree(run.folder, tmp_path / "run")))
    file = copy.folder / "pictures.jsonl"
    file.write_text(file.read_text("ascii").replace('"split"', '"part"'), "ascii")
    assert striate.evaluate(copy.folder, photos, split="all").about.trained_on == len(
        split(run, "train")
    )
