"""Sizes of sliding windows against counting, and against torch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from striate.arithmetic import output_size, span
from striate.errors import OptionError

SMALL = st.integers(1, 9)


@settings(deadline=None)
@given(
    size=st.integers(0, 40), kernel=SMALL, stride=SMALL, padding=st.integers(0, 9), dilation=SMALL
)
def test_positions_are_those_one_counts(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    first, last = -padding, size + padding - 1
    taps = [dilation * tap for tap in range(kernel)]
    starts = [start for start in range(first, last + 1, stride) if start + taps[-1] <= last]
    assert span(kernel, dilation) == taps[-1] - taps[0] + 1
    if starts:
        sizes = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
        assert sizes == len(starts)
    else:
        with pytest.raises(OptionError):
            output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)


@pytest.mark.parametrize("size", [7, 12, 33])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [(3, 1, 0, 1), (3, 2, 1, 1), (5, 3, 2, 1), (3, 2, 4, 3)],
)
def test_torch_gives_the_same_sizes(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    ours = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    row, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    theirs = F.conv1d(row, weight, stride=stride, padding=padding, dilation=dilation)
    assert theirs.shape[2] == ours


@settings(deadline=None)
@given(size=st.integers(1, 20), kernel=SMALL, stride=SMALL, padding=st.integers(0, 4))
def test_a_window_at_the_edge_counts_as_torch_counts_it(
    size: int, kernel: int, stride: int, padding: int
) -> None:
    padding = min(padding, kernel // 2)
    row = torch.zeros(1, 1, size)
    try:
        positions = output_size(size, kernel, stride, padding, ceil=True)
    except OptionError:
        with pytest.raises(RuntimeError):
            F.max_pool1d(row, kernel, stride, padding, ceil_mode=True)
    else:
        assert F.max_pool1d(row, kernel, stride, padding, ceil_mode=True).shape[2] == positions


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (
            4,
            {"padding": 1, "dilation": 3},
            "a window of 5 at dilation 3 spans 13 pixels, but the input has 6 (size 4, padding 1 "
            "on each side); use at least 11 pixels",
        ),
        (
            2,
            {"stride": 4},
            "a window of 5 at dilation 1 spans 5 pixels, but the input has 2 (size 2, padding 0 "
            "on each side); use at least 5 pixels",
        ),
    ],
)
def test_a_window_that_does_not_fit_says_what_would(
    size: int, options: dict[str, int], message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        output_size(size, 5, **options)
    assert str(caught.value) == message


def test_the_size_that_a_message_asks_for_is_enough_and_the_least() -> None:
    assert output_size(11, 5, padding=1, dilation=3) == 1
    with pytest.raises(OptionError):
        output_size(10, 5, padding=1, dilation=3)
