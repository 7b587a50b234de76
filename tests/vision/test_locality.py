"""What lies outside a window never changes its answer, whatever the method: checked by a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from striate.vision import convolve, correlate
from striate.vision.convolution_methods import Border, Method, Mode

PAD = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
AROUND: dict[str, Callable[[int], tuple[int, int]]] = {
    "valid": lambda taps: (0, 0),
    "same": lambda taps: (taps // 2, (taps - 1) // 2),
    "full": lambda taps: (taps - 1, taps - 1),
}
#: what `correlate` promises, of the largest value in a window times the sum of the taps' sizes
BOUND = {np.float32: 1e-5, np.float64: 1e-12}
#: on both sides of every size at which the method changes
SHAPES = [(7, 7), (50, 1), (8, 8), (10, 13), (14, 14), (15, 14), (23, 21)]
METHODS = ("auto", "direct", "separable", "fft")


def windows(
    x: np.ndarray, shape: tuple[int, ...], mode: str, border: str, dilation: int
) -> np.ndarray:
    """The values under the taps, at every position."""
    spans = [(taps - 1) * dilation + 1 for taps in shape]
    padded = np.pad(x, [AROUND[mode](span) for span in spans], mode=PAD[border])
    found = np.lib.stride_tricks.sliding_window_view(padded, spans)
    return found[(..., *(slice(None, None, dilation) for _ in shape))]


def summed(found: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The products of each window with the taps, added one by one with more digits."""
    axes = tuple(range(-kernel.ndim, 0))
    with np.errstate(invalid="ignore"):
        return (found.astype(np.longdouble) * kernel).sum(axis=axes)


