"""Tasks whose answer is a picture go all the way, from check to predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.pictures import ROUNDED
from striate.tasks.pictures.super_resolution import SuperResolution
from striate.tasks.results import Baseline
from striate.training.events import Epoch

BASE = {"size": 32, "batch": 4, "threads": 1, "epochs": 2, "optimizer": "adamw"}
#: task -> its network, settings, and what the answer for a picture of 40x28 pixels measures
TASKS: dict[str, tuple[str, str | None, tuple[int, int]]] = {
    "super_resolution": ("edsr(width=4,blocks=1)", "crop_size=16", (80, 56)),
    "denoising": ("dncnn(width=4,depth=3)", "std=30,loss=absolute", (40, 28)),
    "colorization": ("unet(width=2)", None, (40, 28)),
    "autoencoder": ("conv_autoencoder(widths=(4,4,4))", None, (28, 28)),
}
every = pytest.mark.parametrize("task", TASKS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loose pictures of smooth color with an edge."""
    place, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :40] / 40
    for number in range(24):
        a, b = random.normal(size=(2, 3))
        waves = np.sin(3 * (rows[..., None] * a + columns[..., None] * b) + number)
        waves[:, random.integers(5, 35) :] *= -1
        Image.fromarray((127 + 120 * waves).astype("uint8")).save(place / f"{number:02}.png")
    return place


def options(task: str, **others: Any) -> dict[str, Any]:
    network, params, _ = TASKS[task]
    given = {} if params is None else {"task_params": params}
    return {**BASE, "task": task, "network": network, **given, **others}


@every
def test_a_picture_task_goes_all_the_way(task: str, data: Path, tmp_path: Path):
    assert striate.check(data, task=task).task == task
    run = striate.train(data, out=tmp_path / "whole", **options(task))
    first = striate.stream(data, out=tmp_path / "cut", **options(task))
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    report = run.report_file.read_text("utf-8")
    assert 'class="gallery fours"' in report
    told = json.loads((run.folder / "evaluation.json").read_text())
    model = striate.load(run.folder)
    assert model.task.name == task
    results = striate.evaluate(model, data, split="test", out=tmp_path / "page.html")
    assert results.scores()[0].value == pytest.approx(told["psnr"]["value"], abs=1e-6)
    (found,) = striate.predict(model, data / "00.png", masks=tmp_path / "answers")
    assert (found.width, found.height) == TASKS[task][2]
    written = np.asarray(Image.open(tmp_path / "answers/00.png"))
    assert np.array_equal(written, found.picture)


