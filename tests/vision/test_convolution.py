"""Against SciPy, against sums written out, and against what the lectures print."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import OptionError
from striate.vision import Method, convolve, correlate

PAD = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
NDIMAGE = {"zero": "constant", "reflect": "mirror", "replicate": "nearest", "circular": "wrap"}
METHODS = ("auto", "direct", "separable", "fft")
sides, modes = st.integers(1, 14), st.sampled_from(["valid", "same", "full"])
borders, seeds = st.sampled_from(list(PAD)), st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    """To a share of the largest value: 1e-12 in float64, 1e-6 in float32."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def written_out(x: np.ndarray, kernel: np.ndarray, mode: str, border: str) -> np.ndarray:
    """Each position's taps times the values under them, added."""
    around = {"valid": lambda k: (0, 0), "same": lambda k: (k // 2, (k - 1) // 2)}
    around["full"] = lambda k: (k - 1, k - 1)
    padded = np.pad(x, [around[mode](k) for k in kernel.shape], mode=PAD[border])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijuv,uv->ij", windows, kernel)


@given(sides, sides, sides, sides, modes, borders, st.sampled_from(METHODS), seeds)
def test_every_method_mode_and_border_is_the_sum_written_out(
    high, wide, rows, columns, mode, border, method, seed
):
    if mode == "valid":
        rows, columns = min(rows, high), min(columns, wide)
    x, kernel = drawn(seed, high, wide), drawn(seed + 1, rows, columns)
    if method == "separable":
        kernel = kernel[:, :1] * kernel[:1]
    expected = written_out(x, kernel, mode, border)
    close(correlate(x, kernel, mode=mode, border=border, method=method), expected)
    single = correlate(
        x.astype(np.float32),
        kernel.astype(np.float32),
        mode=mode,
        border=border,
        method=method if method != "separable" else "auto",
    )
    scale = np.abs(x).max() * np.abs(kernel).sum()
    assert single.dtype == np.float32
    assert np.abs(single - expected).max() <= 1e-6 * scale


@given(sides, sides, sides, sides, modes, seeds)
def test_images_are_as_in_scipy_signal(high, wide, rows, columns, mode, seed):
    if mode == "valid":
        rows, columns = min(rows, high), min(columns, wide)
    x, kernel = drawn(seed, high, wide), drawn(seed + 1, rows, columns)
    if mode != "same" or rows % 2 == columns % 2 == 1:  # else correlate2d is not as correlate
        close(correlate(x, kernel, mode=mode), scipy.signal.correlate2d(x, kernel, mode), 1e-6)
    close(correlate(x, kernel, mode=mode), scipy.signal.correlate(x, kernel, mode), 1e-6)
    close(convolve(x, kernel, mode=mode), scipy.signal.convolve2d(x, kernel, mode), 1e-6)
    close(convolve(x, kernel, mode=mode), scipy.signal.convolve(x, kernel, mode), 1e-6)


@given(st.integers(1, 60), st.integers(1, 60), modes, seeds)
def test_signals_are_as_in_scipy_signal(length, taps, mode, seed):
    if mode == "valid":
        taps = min(taps, length)
    x, kernel = drawn(seed, length), drawn(seed + 1, taps)
    close(correlate(x, kernel, mode=mode), scipy.signal.correlate(x, kernel, mode), 1e-6)
    close(convolve(x, kernel, mode=mode), scipy.signal.convolve(x, kernel, mode), 1e-6)


@given(sides, sides, sides, sides, borders, seeds)
def test_images_are_as_in_scipy_ndimage(high, wide, rows, columns, border, seed):
    x, kernel = drawn(seed, high, wide), drawn(seed + 1, rows, columns)
    expected = scipy.ndimage.correlate(x, kernel, mode=NDIMAGE[border])
    close(correlate(x, kernel, border=border), expected, 1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize(("side", "taps"), [(300, 12), (1100, 70)])
def test_many_blocks_give_what_one_sum_gives(side, taps, mode, method):
    x = drawn(1, side, side + 7)
    kernel = np.outer(drawn(2, taps), drawn(3, taps + 3))
    expected = scipy.signal.fftconvolve(x, kernel[::-1, ::-1], mode)
    close(correlate(x, kernel, mode=mode, method=method), expected, 1e-10)


def test_a_long_signal_is_cut_into_blocks():
    x, kernel = drawn(1, 600_000), drawn(2, 5_000)
    close(convolve(x, kernel), scipy.signal.oaconvolve(x, kernel, "same"), 1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 600])
def test_each_channel_is_filtered_alone(channels, method):
    x, kernel = drawn(1, 9, 8, channels), np.outer(drawn(2, 3), drawn(3, 4))
    expected = np.stack([written_out(p, kernel, "same", "zero") for p in np.moveaxis(x, 2, 0)], -1)
    close(correlate(x, kernel, method=method), expected)


@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_a_kernel_over_channels_adds_them_up(method):
    x, kernel = drawn(1, 9, 8, 5), drawn(2, 3, 4, 5)
    expected = sum(written_out(x[..., c], kernel[..., c], "full", "reflect") for c in range(5))
    close(correlate(x, kernel, mode="full", border="reflect", method=method), expected)
    flipped = sum(written_out(x[..., c], kernel[::-1, ::-1, c], "same", "zero") for c in range(5))
    close(convolve(x, kernel, method=method), flipped)


@given(st.integers(1, 4), st.integers(1, 3), modes, borders, st.sampled_from(METHODS))
def test_stride_keeps_every_so_manyth_position_and_dilation_spreads_the_taps(
    stride, dilation, mode, border, method
):
    x, kernel = drawn(1, 15, 17), np.outer(drawn(2, 3), drawn(3, 4))
    spread = np.zeros((2 * dilation + 1, 3 * dilation + 1))
    spread[::dilation, ::dilation] = kernel
    found = correlate(
        x, kernel, mode=mode, border=border, stride=stride, dilation=dilation, method=method
    )
    close(found, written_out(x, spread, mode, border)[::stride, ::stride])
    assert found.flags.c_contiguous


def test_stride_and_dilation_hold_for_signals():
    found = correlate([1, 2, 3, 4, 5, 6], [1, 10], mode="valid", stride=2, dilation=3)
    assert found.tolist() == [41, 63]


@pytest.mark.parametrize(("mode", "side"), [("full", 520), ("same", 512), ("valid", 504)])
def test_an_image_of_512_and_a_kernel_of_9_give_520_512_and_504(mode, side):
    assert correlate(np.ones((512, 512), np.uint8), np.ones((9, 9)), mode=mode).shape == (side,) * 2


def test_the_worked_examples_of_the_lectures_come_out():
    first = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    found = correlate(first, [[0, 1, 2], [2, 2, 0], [0, 1, 2]], mode="valid")
    assert found.tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    second = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    assert correlate(second, [[1, 0, 1], [0, 1, 0], [1, 0, 1]], mode="valid")[0, 0] == 4
    assert correlate([1, 1, 1, 0, 0], [1, 0, 1], mode="valid").tolist() == [2, 1, 1]


def test_only_convolution_flips_the_kernel():
    assert correlate([0, 0, 1, 0, 0], [1, 2, 3]).tolist() == [0, 3, 2, 1, 0]
    assert convolve([0, 0, 1, 0, 0], [1, 2, 3]).tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        *((kind, "float32") for kind in ("bool", "u1", "i1", "u2", "i2", "f2", "f4", ">f4", ">u2")),
        *((kind, "float64") for kind in ("u4", "i4", "u8", "i8", "f8", ">f8", "longdouble")),
    ],
)
def test_the_type_of_the_answer_follows_that_of_the_image(came, goes):
    found = correlate(np.ones((3, 3), came), [[200.0, 200.0]], mode="valid")
    assert found.dtype == goes
    assert (found == 400).all()


