"""Foreign images of every kind are made, the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from striate.vision.foreign import FOREIGN, make_foreign


def known(channels: int = 3, side: int = 26) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, side, side, channels), np.uint8)


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_kind_has_the_size_asked_for_and_depends_on_the_seed_alone(kind: str, channels: int):
    def make(seed: int) -> np.ndarray:
        return make_foreign(kind, 5, 26, channels, known=known(channels), seed=seed)

    images = make(1)
    assert images.shape == (5, 26, 26, channels)
    assert images.dtype == np.uint8
    assert (make(1) == images).all()
    assert (make(2) != images).any()
    assert (images[0] != images[2]).any()


def test_a_shuffled_image_has_the_pixels_of_a_known_one_in_other_places():
    (image,) = make_foreign("shuffled", 1, 26, 3, known=known())
    pixels, own = image.reshape(-1, 3), known()[0].reshape(-1, 3)
    assert sorted(map(tuple, pixels.tolist())) == sorted(map(tuple, own.tolist()))
    assert (image != known()[0]).any()
    assert (image[24:] == known()[0][24:]).all()  # what is left over of 26 / 4


def test_kinds_look_as_they_are_called():
    def make(kind: str) -> np.ndarray:
        return make_foreign(kind, 8, 32, 3, known=known())

    assert (make("plain color").reshape(8, -1, 3).std(axis=1) == 0).all()
    assert make("noise").std() == pytest.approx(74, abs=3)  # 256 / sqrt(12)
    steps = {
        kind: np.abs(np.diff(make(kind).astype(float), axis=1)).mean()
        for kind in FOREIGN
        if kind != "shuffled"  # the known ones are noise here
    }
    assert max(steps, key=steps.__getitem__) == "noise"
