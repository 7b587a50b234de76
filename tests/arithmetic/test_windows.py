"""The answer of `striate size`: the number, its formula and what is odd about it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate import size
from striate.errors import OptionError


def test_alexnets_first_layer_has_55_positions() -> None:
    assert repr(size(227, 11, stride=4)) == "55 = (227 - 11 + 2 * 0) / 4 + 1"


def test_pixels_that_no_window_sees_are_told() -> None:
    assert repr(size(224, 11, stride=4, padding=1)).splitlines() == [
        "54 = (224 - 11 + 2 * 1) / 4 + 1",
        "rounded down: 3 of the pixels at the end, padding among them, are seen by no window; "
        "an input of 221 or 225 leaves none over",
    ]


def test_a_dilated_kernel_is_told_with_its_span() -> None:
    assert repr(size(32, 3, padding="same", dilation=2)).splitlines() == [
        "32 = (32 - 5 + 2 * 2) / 1 + 1",
        "a kernel of 3 at dilation 2 spans 2 * (3 - 1) + 1 = 5 pixels",
    ]


def test_a_transposed_window_has_its_own_formula() -> None:
    answer = size(7, 4, stride=2, padding=1, transposed=True)
    assert repr(answer) == "14 = (7 - 1) * 2 + 4 - 2 * 1"


SMALL = st.integers(1, 6)


@given(st.integers(1, 40), SMALL, SMALL, st.integers(0, 3), SMALL, st.booleans())
def test_the_number_is_that_of_torch(
    pixels: int, kernel: int, stride: int, padding: int, dilation: int, transposed: bool
) -> None:
    kind = nn.ConvTranspose1d if transposed else nn.Conv1d
    layer = kind(1, 1, kernel, stride, padding, dilation=dilation)
    try:
        expected = layer(torch.zeros(1, 1, pixels)).shape[-1]
    except RuntimeError:
        with pytest.raises(OptionError):
            size(pixels, kernel, stride, padding, dilation, transposed=transposed)
    else:
        assert (
            size(pixels, kernel, stride, padding, dilation, transposed=transposed).output
            == expected
        )


@given(st.integers(1, 99), SMALL, SMALL, st.integers(0, 3), SMALL)
def test_the_inputs_that_are_offered_leave_nothing_over(
    pixels: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    try:
        answer = size(pixels, kernel, stride, padding, dilation)
    except OptionError:
        return
    less = pixels - answer.left_over
    if less > 0:
        assert size(less, kernel, stride, padding, dilation).left_over == 0
        assert size(less, kernel, stride, padding, dilation).output == answer.output
    assert size(less + stride, kernel, stride, padding, dilation).left_over == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"input": 5, "kernel": 7},
            "a window of 7 at dilation 1 spans 7 pixels, but the input has 5 "
            "(size 5, padding 0 on each side); use at least 7 pixels",
        ),
        (
            {"input": 32, "kernel": 4, "padding": "same"},
            "padding 'same' puts (window - 1) / 2 pixels on each side, but a window of 4 would "
            "need 1.5; use a kernel of odd size",
        ),
        (
            {"input": 2, "kernel": 2, "padding": 3, "transposed": True},
            "a transposed window of 2 at stride 1 spreads 2 pixels over 3, but padding 3 takes 3 "
            "from each side; use at most 1 of padding",
        ),
        (
            {"input": 32, "kernel": 3, "stride": 1.5},
            "stride must be a whole number of at least 1, but 1.5 came",
        ),
        (
            {"input": 32, "kernel": 3, "padding": "some"},
            "padding must be a whole number of at least 0, 'same' or 'valid', but 'some' came",
        ),
    ],
)
def test_what_no_layer_can_have_is_refused(values: dict, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        size(**values)
    assert str(caught.value) == message
