"""A study of transferability, from two folders or one to its table, plot and figures."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.cli import main
from striate.errors import DataError, OptionError, StriateError
from striate.options import TransferabilityOptions
from striate.studies import transferability as study_file
from striate.studies.transfer.result import Transferability
from striate.training.run import Run
from tests.conftest import striped
from tests.training.killing import die_at_call, live

KINDS = ("flat", "slanted", "upright")


class Small(nn.Sequential):
    """Three stages, the second without weights, and a head."""

    def __init__(self, channels: int = 1, classes: int = 2) -> None:
        super().__init__()
        self.add_module("first", nn.Conv2d(channels, 4, 3, stride=2, padding=1))
        self.add_module("relu", nn.ReLU())
        self.add_module("second", nn.Conv2d(4, 6, 3, stride=2, padding=1))
        self.add_module("head", nn.Sequential(nn.Flatten(), nn.LazyLinear(classes)))


class Crossed(nn.Module):
    """Its stages do not run in the order in which they stand."""

    def __init__(self, channels: int = 1, classes: int = 2) -> None:
        super().__init__()
        self.late = nn.Conv2d(4, 4, 3)
        self.early = nn.Conv2d(channels, 4, 3)
        self.head = nn.Linear(4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.late(self.early(x)).mean((2, 3)))


def make_stripes(folder: Path, names: str, kinds: tuple[str, ...] = KINDS, count: int = 16) -> Path:
    """Make class folders of these names, each of a kind of stripes."""
    for at, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for seed in range(count):
            image = striped(kinds[at % len(kinds)], 100 * at + seed, side=12)
            image.save(folder / name / f"{seed:02}.png")
    return folder


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stripes(tmp_path_factory.mktemp("data") / "stripes", "abcd")


SHORT: dict[str, Any] = {"network": "lenet5", "epochs": 1, "seeds": 1, "batch": 8, "threads": 1}


def short(changed: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a short study, with changes."""
    return {**SHORT, **changed}


