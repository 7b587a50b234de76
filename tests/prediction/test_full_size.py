"""Maps at the size of the image itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from striate.errors import OptionError
from striate.prediction.full_size import FullSize
from striate.prediction.predictor import Predictor
from tests.data.images import noise
from tests.prediction.map_models import make_model
from tests.prediction.test_predictor import model as classifier  # noqa: F401 - a fixture


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tile", ["whole", 16, 64])
def test_whole_and_by_tiles_give_what_the_network_says_of_the_image_as_it_is(channels, tile):
    model = make_model(channels=channels)
    pixels = np.asarray(noise(150, 101, seed=3))
    image = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
    values = torch.from_numpy(np.atleast_3d(np.asarray(image)).copy())[None]
    with torch.inference_mode():
        expected = model.network(model.preprocess.normalize(values)).argmax(dim=1)[0].numpy()
    found = FullSize.of(model, tile).decode(pixels)
    assert found.shape == (101, 150)
    assert (found != expected).mean() < 1e-3  # ties of floats
    assert len(np.unique(expected)) > 1


def test_predictions_by_tiles_are_those_of_files_and_arrays(tmp_path):
    model = make_model()
    noise(90, 70, seed=3).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    full = FullSize.of(model, 32)
    predictor = Predictor(model, full_size=full)
    pixels = np.asarray(noise(90, 70, seed=3))
    file, broken, array = predictor.predict([tmp_path / "a.png", tmp_path / "b.png", pixels])
    assert np.array_equal(file.mask, full.decode(pixels))
    assert np.array_equal(array.mask, file.mask)
    assert broken.error.startswith("not an image")
    assert broken.shares == {"road": 0, "sky": 0, "car": 0}


def test_only_maps_have_the_size_of_their_image(classifier):  # noqa: F811 - the fixture
    with pytest.raises(OptionError) as error:
        FullSize.of(classifier, "whole")
    assert str(error.value) == (
        "only maps and pictures have the size of their image, but the model answers with a class; "
        "leave tile out"
    )


def test_a_network_that_sees_the_whole_image_is_refused_by_tiles_and_runs_whole():
    model = make_model()
    pool = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Upsample((32, 32)))
    model = replace(model, network=torch.nn.Sequential(pool, torch.nn.Conv2d(3, 3, 1)).eval())
    with pytest.raises(OptionError) as error:
        FullSize.of(model, 32)
    assert str(error.value) == (
        "Sequential cannot be run by tiles: layer 0.0 sees the whole image; run it on the whole "
        "image"
    )
    assert FullSize.of(model, "whole").decode(np.asarray(noise(32, 32))).shape == (32, 32)