def uneven(name: str, shape: tuple[int, int]) -> np.ndarray:
    """Images whose values are of very different sizes."""
    x = np.random.default_rng(1).normal(size=shape)
    half = np.s_[:, : shape[1] // 2]
    match name:
        case "a bright pixel":
            x[shape[0] // 2, shape[1] // 2] = 1e12
        case "a pixel near the largest number":
            x[shape[0] // 3, shape[1] // 4] = -3e38
        case "a bright half":
            x[half] *= 200
        case "a blinding half":
            x[half] *= 1e9
        case "a slope of 30 powers of ten":
            x *= np.logspace(0, 30, shape[1])
        case "nothing but one pixel and a faint one":
            x[:] = 0
            x[0, 0], x[-1, -1] = 1, 1e-20
        case _:
            raise ValueError(name)
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "a bright pixel",
        "a pixel near the largest number",
        "a bright half",
        "a blinding half",
        "a slope of 30 powers of ten",
        "nothing but one pixel and a faint one",
    ],
)
def test_every_answer_is_right_to_a_share_of_its_own_window(
    name: str, shape: tuple[int, int], dtype: type
):
    x = uneven(name, (70, 75)).astype(dtype)
    kernel = np.random.default_rng(2).normal(size=shape).astype(dtype)
    mode: Mode = "same" if min(shape) > 1 else "full"
    found = windows(x, shape, mode, "zero", 1)
    for method in METHODS:
        taps = kernel[:, :1] * kernel[:1] if method == "separable" else kernel
        largest = np.abs(found).max(axis=(2, 3)) * np.abs(taps).sum(dtype=np.float64)
        with np.errstate(over="ignore"):
            answers = correlate(x, taps, method=method, mode=mode)
        error = np.abs(answers - summed(found, taps))
        fits = largest < np.finfo(dtype).max
        assert (error[fits] <= BOUND[dtype] * largest[fits]).all(), method
        assert fits.mean() > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("taps", [49, 50, 109, 130, 199, 200, 1000])
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_a_bright_sample_leaves_the_rest_of_a_signal_alone(method: Method, taps: int, dtype: type):
    x = np.random.default_rng(3).normal(size=3000).astype(dtype)
    kernel = np.random.default_rng(4).normal(size=taps).astype(dtype)
    calm = correlate(x, kernel, method=method)
    x[1700] = 1e30
    answers = correlate(x, kernel, method=method)
    seen = np.zeros(3000, bool)
    seen[1700 - (taps - 1) // 2 : 1700 + taps // 2 + 1] = True
    scale = np.abs(kernel).sum() * 4
    assert np.abs(answers - calm)[~seen].max() <= BOUND[dtype] * scale
    assert np.abs(answers)[seen].min() > 1e25


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_numbers_near_the_ends_of_float64_are_answered_as_others(factor: float):
    x, kernel = np.random.default_rng(5).normal(size=(2, 60, 60))
    found = correlate(x * factor, kernel[:20, :20], method="fft") / factor
    np.testing.assert_allclose(found, correlate(x, kernel[:20, :20], method="direct"), atol=1e-10)
    found = correlate(x, kernel[:20, :20] * factor, method="fft") / factor
    np.testing.assert_allclose(found, correlate(x, kernel[:20, :20], method="direct"), atol=1e-10)
    kept = x * 1e-5
    kept[0, 0] = 1e300
    found = correlate(kept, kernel[:20, :20], method="fft")
    assert np.abs(found[20:] - correlate(x * 1e-5, kernel[:20, :20])[20:]).max() < 1e-15


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [*SHAPES, (49,), (60,), (300,)], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "valid"},
        {"mode": "full", "border": "reflect"},
        {"border": "circular", "stride": 2},
        {"border": "replicate", "dilation": 2},
        {"dilation": 3, "method": "direct"},
        {"mode": "full", "method": "fft"},
    ],
    ids=str,
)
def test_answers_are_not_finite_where_a_tap_sees_what_is_not_and_nowhere_else(
    options: dict[str, Any], shape: tuple[int, ...], dtype: type, value: float
):
    sides = (900,) if len(shape) == 1 else tuple(max(40, 3 * taps) for taps in shape)
    x = np.random.default_rng(6).normal(size=sides).astype(dtype)
    x[tuple(side // 2 for side in sides)] = value
    kernel = np.random.default_rng(7).normal(size=shape).astype(dtype)
    mode, border = options.get("mode", "same"), options.get("border", "zero")
    found = windows(x, shape, mode, border, options.get("dilation", 1))
    step = options.get("stride", 1)
    for slide, taps in ((correlate, kernel), (convolve, kernel[(slice(None, None, -1),) * x.ndim])):
        expected = summed(found, taps)[(slice(None, None, step),) * x.ndim]
        answers = slide(x, kernel, **options)
        finite = np.isfinite(expected)
        assert (np.isfinite(answers) == finite).all()
        assert not finite.all()
        error = np.abs(answers[finite] - expected[finite])
        assert error.max() <= BOUND[dtype] * 5 * np.abs(kernel).sum()


@pytest.mark.parametrize("border", list(PAD))
def test_channels_are_as_local_as_a_single_plane(border: Border):
    x = np.random.default_rng(8).normal(size=(40, 45, 3))
    kernel = np.random.default_rng(9).normal(size=(15, 16, 3))
    calm = [correlate(x, taps, border=border) for taps in (kernel, kernel[..., 0])]
    x[20, 22, 1] = np.nan
    summed_up, apart = (correlate(x, taps, border=border) for taps in (kernel, kernel[..., 0]))
    assert np.isnan(summed_up).sum() == np.isnan(apart).sum() == 15 * 16
    assert np.isnan(apart[..., 1]).sum() == 15 * 16
    for found, before in zip((summed_up, apart), calm, strict=True):
        finite = np.isfinite(found)
        np.testing.assert_allclose(found[finite], before[finite], atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_value_that_is_not_finite_among_many_blocks_is_seen_by_its_windows_alone(dtype: type):
    x = np.random.default_rng(10).normal(size=(1300, 1200)).astype(dtype)
    kernel = np.random.default_rng(11).normal(size=(21, 22)).astype(dtype)
    calm = correlate(x, kernel)
    x[500, 600] = np.nan
    answers = correlate(x, kernel)
    spoiled = np.argwhere(np.isnan(answers))
    assert len(spoiled) == 21 * 22
    assert (spoiled.min(axis=0).tolist(), spoiled.max(axis=0).tolist()) == ([490, 590], [510, 611])
    finite = np.isfinite(answers)
    error = np.abs(answers[finite] - calm[finite]).max()
    assert error <= BOUND[dtype] * 6 * np.abs(kernel).sum()
