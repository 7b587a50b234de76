"""A trained model of two classes, and the images it was trained on."""

import numpy as np
import pytest
from PIL import Image

import striate


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
    """Two classes of gradients, in sizes that differ, JPEG and PNG, color and gray."""
    folder = tmp_path_factory.mktemp("export") / "photos"
    random = np.random.default_rng(0)
    for number in range(80):
        name, wide, high = ("up", "down")[number % 2], 20 + number % 30, 40 + number % 7
        (folder / name).mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(0, 200, wide)[None, :, None] * np.ones((high, 1, 3))
        pixels = (ramp if name == "up" else ramp[:, ::-1]) + random.integers(0, 55, (high, wide, 3))
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(folder / name / f"{number}.{'jpg' if number % 3 else 'png'}")
    large = Image.fromarray(pixels.astype(np.uint8)).resize((600, 900))
    large.save(folder / "down" / "large.jpg")
    return folder


@pytest.fixture(scope="module")
def run(ramps):
    return striate.train(
        ramps, network="lenet5", epochs=3, threads=1, out=ramps.parent / "run", augment="none",
        validation=0.45,
    )  # fmt: skip
