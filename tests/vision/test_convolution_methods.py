"""Which method is chosen, and what counts as a column times a row."""

from __future__ import annotations

import numpy as np
import pytest

from striate.vision.convolution_methods import choose_method, separate


def gaussian(side: int, dtype: str) -> np.ndarray:
    column = np.exp(-(np.linspace(-3, 3, side) ** 2)[:, None] / 2)
    return (column @ column.T).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("side", "dense", "product"),
    [
        (3, "direct", "direct"),
        (9, "direct", "separable"),
        (31, "fft", "separable"),
        (101, "fft", "fft"),
    ],
)
def test_the_method_follows_size_and_rank(side, dense, product, dtype):
    kernel = np.random.default_rng(1).normal(size=(side, side)).astype(dtype)
    assert choose_method(kernel) == dense
    assert choose_method(gaussian(side, dtype)) == product
    assert choose_method(np.ones((1, 100), dtype)) == "direct"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("side", [2, 3, 8, 31, 63])
def test_a_kernel_of_rank_one_is_a_column_times_a_row(side, dtype):
    kernel = gaussian(side, dtype) * -3
    column, row = separate(kernel)
    assert column.dtype == row.dtype == dtype
    few = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(np.outer(column, row), kernel, atol=few * np.abs(kernel).max())


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (4, 4)])
def test_one_other_tap_makes_a_higher_rank(place):
    kernel = np.outer([1.0, 2, 4, 2, 1], [1.0, 3, 5, 3, 1])
    kernel[place] += 1e-6
    assert separate(kernel) is None


def test_a_kernel_of_zeros_has_factors():
    column, row = separate(np.zeros((3, 4)))
    assert not column.any()
    assert not row.any()