@pytest.fixture(scope="module")
def done(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Transferability:
    out = tmp_path_factory.mktemp("studies") / "whole"
    return striate.transferability(stripes, classes_of_a="a,b", out=out, **SHORT)


def test_a_study_trains_what_is_planned(done: Transferability):
    folders = {place.name for place in done.folder.iterdir() if place.is_dir()}
    kinds = [f"{one}{n}B{plus}" for n in (1, 3, 5, 6) for one in "AB" for plus in ("", "+")]
    assert folders == {"data-a", "data-b", *(f"{name}-seed0" for name in ("A", "B", *kinds))}
    assert done.depths == (1, 3, 5, 6)
    assert done.stages == ("c1", "s2", "c3", "s4", "c5", "f6")


def test_each_side_is_trained_on_its_classes(done: Transferability):
    assert done.names == ("a, b", "c, d")
    for name, classes in (("A", ["a", "b"]), ("B", ["c", "d"]), ("A3B", ["c", "d"])):
        run = Run(done.folder / f"{name}-seed0")
        assert run.read_json("data_report.json")["class_names"] == classes


def weights(done: Transferability, name: str) -> dict[str, torch.Tensor]:
    return dict(striate.load(done.folder / f"{name}-seed0").network.state_dict())


def test_frozen_stages_are_those_of_their_source_and_tuned_ones_have_moved(done: Transferability):
    source, frozen, tuned = (weights(done, name) for name in ("A", "A3B", "A3B+"))
    kept = [name for name in source if name.startswith(("c1", "c3"))]
    assert kept
    assert all(torch.equal(source[name], frozen[name]) for name in kept)
    assert not any(torch.equal(source[name], tuned[name]) for name in kept)
    assert not torch.equal(weights(done, "B")[kept[0]], frozen[kept[0]])


def test_the_rest_starts_anew_with_another_seed(done: Transferability):
    base, own = (Run(done.folder / f"{name}-seed0").read_options() for name in ("B", "B1B+"))
    assert (base["seed"], own["seed"]) == (0, 1)
    assert (own["reuse"], own["freeze"]) == ("1", "none")


def test_all_trainings_on_b_have_the_options_of_b_from_nothing(done: Transferability):
    told = [
        Run(done.folder / f"{name}-seed0").read_options() for name in ("B", "A1B", "A6B+", "B3B")
    ]
    names = ("epochs", "batch", "learning_rate", "augment", "warmup", "weight_decay", "size")
    assert all([each[name] for name in names] == [told[0][name] for name in names] for each in told)


def test_nothing_is_tuned_by_the_clock_and_a_base_takes_no_weights():
    options = TransferabilityOptions.read({"network": "lenet5", "seeds": 1, "out": "o"})
    assert options.training().given() == {
        "network": "lenet5", "weights": "none", "autotune": "no",
    }  # fmt: skip


def test_the_figures_and_the_plot_are_in_the_folder(done: Transferability):
    told = json.loads((done.folder / "transferability.json").read_text())
    assert told == json.loads(json.dumps(done.to_json()))
    assert (done.folder / "transferability.svg").read_bytes().startswith(b"<svg")
    with Image.open(done.folder / "transferability.png") as image:
        assert image.size == (1280, 840)


def test_a_study_that_is_done_is_read_and_not_trained_again(
    done: Transferability, stripes: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_values: object) -> None:
        raise AssertionError("a training has begun")

    monkeypatch.setattr("striate.training.setup.build_training", refuse)
    again = striate.transferability(stripes, classes_of_a="a,b", out=done.folder, **SHORT)
    assert str(again) == str(done)
    assert again.to_json() == done.to_json()


def test_two_folders_are_two_sides(tmp_path: Path):
    a = make_stripes(tmp_path / "cats", "ab")
    b = make_stripes(tmp_path / "dogs", "xyz")
    study = striate.transferability(a, b, **short({"network": Small, "out": tmp_path / "o"}))
    assert study.names == ("cats", "dogs")
    assert study.depths == (1, 3)
    assert not (study.folder / "data-a").exists()


def test_the_figure_is_that_of_the_task(tmp_path: Path):
    """Numbers have a figure that is better when it is lower."""
    for name, seed in (("a", 0), ("b", 100)):
        (tmp_path / name).mkdir()
        lines = ["path,tilt"]
        for at in range(24):
            striped(KINDS[at % 3], seed + at, side=12).save(tmp_path / name / f"{at}.png")
            lines.append(f"{at}.png,{at % 3}")
        (tmp_path / name / "labels.csv").write_text("\n".join(lines))
    study = striate.transferability(
        tmp_path / "a" / "labels.csv", tmp_path / "b" / "labels.csv",
        **short({"network": Small, "out": tmp_path / "o"}),
    )  # fmt: skip
    assert (study.figure.name, study.figure.higher_is_better) == ("mae", False)
    assert "MAE" in study.advice


def test_the_command_prints_the_table_the_advice_and_the_files(
    done: Transferability, stripes: Path, capsys: pytest.CaptureFixture[str]
):
    flags = [word for name, value in SHORT.items() for word in (f"--{name}", str(value))]
    command = ["transferability", str(stripes), "--classes-of-a", "a,b", *flags]
    assert main([*command, "--out", str(done.folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        f"{done}\n\nplot     {done.folder}/transferability.svg, transferability.png\n"
        f"figures  {done.folder}/transferability.json\n"
    )
    told = printed.err.splitlines()
    assert len(told) == 18
    score = done.trials[3].score
    assert told[3] == f"4 of 18: A1B+, seed 0: test accuracy {score.shown}"
    assert main([*command, "--out", str(done.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(done.to_json()))


def test_a_folder_of_another_study_is_refused(done: Transferability, stripes: Path):
    with pytest.raises(OptionError) as error:
        striate.transferability(
            stripes, classes_of_a="a,b", out=done.folder, **short({"epochs": 2})
        )
    assert str(error.value) == (
        f"{done.folder}: holds a study with epochs 1, but 2 came; repeat its command, or choose "
        "another folder with --out"
    )


def test_a_folder_of_other_files_is_refused(stripes: Path, tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OptionError) as error:
        striate.transferability(stripes, classes_of_a="a,b", out=tmp_path, **SHORT)
    assert str(error.value) == (
        f"{tmp_path}: expected the folder of a study or none, but it holds notes.txt; choose "
        "another folder with --out"
    )


def test_other_images_are_refused(done: Transferability, tmp_path: Path):
    fewer = make_stripes(tmp_path / "fewer", "abcd", count=10)
    options = short({"classes_of_a": "a,b", "out": done.folder})
    assert refused(OptionError, fewer, **options) == (
        f"{done.folder}: the images are not those the study began with; put them back, or choose "
        "another folder with --out"
    )


def test_a_changed_image_is_refused(tmp_path: Path):
    data, out = make_stripes(tmp_path / "data", "abcd"), tmp_path / "out"
    options = short({"classes_of_a": "a,b", "out": out, "network": Small})
    striate.transferability(data, **options)
    striped("flat", 999, side=12).save(data / "d" / "07.png")
    assert refused(OptionError, data, **options) == (
        f"{out}: the images are not those the study began with; put them back, or choose another "
        "folder with --out"
    )


def test_a_study_has_a_folder_of_its_data_where_none_is_named(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    options = short({"network": Small})
    study = striate.transferability(stripes, classes_of_a="a,b", **options)
    assert study.folder == Path("runs/transfer-stripes")


def refused(kind: type[StriateError], *values: Any, **options: Any) -> str:
    with pytest.raises(kind) as error:
        striate.transferability(*values, **short(options))
    return str(error.value)


def test_one_folder_without_a_split_is_refused(stripes: Path):
    assert refused(OptionError, stripes) == (
        "transferability takes two folders, A and B, or one and the classes of A, as in "
        "--classes-of-a cat,dog; one folder and no split came"
    )
    assert refused(OptionError, stripes, stripes, classes_of_a=["a"]) == (
        "transferability takes two folders, A and B, or one and the classes of A, as in "
        "--classes-of-a cat,dog; two folders and a split came"
    )


def test_the_same_folder_twice_is_refused(stripes: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(stripes)
    assert refused(OptionError, stripes, link, out=tmp_path / "o") == (
        f"{link}: A and B are the same; give two folders, or one and the classes of A, as in "
        "--classes-of-a cat,dog"
    )


def test_one_class_on_a_side_is_refused(stripes: Path, tmp_path: Path):
    assert refused(OptionError, stripes, classes_of_a="a", out=tmp_path / "o") == (
        f"{stripes}: its 4 classes are split into “a” and “b”, “c”, “d”; each side needs two "
        "classes or more"
    )


def test_a_class_that_is_not_there_is_refused(stripes: Path, tmp_path: Path):
    assert refused(OptionError, stripes, classes_of_a="a,e", out=tmp_path / "o") == (
        "no class is called 'e'; there are 'a', 'b', 'c' and 'd'"
    )


def test_a_folder_that_is_not_there_is_refused(stripes: Path, tmp_path: Path):
    assert refused(DataError, stripes, tmp_path / "none") == f"{tmp_path / 'none'}: no such folder"


def test_sides_of_different_tasks_are_refused(stripes: Path, tmp_path: Path):
    striped("flat", 1).save(tmp_path / "1.png")
    striped("flat", 2).save(tmp_path / "2.png")
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("path,tilt\n1.png,1\n2.png,2\n")
    assert refused(OptionError, stripes, numbers, out=tmp_path / "o") == (
        f"A, {stripes}, gives a class for every image, but B, {numbers}, numbers; give two data "
        "sets of one task"
    )


def test_sides_of_different_channels_are_refused(stripes: Path, tmp_path: Path):
    colored = tmp_path / "colored"
    for name in "xy":
        (colored / name).mkdir(parents=True)
        for seed in range(6):
            pixels = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(colored / name / f"{seed}.png")
    assert refused(OptionError, stripes, colored, out=tmp_path / "o") == (
        f"A, {stripes}, is gray, but B, {colored}, in color; make both alike with --color gray or "
        "--color rgb"
    )


def test_a_network_without_an_order_of_stages_is_refused(stripes: Path, tmp_path: Path):
    told = refused(OptionError, stripes, classes_of_a="a,b", network=Crossed, out=tmp_path / "o")
    assert told == (
        "the stages of Crossed do not run one after another, so there are no first n of them; "
        "choose a network of the zoo, such as resnet18, or an nn.Sequential of yours"
    )


@pytest.mark.slow
def test_a_study_killed_ten_times_ends_with_the_table_of_one_that_was_not(
    stripes: Path, tmp_path: Path
):
    """Half of the kills come at a random time, half at a random call that changes the disk."""
    options = short({"network": Small, "seeds": 2})
    whole = striate.transferability(stripes, classes_of_a="a,b", out=tmp_path / "whole", **options)
    chance, kills = random.Random(1), 0

    def study(last: int | None = None) -> None:
        if last is not None:
            die_at_call(last)
        striate.transferability(stripes, classes_of_a="a,b", out=tmp_path / "killed", **options)

    for life in range(40):
        if life % 2:
            code = live(study, chance.uniform(0, 0.5))
        else:
            last = chance.randrange(1, 40)
            code = live(lambda last=last: study(last))
        kills += code != 0
        if kills == 10 or code == 0:
            break
    assert kills == 10
    assert live(study) == 0
    again = striate.transferability(stripes, classes_of_a="a,b", out=tmp_path / "killed", **options)
    assert str(again) == str(whole)
    assert [each.score for each in again.trials] == [each.score for each in whole.trials]
    assert study_file.RESULT in {place.name for place in again.folder.iterdir()}
