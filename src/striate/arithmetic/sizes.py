"""Output sizes of convolution and pooling along one axis, in integers."""

from __future__ import annotations

from striate.errors import OptionError


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    *,
    ceil: bool = False,
) -> int:
    """Return a window's output size along an axis: `(size - span + 2 padding) // stride + 1`.

    `span` is `dilation * (kernel - 1) + 1`. With `ceil` the division rounds up, as in torch's
    pooling: the last window must start inside the input or the left padding. Raises OptionError
    when the window does not fit.
    Source: Dumoulin and Visin 2016, relationship 15, https://arxiv.org/abs/1603.07285
    """
    window, room, beyond = span(kernel, dilation), size + 2 * padding, (stride - 1) * ceil
    positions = (room - window + beyond) // stride + 1
    if positions < 1:
        raise OptionError(
            f"a window of {kernel} at dilation {dilation} spans {window} pixels, but the input has "
            f"{room} (size {size}, padding {padding} on each side); "
            f"use at least {window - 2 * padding - beyond} pixels"
        )
    begins_after_the_input = ceil and (positions - 1) * stride >= size + padding
    return positions - begins_after_the_input


def transposed_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, *, extra: int = 0
) -> int:
    """Return a transposed convolution's size: `(size - 1) stride + span - 2 padding + extra`.

    Raises OptionError when it is below 1. Source: Dumoulin and Visin 2016, relationship 13.
    """
    window = span(kernel, dilation)
    positions = (size - 1) * stride + window - 2 * padding + extra
    if positions < 1:
        raise OptionError(
            f"a transposed window of {kernel} at stride {stride} spreads {size} pixels over "
            f"{positions + 2 * padding}, but padding {padding} takes {padding} from each side; "
            f"use at most {(positions + 2 * padding - 1) // 2} of padding"
        )
    return positions


def span(kernel: int, dilation: int = 1) -> int:
    """Return the pixels from the first to the last tap of a kernel, inclusive."""
    return dilation * (kernel - 1) + 1
