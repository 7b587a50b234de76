"""A generator is told which class to make, and its classes are those of the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError, StorageError
from striate.layers import Generated, Judged
from striate.tasks.generation.task import ConditionalGeneration
from striate.training.run import Run
from tests.bars import draw_bars

OPTIONS = {
    "task": "conditional_generation",
    "network": "dcgan(width=4)",
    "batch": 8,
    "threads": 1,
    "progress": False,
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_bars(tmp_path_factory.mktemp("data") / "shapes", "lying", "standing", count=24)


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return striate.train(shapes, out=tmp_path_factory.mktemp("runs") / "run", epochs=2, **OPTIONS)


def test_the_grid_of_an_epoch_has_a_row_for_each_class_of_the_same_noise(run: Run):
    model = striate.load(run.folder)
    torch.nn.init.normal_(model.network.get_parameter("generator.head.deconv.weight"))
    grid = model.task.draw_epoch(model.network)
    rows = [
        np.hstack(list(striate.generate(model, count=8, class_name=name)[..., 0]))
        for name in ("lying", "standing")
    ]
    assert np.array_equal(grid[..., 0], np.vstack(rows))
    assert len(np.unique(grid)) > 20
    files = sorted((run.folder / "epochs").iterdir())
    assert [np.asarray(Image.open(file)).shape for file in files] == [(2 * 32, 8 * 32)] * 2


def test_classes_are_made_in_turn_or_one_alone(run: Run):
    made, lying, standing = (
        striate.generate(run.folder, count=70, seed=3, class_name=name)
        for name in (None, "lying", "standing")
    )
    assert np.array_equal(made[::2], lying[::2])
    assert np.array_equal(made[1::2], standing[1::2])
    assert not np.array_equal(lying, standing)


def test_images_are_written_into_a_folder_for_each_class_and_drawn_in_its_row(
    run: Run, tmp_path: Path
):
    made = striate.generate(run.folder, count=7, out=tmp_path / "all", grid=tmp_path / "grid.png")
    files = sorted(str(file.relative_to(tmp_path)) for file in (tmp_path / "all").rglob("*.png"))
    assert files == [
        "all/lying/0.png", "all/lying/2.png", "all/lying/4.png", "all/lying/6.png",
        "all/standing/1.png", "all/standing/3.png", "all/standing/5.png",
    ]  # fmt: skip
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert np.array_equal(grid[:32], np.hstack(list(made[::2, ..., 0])))
    assert np.array_equal(grid[32:, :96], np.hstack(list(made[1::2, ..., 0])))
    assert not grid[32:, 96:].any()


def test_a_grid_in_a_folder_that_is_not_there_is_told_before_images_are_made(
    run: Run, tmp_path: Path
):
    with pytest.raises(StorageError) as caught:
        striate.generate(run.folder, out=tmp_path / "all", grid=tmp_path / "far" / "grid.png")
    assert str(caught.value) == (
        f"{tmp_path}/far/grid.png: there is no folder {tmp_path}/far; make it, or choose another"
    )
    assert not list(tmp_path.iterdir())


def test_images_of_one_class_need_no_folder_of_it(run: Run, tmp_path: Path):
    striate.generate(run.folder, count=2, class_name="lying", out=tmp_path / "made")
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == ["0.png", "1.png"]


def test_an_unknown_class_is_refused(run: Run, tmp_path: Path):
    with pytest.raises(OptionError) as caught:
        striate.generate(run.folder, class_name="flying", out=tmp_path / "made")
    assert str(caught.value) == "no class is called 'flying'; did you mean 'lying'?"
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_no_folder_can_be_called_as_is_made_alone(run: Run, tmp_path: Path):
    model = striate.load(run.folder)
    task = replace(model.task, spec=TargetSpec("label", ("../up", "standing")))
    model = replace(model, task=task)
    with pytest.raises(OptionError) as caught:
        striate.generate(model, count=2, out=tmp_path / "made")
    assert str(caught.value) == (
        "no folder can be called as the class '../up'; give class_name with one class at a time"
    )
    assert list(tmp_path.iterdir()) == []
    striate.generate(model, count=2, class_name="../up", out=tmp_path / "made")
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == ["0.png", "1.png"]


def test_it_is_verified_and_judged(run: Run, shapes: Path):
    assert striate.verify(run.folder).same
    results = striate.evaluate(run.folder, shapes, split="all")
    assert results.scores()[0].figure.name == "frechet_distance"
    assert results.about.names == ("lying", "standing")


def test_of_an_image_the_logit_of_its_class_counts():
    task = ConditionalGeneration(TargetSpec("label", ("cat", "dog")))
    images, sure, unsure = torch.zeros(2, 1, 1, 1), 50.0, -50.0
    right = torch.tensor([[sure, unsure], [unsure, sure]])
    real, made = Judged(images, right), Generated(images, torch.tensor([1, 0]), right)
    labels = torch.tensor([0, 1])
    assert float(task.loss((real, made), labels)) == pytest.approx(0, abs=1e-6)
    assert float(task.loss((real, made), 1 - labels)) == pytest.approx(50)
    counts = task.count((real, made), labels)
    assert {name: int(value) for name, value in counts.items()} == {"right": 4, "judged": 4}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            {"balance": "weights"},
            "the task conditional_generation has no use for --balance weights: the losses have "
            "none; --balance sampling shows all classes alike; leave it out",
        ),
        (
            {"label_smoothing": 0.1},
            "the task conditional_generation has no use for --label-smoothing 0.1: no probability "
            "of a class is learned; leave it out",
        ),
    ],
)
def test_what_has_no_use_is_refused(shapes: Path, tmp_path: Path, option: dict, said: str):
    with pytest.raises(OptionError) as caught:
        striate.train(shapes, out=tmp_path / "none", **{**OPTIONS, **option})
    assert str(caught.value) == said


def test_images_without_classes_are_refused(shapes: Path, tmp_path: Path):
    with pytest.raises(DataError, match="lying: there are no class folders, only 24 loose files"):
        striate.train(shapes / "lying", out=tmp_path / "none", **OPTIONS)