@every
def test_streaming_shards_and_folder_give_the_same_weights(
    task: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = striate.train(data, out=tmp_path / "run", **options(task, epochs=1))
    striate.pack(data, tmp_path / "shards", task=task)
    packed = striate.train(tmp_path / "shards", out=tmp_path / "packed", **options(task, epochs=1))
    assert [epoch.weights for epoch in packed.epochs()] == [epoch.weights for epoch in run.epochs()]


def test_the_mean_of_two_models_is_evaluated_and_other_settings_are_refused(
    data: Path, tmp_path: Path
):
    for seed in (1, 2):
        striate.train(data, out=tmp_path / str(seed), **options("denoising", seed=seed))
    mean = striate.ensemble(tmp_path / "1", tmp_path / "2", out=tmp_path / "mean.safetensors")
    assert striate.evaluate(tmp_path / "mean.safetensors", data).scores()[0].value > 5
    assert mean is not None
    (both,) = striate.predict(tmp_path / "mean.safetensors", data / "00.png")
    each = [striate.predict(tmp_path / run, data / "00.png")[0].picture for run in ("1", "2")]
    assert both.picture.shape == (28, 40, 3)
    apart = np.abs(both.picture.astype(float) - np.mean(each, axis=0))
    assert apart.max() <= 1  # levels are rounded
    striate.train(data, out=tmp_path / "3", **options("denoising", task_params="std=10", seed=3))
    with pytest.raises(OptionError) as caught:
        striate.ensemble(tmp_path / "1", tmp_path / "3", out=tmp_path / "no.safetensors")
    assert str(caught.value) == (
        "models of denoising with other settings cannot be averaged: channels 3, std 30 and "
        "channels 3, std 10"
    )


def test_noise_of_validation_is_the_same_in_every_epoch_and_evaluation(data: Path, tmp_path: Path):
    run = striate.train(
        data, out=tmp_path / "run", **options("denoising", epochs=3), learning_rate=1e-12
    )
    values = [epoch.validation["psnr"] for epoch in run.epochs()]
    assert values == pytest.approx([values[0]] * 3, abs=0.01)
    found = striate.evaluate(run.folder, data, split="validation")
    assert found.scores()[0].value == pytest.approx(values[-1], abs=0.05)  # rounded to 8 bits


def test_a_gray_photograph_is_colored(data: Path, tmp_path: Path):
    run = striate.train(data, out=tmp_path / "run", **options("colorization"))
    Image.open(data / "03.png").convert("L").save(tmp_path / "gray.png")
    (found,) = striate.predict(run.folder, tmp_path / "gray.png")
    assert found.picture.shape == (28, 40, 3)
    task = striate.load(run.folder).task
    images = torch.rand(2, 3, 5, 4)
    chroma, luminance = task.aim(images), task.prepare(images)
    torch.testing.assert_close(task.join(chroma, luminance), images, atol=1e-5, rtol=0)


def test_a_small_picture_is_shrunk_as_pillow_does(data: Path):
    truth = np.asarray(Image.open(data / "05.png"))
    images = torch.from_numpy(truth.copy()).permute(2, 0, 1)[None].float() / 255
    small, kept = SuperResolution(TargetSpec("image")).make_pairs(images, torch.zeros(1))
    mine = (small[0].permute(1, 2, 0) * 255).numpy()
    assert np.allclose(mine, mine.round(), atol=1e-3)  # as a file of 8 bits holds it
    shrunk = np.asarray(Image.fromarray(truth).resize((20, 14), Image.Resampling.BICUBIC))
    assert np.abs(mine - shrunk).max() < 1.01
    assert torch.equal(kept, images)


def refused(data: Path, tmp_path: Path, **given: Any) -> str:
    with pytest.raises(OptionError) as caught:
        striate.train(data, out=tmp_path / "no", **{**BASE, **given})
    return str(caught.value)


def test_what_does_not_fit_is_refused_in_words(data: Path, tmp_path: Path):
    assert refused(data, tmp_path, task="super_resolution", task_params="crop_size=15") == (
        "crop_size must be a multiple of scale, 2, but 15 came; give 14"
    )
    assert refused(data, tmp_path, task="colorization", color="gray") == (
        "colors are learned from images in color, but these are gray; give others, or leave out "
        "--color gray"
    )
    assert refused(data, tmp_path, task="super_resolution", network="resnet20") == (
        "resnet20 gives a row of outputs for an image and cannot be trained for super_resolution, "
        "which needs an image; choose another network, such as edsr(scale=2,width=32,blocks=4)"
    )
    wrong = refused(
        data, tmp_path, task="super_resolution", task_params="scale=4", network="edsr(scale=2)"
    )
    assert wrong == (
        "edsr(scale=2) gives (1, 3, 16, 16) for 1 image of 3x8x8 in evaluation; expected "
        "(1, 3, 32, 32), an output for each of no targets at every pixel"
    )
    assert refused(data, tmp_path, task="denoising", label_smoothing=0.1) == (
        "the task denoising has no use for --label-smoothing 0.1: nothing but pictures is learned "
        "from; leave it out"
    )


def test_a_code_larger_than_the_picture_is_said_and_not_refused(data: Path, tmp_path: Path):
    network = "conv_autoencoder(widths=(64,128,256))"
    run = striate.train(data, out=tmp_path / "run", **options("autoencoder", network=network))
    said = (
        "The code has 4,096 numbers and a picture 3,072: nothing has to be left out, so a network "
        "may copy pictures and learn nothing about them."
    )
    assert said in run.report_file.read_text("utf-8")
    assert said in str(striate.evaluate(run.folder))


def test_the_code_is_embedded(data: Path, tmp_path: Path):
    run = striate.train(data, out=tmp_path / "run", **options("autoencoder"))
    assert striate.load(run.folder).task.code == 64
    assert striate.embed(run.folder, data).features.shape == (24, 4)


def test_a_network_without_a_code_has_to_beat_the_picture_itself(data: Path, tmp_path: Path):
    run = striate.train(
        data, out=tmp_path / "run", **options("autoencoder", network="unet(width=2)")
    )
    results = striate.evaluate(run.folder, data, split="test")
    assert results.baseline() == Baseline(pytest.approx(ROUNDED), "the picture itself")
