"""PSNR and SSIM are those of scikit-image."""

import numpy as np
import pytest

from striate.errors import OptionError
from striate.metrics.pictures import ROUNDED, psnr, ssim

#: seed, shape and noise of two pictures, and what scikit-image 0.26 says of them: PSNR and SSIM
GOLDEN = [
    (0, (16, 16, 3), 5, 34.42710895617793, 0.9842918298781207),
    (1, (33, 20, 1), 20, 22.033259217390544, 0.7854744352912021),
    (2, (7, 7, 3), 60, 13.750172202596245, 0.49630187152416855),
    (3, (64, 48, 3), 2, 42.01800175009684, 0.9748302173949277),
]


def draw(seed: int, shape: tuple[int, ...], noise: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    walk = np.cumsum(np.cumsum(random.integers(0, 256, shape) - 128, 0), 1)
    truth = ((walk - walk.min()) * 255 / np.ptp(walk)).astype(np.uint8)
    answer = np.clip(truth + random.normal(0, noise, shape), 0, 255).round().astype(np.uint8)
    return answer, truth


@pytest.mark.parametrize(("seed", "shape", "noise", "decibels", "similarity"), GOLDEN)
def test_both_are_what_scikit_image_says(seed, shape, noise, decibels, similarity):
    answer, truth = draw(seed, shape, noise)
    assert psnr(answer, truth) == pytest.approx(decibels, abs=1e-9)
    assert ssim(answer, truth) == pytest.approx(similarity, abs=1e-9)


def test_scikit_image_says_the_same_where_it_is_installed():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    for seed in range(20):
        answer, truth = draw(seed, (9 + seed, 40 - seed, 1 + 2 * (seed % 2)), 1 + 4 * seed)
        told = metrics.peak_signal_noise_ratio(truth, answer, data_range=255)
        assert psnr(answer, truth) == pytest.approx(told, abs=1e-9)
        told = metrics.structural_similarity(truth, answer, channel_axis=2, data_range=255)
        assert ssim(answer, truth) == pytest.approx(told, abs=1e-9)


def test_equal_pictures_have_no_error():
    truth = draw(0, (12, 12, 3), 1)[1]
    assert psnr(truth, truth) == np.inf
    assert psnr(truth, truth, most=ROUNDED) == pytest.approx(58.92, abs=0.005)
    assert ssim(truth, truth) == 1


def test_a_picture_smaller_than_a_window_has_no_similarity():
    truth = draw(0, (6, 12, 3), 1)[1]
    assert np.isnan(ssim(truth, truth))


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(OptionError) as caught:
        psnr(np.zeros((3, 4, 1)), np.zeros((4, 3, 1)))
    assert str(caught.value) == (
        "a picture must be as large as what it is compared with, 4x3x1, but is 3x4x1"
    )