def test_nothing_wraps_around_in_eight_bits():
    assert correlate(np.full((1, 3), 250, np.uint8), [[-1, 2]]).tolist() == [[500, 250, 250]]


@pytest.mark.parametrize("kind", [torch.uint8, torch.bfloat16, torch.float16, torch.float32])
def test_a_tensor_comes_back_as_a_tensor(kind):
    x = torch.arange(12.0).reshape(3, 4).to(kind)
    found = correlate(x.requires_grad_(x.is_floating_point()), torch.ones(2, 2), mode="valid")
    assert isinstance(found, torch.Tensor)
    assert found.dtype == torch.float32
    assert found.tolist() == [[10, 14, 18], [26, 30, 34]]
    assert not found.requires_grad


def test_values_that_are_neither_contiguous_nor_writable_are_left_as_they_are():
    x = drawn(1, 8, 9)[::-2, ::2]
    x.flags.writeable = False
    kept = x.copy()
    close(
        correlate(x, np.ones((2, 2)), mode="full"), written_out(x, np.ones((2, 2)), "full", "zero")
    )
    assert (x == kept).all()


def test_the_room_loads_neither_torch_nor_scipy():
    code = "import sys, striate.vision; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_a_value_that_is_not_finite_spoils_what_sees_it(value: float, method: Method):
    x = drawn(1, 11, 13)
    x[5, 7] = value
    spoiled = ~np.isfinite(correlate(x, np.ones((3, 5)), method=method))
    expected = np.zeros((11, 13), bool)
    expected[4:7, 5:10] = True
    assert (spoiled == expected).all()


