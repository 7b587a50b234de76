"""Colors as classes: shared among the four of the grid around them, and answered by their mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import striate
from striate.errors import OptionError
from striate.metrics.pictures import psnr
from striate.tasks.pictures.answer import to_bytes
from striate.tasks.pictures.baselines import tints
from striate.tasks.pictures.color import annealed_mean, count_colors, cross_entropy, to_rgb
from striate.training.events import Epoch

OPTIONS = {
    "task": "colorization",
    "network": "unet(width=2)",
    "task_params": "bins=5,temperature=0.5",
    "size": 32,
    "batch": 4,
    "threads": 1,
    "epochs": 2,
    "optimizer": "adamw",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place, random = tmp_path / "pictures", np.random.default_rng(0)
    place.mkdir()
    for number in range(12):
        colors = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        Image.fromarray(colors).resize((36, 32)).save(place / f"{number:02}.png")
    return place


def test_a_color_of_the_grid_is_learned_as_its_class():
    outputs = torch.randn(2, count_colors(5), 3, 4)
    values = torch.linspace(-0.5, 0.5, 5)
    blue, red = torch.randint(0, 5, (2, 2, 3, 4))
    chroma = torch.stack([values[blue], values[red]], dim=1)
    expected = F.cross_entropy(outputs, 5 * blue + red)
    torch.testing.assert_close(cross_entropy(outputs, chroma, 5), expected)


def test_the_outputs_of_least_loss_have_the_true_color_as_their_mean():
    chroma = torch.rand(1, 2, 3, 4) - 0.5
    outputs = torch.zeros(1, count_colors(4), 3, 4, requires_grad=True)
    rule = torch.optim.LBFGS([outputs], lr=1, max_iter=200, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        rule.zero_grad()
        loss = cross_entropy(outputs, chroma, 4)
        loss.backward()
        return loss

    rule.step(step)
    torch.testing.assert_close(annealed_mean(outputs, 4, 1.0), chroma, atol=5e-3, rtol=0)


def test_a_low_temperature_answers_the_most_probable_color():
    outputs = torch.zeros(1, count_colors(3), 1, 1)
    outputs[0, [1, 8]] = torch.tensor([1.0, 1.2])[:, None, None]  # (-0.5, 0) and (0.5, 0.5)
    mean = annealed_mean(outputs, 3, 1e-3)
    torch.testing.assert_close(mean.flatten(), torch.tensor([0.5, 0.5]))


def test_the_best_tint_of_gray_pictures_is_found():
    luminance = np.random.default_rng(0).integers(80, 160, (8, 8, 1), dtype=np.uint8)
    gray = torch.from_numpy(luminance / 255).permute(2, 0, 1)[None]
    chroma = gray.new_tensor((0.04, -0.02))[:, None, None].expand(1, 2, 8, 8)
    truth = to_bytes(to_rgb(gray, chroma)[0].numpy())
    values = {name: psnr(made(luminance), truth, most=99) for name, made in tints().items()}
    best = max(values, key=values.__getitem__)
    assert (best, values[best]) == ("one tint for all (blue +0.04, red -0.02)", 99)


def test_colors_as_classes_go_all_the_way(data: Path, tmp_path: Path):
    run = striate.train(data, out=tmp_path / "whole", **OPTIONS)
    first = striate.stream(data, out=tmp_path / "cut", **OPTIONS)
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    task = striate.load(run.folder).task
    assert task.outputs == 25
    assert dict(task.spec.constants) == {"channels": (3,), "bins": (5,), "temperature": (0.5,)}
    Image.open(data / "03.png").convert("L").save(tmp_path / "gray.png")
    (found,) = striate.predict(run.folder, tmp_path / "gray.png")
    assert found.picture.shape == (32, 36, 3)
    assert striate.verify(run.folder).same


def test_a_loss_of_numbers_is_refused_for_classes(data: Path, tmp_path: Path):
    asked = {**OPTIONS, "task_params": "bins=5,loss=absolute"}
    with pytest.raises(OptionError) as caught:
        striate.train(data, out=tmp_path / "no", **asked)
    assert str(caught.value) == (
        "loss=absolute is of numbers, but bins=5 learns classes; leave out one of them"
    )
