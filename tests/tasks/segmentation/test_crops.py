"""Windows of images are trained on; validation, evaluation and prediction see whole images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import striate
from striate.data.augment.ranges import LEVELS
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.data.loader import load_split
from striate.data.readers.scan import scan
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.tasks.classification.task import Classification
from striate.tasks.fitness import check_options
from striate.training import autotune, step
from striate.training.events import Started
from striate.training.memory import MemoryBudget
from striate.training.recipe import count_macs
from striate.training.run import Run
from striate.training.view import choose_view
from striate.verbs import display
from tests.tasks.segmentation.scenes import HIGH, WIDE, write_scenes
from tests.training import forks

OPTIONS = {
    "network": "unet(width=4)",
    "size": 48,
    "task_params": "crop_size=32",
    "batch": 4,
    "threads": 1,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "epochs": 2,
    "autotune": "no",
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes")


def load(scenes, tmp_path, crop):
    decoded = decode_images(scan(scenes), Preprocess(WIDE, 3), cache=tmp_path)
    task = bind_task(None, decoded.targets.spec)
    view = Preprocess(WIDE, 3, mean=(0.3,) * 3, std=(0.2,) * 3)
    return load_split(decoded, None, view, torch.device("cpu"), task.augment, crop), decoded


def batches(data, level, **asked):
    asked = {"seed": 5, "epoch": 1, **asked}
    return list(data.train_batches(5, variation=LEVELS[level], **asked))


def test_a_batch_shows_the_same_window_of_an_image_and_of_its_mask(scenes, tmp_path):
    """Discs are red, boxes green, and the window is found in the image that it was cut from."""
    data, decoded = load(scenes, tmp_path, 24)
    whole = data.preprocess.normalize(torch.from_numpy(decoded.pixels[:].copy()))
    found = list[tuple[int, int]]()
    for batch in batches(data, "none"):
        assert batch.images.shape[1:] == (3, 24, 24)
        assert batch.targets.shape[1:] == (24, 24)
        for image, mask in zip(batch.images, batch.targets, strict=True):
            seen = whole.unfold(2, 24, 1).unfold(3, 24, 1)
            (row, top, left), *others = (
                (seen == image[:, None, None]).all(dim=(1, 4, 5)).nonzero().tolist()
            )
            assert not others
            expected = decoded.masks[row, top : top + 24, left : left + 24]
            assert np.array_equal(mask.numpy(), expected)
            found.append((top, left))
    assert len(set(found)) > 12
    assert {top for top, _ in found} <= set(range(6, 19))  # in the image, rows 6 to 42
    assert {left for _, left in found} <= set(range(25))


@pytest.mark.parametrize("level", ["none", "strong"])
def test_windows_depend_on_seed_epoch_and_image_alone(scenes, tmp_path, level):
    data, _ = load(scenes, tmp_path, 24)
    one = batches(data, level)
    for mine, same in zip(one[2:], batches(data, level, first=2), strict=True):
        assert torch.equal(mine.images, same.images)
        assert torch.equal(mine.targets, same.targets)
    for other in ({"seed": 6}, {"epoch": 2}):
        images = batches(data, level, **other)[0].images
        assert not torch.equal(one[0].images, images)
    assert not torch.equal(one[0].targets, one[1].targets)
    moved = torch.cat([batch.targets for batch in batches(data, "strong")])
    assert {0, 1, 2, IGNORE} == set(moved.unique().tolist())


def test_evaluation_batches_show_whole_images(scenes, tmp_path):
    data, decoded = load(scenes, tmp_path, 24)
    seen = torch.cat([batch.targets for batch in data.eval_batches(7)])
    assert np.array_equal(seen.numpy(), decoded.masks)


def test_a_run_on_windows_resumes_bit_for_bit_and_predicts_whole_images(scenes, tmp_path):
    run = striate.train(scenes, out=tmp_path / "whole", **OPTIONS)
    events = striate.stream(scenes, out=tmp_path / "cut", checkpoint_minutes=1e-4, **OPTIONS)
    started = next(event for event in events if isinstance(event, Started))
    assert (started.size, started.crop) == (48, 32)
    assert "3 classes, windows of 32x32 in images of 48x48 pixels (" in display._opening(started)
    while not list((tmp_path / "cut/checkpoints").glob("last*")):
        next(events)
    events.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    whole = striate.train(scenes, out=tmp_path / "plain", **{**OPTIONS, "task_params": None})
    assert whole.epochs()[0].weights != run.epochs()[0].weights
    model = striate.load(run.folder)
    assert model.facts["trained on"] == "windows of 32x32 pixels"
    assert "trained on" not in striate.load(whole.folder).facts
    assert model.preprocess.size == 48
    assert striate.predict(model, scenes / "images/00.png")[0].mask.shape == (HIGH, WIDE)
    told = json.loads((run.folder / "evaluation.json").read_text())
    assert np.sum(told["confusion"]) == told["images"] * (HIGH * WIDE - 3)


def test_two_processes_train_on_the_windows_of_one(scenes, tmp_path):
    for count in (1, 2):
        codes = forks.together(
            count, lambda rank, count=count: forks.train(scenes, tmp_path / f"run-{count}", OPTIONS)
        )
        assert codes == [0] * count
    one, two = (Run.open(tmp_path / f"run-{count}").epochs() for count in (1, 2))
    for mine, theirs in zip(one, two, strict=True):
        assert theirs.train_loss == pytest.approx(mine.train_loss, rel=1e-3)
        assert theirs.train == pytest.approx(mine.train, abs=1e-3)


def test_memory_and_multiply_adds_are_those_of_windows(scenes):
    spec = scan(scenes).targets.spec
    options = TrainOptions.read({**OPTIONS, "color": "rgb"})
    task = bind_task(None, spec).configure(options)
    view = choose_view(options, (), task)
    assert view.train_shape == (3, 32, 32)
    network = view.build(3)
    small = choose_view(options.model_copy(update={"size": 32}), (), task)
    large = replace(view, crop=None)
    assert count_macs(network, view) == count_macs(network, small)
    assert count_macs(network, view) * 9 == count_macs(network, large) * 4
    needed = [MemoryBudget(network, each, None).required_bytes(8) for each in (view, small, large)]
    assert needed[0] == needed[1] < needed[2]
    room = MemoryBudget(network, view, needed[0])
    with pytest.raises(OptionError) as error:
        room.check_fits(64, "float32")
    assert "images of 3x32x32 takes about" in str(error.value)
    assert str(error.value).endswith(
        "are free; take --batch 8 or less, a smaller crop_size or another network"
    )


def test_validation_sees_as_many_pixels_at_a_time_as_training(scenes, tmp_path, monkeypatch):
    """Whole images are larger than windows, so fewer of them are validated together."""
    sizes = set[tuple[int, ...]]()
    measure = step.Task.count_validation

    def count(task, outputs, targets):
        sizes.add(tuple(targets.shape))
        return measure(task, outputs, targets)

    monkeypatch.setattr(step.Task, "count_validation", count)
    for crop, images in ((32, 3), (16, 1), (None, 6)):
        params = None if crop is None else f"crop_size={crop}"
        asked = {**OPTIONS, "epochs": 1, "task_params": params}
        sizes.clear()
        striate.train(scenes, out=tmp_path / f"run-{crop}", **asked)
        assert max(sizes) == (images, 48, 48)


def test_what_was_fastest_for_windows_is_not_taken_for_whole_images(scenes, tmp_path, monkeypatch):
    asked = list[dict[str, object]]()
    monkeypatch.setattr(autotune, "LEAST_STEPS", 1)
    monkeypatch.setattr(autotune, "_load_cached", lambda about: asked.append(about))
    monkeypatch.setattr(autotune, "_save_cached", lambda about, found: None)
    for number, params in enumerate((OPTIONS["task_params"], None)):
        options = {**OPTIONS, "epochs": 1, "autotune": "auto", "task_params": params}
        striate.train(scenes, out=tmp_path / f"run-{number}", **options)
    windows, whole = asked
    assert windows == {**whole, "crop": 32}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"task_params": "crop_size=64"},
            "windows of images of 48x48 pixels cannot be larger than these, but crop_size 64 came; "
            "give a smaller crop_size or a larger --size",
        ),
        (
            {"task_params": "crop_size=4"},
            "crop_size must be at least 8, but '4' came;\nthe task segmentation takes dice: Weight "
            "of the Dice loss beside cross-entropy, default 0.0; crop_size: Side of the random "
            "windows of images that are trained on, default None",
        ),
    ],
)
def test_windows_that_cannot_be_trained_on_are_refused(scenes, tmp_path, changes, told):
    with pytest.raises(OptionError) as error:
        striate.train(scenes, out=tmp_path / "run", **{**OPTIONS, **changes})
    assert str(error.value) == told
    assert not (tmp_path / "run").exists()


def test_a_task_of_whole_answers_has_no_windows(tmp_path):
    with pytest.raises(OptionError) as error:
        check_options(
            Classification(TargetSpec("label", ("cat", "dog"))),
            TrainOptions.read({"task_params": "crop_size=32"}),
        )
    assert str(error.value) == (
        "the task classification has no use for --task-params 'crop_size=32'; leave it out"
    )
    with pytest.raises(OptionError) as error:
        TrainOptions.read({"crop_size": 32})
    assert str(error.value) == (
        "there is no option 'crop_size': size is the side of the input; masks are trained on by "
        "random windows with task_params crop_size=128"
    )
