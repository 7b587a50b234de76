"""What kernels do to signals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate import vision
from striate.errors import OptionError
from striate.vision import convolve, correlate, derivative, kernel, sample, step_response


def test_the_step_response_of_a_box_is_a_ramp_that_ends_at_1():
    np.testing.assert_allclose(step_response(kernel("box(4, axes=1)")), [0.25, 0.5, 0.75, 1])


def test_the_step_response_is_what_convolve_gives_for_a_step():
    lopsided = [3, -1, 0.5]
    step = np.repeat([0.0, 1.0], [6, 6])
    answer = convolve(step, lopsided, mode="full")[6:9]
    np.testing.assert_allclose(step_response(lopsided), answer)
    np.testing.assert_array_equal(step_response(lopsided), [3, 2, 2.5])


def test_the_derivative_of_a_line_is_its_slope_and_that_of_a_sine_the_cosine():
    np.testing.assert_allclose(derivative(4.0 - 3 * np.arange(9)), np.full(9, -3))
    t = np.arange(500) / 50
    np.testing.assert_allclose(50 * derivative(np.sin(t))[1:-1], np.cos(t)[1:-1], atol=1e-4)


def test_the_derivative_is_numpys_gradient():
    ecg = sample("ecg")
    ours = derivative(ecg)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, np.gradient(ecg.astype(np.float32)))
    assert torch.equal(derivative(torch.from_numpy(ecg)), torch.from_numpy(ours))
    np.testing.assert_array_equal(derivative([2, 7]), [5, 5])


def test_a_box_smooths_a_noisy_ecg():
    ecg = sample("ecg").astype(float)
    noisy = ecg + np.random.default_rng(0).normal(0, 20, ecg.shape)
    smooth = correlate(noisy, kernel("box(7, axes=1)"), border="replicate")
    assert np.std(noisy - ecg) == pytest.approx(20, rel=0.05)
    assert np.std(smooth - ecg) < 12


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: derivative([4]), "a slope needs at least 2 samples, but the signal has 1"),
        (lambda: derivative([[4, 5]]), "the signal must have the shape (N,), but (1, 2) came"),
        (lambda: step_response([[4], [5]]), "the kernel must have the shape (N,), but (2, 1) came"),
    ],
)
def test_what_is_no_signal_is_answered_in_a_sentence(call, said: str):
    with pytest.raises(OptionError) as error:
        call()
    assert str(error.value) == said


@pytest.mark.parametrize("name", ["camera", "cat"])
def test_what_the_page_of_signals_says_of_images_is_so(name: str):
    image = vision.sample(name)
    high, wide = image.shape[:2]
    box = vision.kernel("box")
    for slide in (vision.correlate, vision.convolve):
        assert slide(image, box).shape == image.shape
    for halve in (vision.downsample, vision.subsample, vision.max_pool, vision.average_pool):
        assert halve(image, 2).shape[:2] == (high // 2, wide // 2)
    assert vision.upsample(image, 2).shape[:2] == (2 * high, 2 * wide)
    for refuse, what in ((vision.derivative, "signal"), (vision.step_response, "kernel")):
        with pytest.raises(OptionError) as caught:
            refuse(image)
        assert str(caught.value) == f"the {what} must have the shape (N,), but {image.shape} came"
