"""The sheet of class maps shows each image, its answer and map, and says what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import DataError, OptionError
from striate.look.draw_class_maps import draw_class_maps
from striate.look.occlusion import Occlusion
from striate.look.verdict import Trial
from striate.model import Model
from striate.plotting.shapes import Raster, Text
from tests.look.networks import make_model

TRIAL = Trial(steps=2, orders=2, networks=1)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
NAMES = [f"photos/{number}.jpg" for number in range(4)]


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return make_model(zoo.build("resnet20", channels=3, classes=2))


def texts(sheet) -> list[str]:
    return [shape.text for shape in sheet.picture.shapes if isinstance(shape, Text)]


def test_a_sheet_has_two_panels_an_image_with_answer_and_scale(model: Model):
    sheet = draw_class_maps(model, PIXELS, NAMES, class_name="dog", trial=TRIAL)
    assert sum(isinstance(shape, Raster) for shape in sheet.picture.shapes) == 8
    said = texts(sheet)
    assert "Class maps: CAM at layer stage3" in said
    assert {"0.jpg", "1.jpg", "2.jpg", "3.jpg"} < set(said)
    assert sum(line.startswith("dog: ") for line in said) == 4
    assert sum(line.startswith("0 to ") for line in said) == 4
    assert str(sheet).startswith("Maps by CAM at layer stage3. Deleting what the map calls")


def test_the_arrays_are_the_maps_and_the_curves(model: Model, tmp_path: Path):
    sheet = draw_class_maps(model, PIXELS, NAMES, trial=TRIAL)
    sheet.write(tmp_path / "maps.npz")
    arrays = np.load(tmp_path / "maps.npz")
    shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes == {
        "maps": (4, 8, 8), "columns": (4,), "rated": (4,), "correlations": (4, 1),
        "deletion": (4, 3), "insertion": (4, 3),
        "random_deletion": (4, 2, 3), "random_insertion": (4, 2, 3),
    }  # fmt: skip


def test_without_a_trial_there_is_no_verdict(model: Model):
    sheet = draw_class_maps(model, PIXELS[:1], NAMES[:1], trial=None)
    assert str(sheet) == "Maps by CAM at layer stage3."
    assert set(sheet.arrays) == {"maps", "columns", "rated"}


def test_a_dense_network_is_explained_by_occlusion():
    dense = make_model(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)))
    sheet = draw_class_maps(dense, PIXELS, NAMES, trial=None)
    assert str(sheet) == (
        "Maps by occlusion by 8x8 of the mean color, every 4 pixels. The network has no layer with "
        "places before its head, so occlusion it is."
    )


def test_occlusion_can_be_asked_for(model: Model):
    sheet = draw_class_maps(model, PIXELS, NAMES, occlusion=Occlusion(16, 16), trial=TRIAL)
    assert sheet.arrays["maps"].shape == (4, 2, 2)


def test_numbers_are_shown_as_numbers():
    network = zoo.build("resnet20", channels=3, classes=2)
    model = make_model(network, names=("age", "size"), kind="numbers")
    model.task.spec.constants.update(mean=(30.0, 1.0), std=(9.0, 1.0), median=(30.0, 1.0))
    sheet = draw_class_maps(model, PIXELS, NAMES, trial=TRIAL)
    assert sum(line.startswith("age: ") for line in texts(sheet)) == 4
    assert "lowers the number faster" in str(sheet)


def test_images_whose_answer_is_not_finite_are_left_out_by_name(model: Model):
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model.network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            dark = x.flatten(1).max(dim=1).values < 0
            return torch.where(dark[:, None], torch.nan, self.inner(x))

    pixels = PIXELS.copy()
    pixels[2] = 0
    sheet = draw_class_maps(make_model(Odd()), pixels, NAMES, trial=TRIAL)
    assert "Left out, as the network's answer is not finite: “photos/2.jpg” (1 image)." in str(
        sheet
    )
    assert len(sheet.arrays["maps"]) == 3
    with pytest.raises(DataError) as error:
        draw_class_maps(make_model(Odd()), pixels[2:3], NAMES[2:3])
    assert str(error.value) == "the network's answer is not finite for “photos/2.jpg”"


def test_an_unknown_class_is_answered_with_the_nearest(model: Model):
    with pytest.raises(OptionError) as error:
        draw_class_maps(model, PIXELS, NAMES, class_name="dgo")
    assert str(error.value) == "no class is called 'dgo'; did you mean 'dog'?"


def test_no_image_is_refused(model: Model):
    with pytest.raises(OptionError) as error:
        draw_class_maps(model, PIXELS[:0], [])
    assert str(error.value) == "class maps need an image or more, but none came"