def test_an_answer_beyond_the_type_is_infinite_and_no_error():
    assert correlate(np.full((1, 3), 3e38, np.float32), [[2.0]]).tolist() == [[np.inf] * 3]


IMAGE = [[1.0] * 5] * 4


@pytest.mark.parametrize(
    ("image", "kernel", "options", "message"),
    [
        (
            [[1, 2], [3]],
            [[1]],
            {},
            "the rows of the image differ in length; give as many to each",
        ),
        (
            IMAGE,
            [[1, 2], [3]],
            {},
            "the rows of the kernel differ in length; give as many to each",
        ),
        ([[1j]], [[1]], {}, "the image must hold real numbers, but complex128 came"),
        ([["a"]], [[1]], {}, "the image must hold real numbers, but <U1 came"),
        ([[None]], [[1]], {}, "the image must hold real numbers, but object came"),
        (IMAGE, [[2j]], {}, "the kernel must hold real numbers, but complex128 came"),
        (
            np.zeros((0, 5)),
            [[1]],
            {},
            "the image is empty: its shape is (0, 5); every axis needs a value",
        ),
        (
            IMAGE,
            np.zeros((3, 0)),
            {},
            "the kernel is empty: its shape is (3, 0); every axis needs a value",
        ),
        (
            np.ones((2, 3), np.float32),
            [[1, 1e300]],
            {},
            "the kernel must hold finite numbers, but holds inf at (0, 1) as float32",
        ),
        (
            7,
            [[1]],
            {},
            "a signal (N,) or one image (H, W) or (H, W, C) was expected, but an array of shape "
            "() came",
        ),
        (
            np.ones((2, 3, 4, 5)),
            [[1]],
            {},
            "a signal (N,) or one image (H, W) or (H, W, C) was expected, but an array of shape "
            "(2, 3, 4, 5) came",
        ),
        (
            IMAGE,
            [1, 2],
            {},
            "for an array of shape (4, 5) the kernel must be (kh, kw), but its shape is (2,)",
        ),
        (
            np.ones((4, 5, 3)),
            np.ones((2, 2, 4)),
            {},
            "for an array of shape (4, 5, 3) the kernel must be (kh, kw) or (kh, kw, C), but its "
            "shape is (2, 2, 4)",
        ),
        (
            IMAGE,
            np.ones((3, 2)),
            {"mode": "valid", "dilation": 2},
            "mode 'valid' needs as much room as the kernel, which spans 5x3 (3x2 at dilation 2), "
            "but the size is 4x5; take 'same' or 'full'",
        ),
        (
            [1, 2, 3],
            [1, 2, 3, 4],
            {"mode": "valid"},
            "mode 'valid' needs as much room as the kernel, which spans 4, but the size is 3; take "
            "'same' or 'full'",
        ),
        (IMAGE, [[1]], {"mode": "vald"}, "no mode is called 'vald'; did you mean 'valid'?"),
        (
            IMAGE,
            [[1]],
            {"border": 3},
            "no border is called '3'; there are 'circular', 'reflect', 'replicate' and 'zero'",
        ),
        (IMAGE, [[1]], {"method": "ftt"}, "no method is called 'ftt'; did you mean 'fft'?"),
        (
            IMAGE,
            [[1]],
            {"stride": 0},
            "stride must be a whole number of at least 1, but 0 came",
        ),
        (
            IMAGE,
            [[1]],
            {"dilation": 1.5},
            "dilation must be a whole number of at least 1, but 1.5 came",
        ),
        (
            IMAGE,
            np.ones((3, 3)),
            {"dilation": 5000},
            "the kernel spans 10001x10001 (3x3 at dilation 5000), more than 67,108,864 taps",
        ),
        (
            IMAGE,
            [[1, 2], [3, 4]],
            {"method": "separable"},
            "the kernel of 2x2 is no column times a row, which method 'separable' needs; take "
            "'auto'",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(image, kernel, options, message):
    for slide in (correlate, convolve):
        with pytest.raises(OptionError) as caught:
            slide(image, kernel, **options)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": [2]}, "stride must be a whole number of at least 1, but [2] came"),
        ({"mode": ["same"]}, "no mode is called \"['same']\"; did you mean 'same'?"),
    ],
)
def test_options_that_cannot_be_remembered_are_refused_like_others(options, message: str):
    with pytest.raises(OptionError) as caught:
        correlate([1.0, 2.0, 3.0], [1.0], **options)
    assert str(caught.value) == message
