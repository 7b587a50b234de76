"""Sizes of windows that slide: convolution and pooling along one axis. Integers only."""

from __future__ import annotations

from striate.errors import OptionError


def output_size(
    size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Positions of a window along an axis: `(size - span + 2 padding) // stride + 1`.

    `span` is `dilation * (kernel - 1) + 1`. Raises OptionError when the window does not fit.
    Source: Dumoulin and Visin 2016, relationship 15, https://arxiv.org/abs/1603.07285
    """
    window = span(kernel, dilation)
    room = size + 2 * padding
    if window > room:
        raise OptionError(
            f"a window of {kernel} at dilation {dilation} spans {window} pixels, but the input has "
            f"{room} (size {size}, padding {padding} on each side); "
            f"use at least {window - 2 * padding} pixels"
        )
    return (room - window) // stride + 1


def span(kernel: int, dilation: int = 1) -> int:
    """Pixels from the first to the last tap of a kernel."""
    return dilation * (kernel - 1) + 1
