"""Conversion of kernels to an nn.Conv2d."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import Floats, floats, whole
from striate.vision.convolution_methods import AROUND, Border, Mode, check_name

if TYPE_CHECKING:
    from torch import nn

_Padding = Literal["zeros", "reflect", "replicate", "circular"]
_PADDING: dict[str, _Padding] = {
    "zero": "zeros",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def as_layer(
    kernels: Iterable[Any],
    *,
    channels: int = 1,
    mode: Mode = "same",
    border: Border = "zero",
    stride: int = 1,
    dilation: int = 1,
    frozen: bool = False,
) -> nn.Conv2d:
    """Return a layer equivalent to `correlate`: (N, channels, H, W) -> (N, kernels, H', W').

    Kernels (kh, kw) are repeated for each of `channels`; kernels (kh, kw, C) set `channels` to C.
    All must have the same shape. Kernels are not flipped: for the results of `convolve`, pass
    kernel[::-1, ::-1]. The bias is zero, and the weights are trainable unless `frozen`. Raises
    OptionError.

    >>> sobel_x = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    >>> layer = as_layer([sobel_x, np.transpose(sobel_x)])
    >>> sum(values.numel() for values in layer.parameters())
    20
    """
    import torch
    from torch import nn

    check_name("mode", mode, AROUND)
    check_name("border", border, _PADDING)
    stride, dilation = whole("stride", stride), whole("dilation", dilation)
    weights = _weights(kernels, whole("channels", channels))
    spans = [(side - 1) * dilation + 1 for side in weights.shape[2:]]
    around = [AROUND[mode](span) for span in spans]
    if any(before != after for before, after in around):
        raise OptionError(
            "a layer pads both sides alike, but in mode 'same' kernels that span "
            f"{spans[0]}x{spans[1]} need one more before than after; take odd sides, or mode "
            "'valid'"
        )
    outputs, inputs, high, wide = weights.shape
    layer = nn.Conv2d(
        inputs,
        outputs,
        (high, wide),
        stride=stride,
        padding=(around[0][0], around[1][0]),
        dilation=dilation,
        padding_mode=_PADDING[border],
    )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
        nn.init.zeros_(cast("torch.Tensor", layer.bias))
    return layer.requires_grad_(not frozen)


def _weights(kernels: Iterable[Any], channels: int) -> Floats:
    """Return weights (outputs, inputs, kh, kw), float32."""
    windows = [floats(each, "the kernel", np.float32) for each in kernels]
    if not windows:
        raise OptionError("a layer needs at least one kernel, but the list is empty")
    for window in windows:
        if window.ndim not in (2, 3) or window.shape != windows[0].shape:
            raise OptionError(
                "a layer takes a list of kernels (kh, kw) or (kh, kw, C), all of one shape, but "
                f"{windows[0].shape} and {window.shape} came"
            )
    weights = np.stack(windows)
    if weights.ndim == 3:
        return np.repeat(weights[:, None], channels, axis=1)
    if channels not in (1, weights.shape[3]):
        raise OptionError(
            f"the kernels are for {weights.shape[3]} channels, but channels is {channels}; leave "
            "it out"
        )
    return np.ascontiguousarray(np.moveaxis(weights, 3, 1))
