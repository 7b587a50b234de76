"""Named kernels are what their definitions say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import OptionError
from striate.vision import KERNELS, convolve, kernel

LECTURE = {
    "identity": "0 0 0/0 1 0/0 0 0",
    "edge-diagonal": "1 0 -1/0 0 0/-1 0 1",
    "laplacian": "0 1 0/1 -4 1/0 1 0",
    "edge-all": "-1 -1 -1/-1 8 -1/-1 -1 -1",
    "sharpen": "0 -1 0/-1 5 -1/0 -1 0",
    "sobel-x": "1 0 -1/2 0 -2/1 0 -1",
    "sobel-y": "1 2 1/0 0 0/-1 -2 -1",
    "prewitt-x": "1 0 -1/1 0 -1/1 0 -1",
    "prewitt-y": "1 1 1/0 0 0/-1 -1 -1",
    "emboss": "-2 -1 0/-1 1 1/0 1 2",
}


def table(text: str) -> np.ndarray:
    return np.array([row.split() for row in text.split("/")], float)


@pytest.mark.parametrize("name", LECTURE)
def test_kernels_of_the_lecture_are_its_numbers(name: str):
    np.testing.assert_array_equal(kernel(name), table(LECTURE[name]))


def test_the_box_and_the_gaussian_of_the_lecture_need_no_arguments():
    np.testing.assert_array_equal(kernel("box"), np.full((3, 3), 1 / 9))
    np.testing.assert_allclose(kernel("gaussian"), table("1 2 1/2 4 2/1 2 1") / 16, rtol=1e-15)


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_is_a_square_of_finite_numbers_without_arguments(name: str):
    made = kernel(name)
    assert made.dtype == np.float64
    assert made.ndim == 2
    assert made.shape[0] == made.shape[1]
    assert np.isfinite(made).all()


@pytest.mark.parametrize(
    ("sums_to", "names"),
    [
        (1, ("identity", "box(4)", "gaussian(8, sigma=3)", "sharpen", "emboss")),
        (0, ("edge-diagonal", "edge-all", "sobel-x", "sobel-y", "prewitt-x", "prewitt-y")),
        (0, ("laplacian", "log", "log(31, sigma=0.1)", "log(4, sigma=900)", "gabor(9, phase=90)")),
    ],
)
def test_kernels_that_keep_brightness_sum_to_1_and_those_that_compare_to_0(
    sums_to: int, names: tuple[str, ...]
):
    for name in names:
        made = kernel(name)
        assert made.sum() == pytest.approx(sums_to, abs=1e-12 * max(1, abs(made).max())), name


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.floats(0.3, 30))
def test_a_gaussian_is_scipys_of_a_single_bright_pixel(radius: int, sigma: float):
    spot = np.zeros(2 * radius + 1)
    spot[radius] = 1
    scipys = scipy.ndimage.gaussian_filter1d(spot, sigma, radius=radius, mode="constant")
    ours = kernel("gaussian", size=2 * radius + 1, sigma=sigma, axes=1)
    np.testing.assert_allclose(ours, scipys, rtol=1e-12)
    np.testing.assert_array_equal(
        kernel("gaussian", size=2 * radius + 1, sigma=sigma), np.outer(ours, ours)
    )


def test_a_gaussian_of_even_size_has_its_middle_between_two_taps():
    bell = kernel("gaussian(4, sigma=1.5, axes=1)")
    np.testing.assert_array_equal(bell, bell[::-1])
    assert bell[1] / bell[0] == pytest.approx(math.exp((1.5**2 - 0.5**2) / (2 * 1.5**2)))


def test_a_gaussian_without_sigma_has_half_its_weight_a_quarter_of_its_size_and_one_away():
    bell = kernel("gaussian(11, axes=1)")
    assert bell[5 + 3] / bell[5] == pytest.approx(0.5)


def test_a_box_for_signals_has_one_axis():
    np.testing.assert_array_equal(kernel("box(5, axes=1)"), np.full(5, 0.2))


def test_the_laplacian_of_a_gaussian_is_scipys_where_it_is_not_cut_off():
    spot = np.zeros((61, 61))
    spot[30, 30] = 1
    scipys = scipy.ndimage.gaussian_laplace(spot, 3, truncate=10)
    np.testing.assert_allclose(kernel("log(61, sigma=3)"), scipys, atol=1e-6)


@pytest.mark.parametrize(("size", "angle"), [(21, 0), (20, 30), (9, 90), (15, -135)])
def test_gabor_is_its_formula_in_a_loop(size: int, angle: float):
    wavelength, phase, sigma = 6.5, 40, 3.25
    expected = np.empty((size, size))
    for row in range(size):
        for column in range(size):
            y, x = row - (size - 1) / 2, column - (size - 1) / 2
            along = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
            bell = math.exp(-(x**2 + y**2) / (2 * sigma**2))
            wave = math.cos(2 * math.pi * along / wavelength + math.radians(phase))
            expected[row, column] = bell * wave
    ours = kernel(f"gabor({size}, {angle}, {wavelength}, {phase}, {sigma})")
    np.testing.assert_allclose(ours, expected, atol=1e-15)


@pytest.mark.parametrize(("name", "slope"), [("sobel", 8), ("prewitt", 6)])
def test_convolved_slopes_are_positive_where_it_grows_brighter_to_the_right_or_down(
    name: str, slope: int
):
    ramp = np.tile(np.arange(7.0), (5, 1))
    across = convolve(ramp, kernel(f"{name}-x"), mode="valid")
    np.testing.assert_array_equal(across, np.full((3, 5), slope))
    down = convolve(ramp.T, kernel(f"{name}-y"), mode="valid")
    np.testing.assert_array_equal(down, np.full((5, 3), slope))


@pytest.mark.parametrize(
    ("spelled", "said"),
    [
        ("box(0)", "size must be a whole number from 1 to 1,001, but 0 came"),
        ("gabor(1002)", "size must be a whole number from 1 to 1,001, but 1002 came"),
        ("gaussian(2.5)", "size must be a whole number from 1 to 1,001, but 2.5 came"),
        ("log(True)", "size must be a whole number from 1 to 1,001, but True came"),
        ("box(3, axes=4)", "axes must be a whole number from 1 to 2, but 4 came"),
        ("gaussian(9, sigma=0)", "sigma must be 0.1 to 1,000,000 pixels, but 0 came"),
        ("log(9, sigma=-2)", "sigma must be 0.1 to 1,000,000 pixels, but -2 came"),
        ("gabor(wavelength=0.05)", "wavelength must be 0.1 to 1,000,000 pixels, but 0.05 came"),
        ("gabor(angle=1e7)", "angle must be a number up to 1,000,000, but 10000000.0 came"),
        ("gabor(phase='up')", "phase must be a number, but 'up' came"),
        ("gaussian(sigma=True)", "sigma must be a number, but True came"),
        ("gaussian(sigma=1e999)", "sigma must be a number up to 1,000,000, but inf came"),
    ],
)
def test_an_argument_that_no_kernel_can_have_is_refused(spelled: str, said: str):
    with pytest.raises(OptionError) as error:
        kernel(spelled)
    assert str(error.value) == said


def test_the_narrowest_and_widest_kernels_are_finite():
    for size in (1, 2, 3, 1001):
        for width in (0.1, 1e6):
            for name in ("gaussian", "log", "gabor"):
                assert np.isfinite(kernel(name, size=size, sigma=width)).all()
