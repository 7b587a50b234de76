"""Luminance and chroma of pictures, as JPEG parts them, and chroma as a choice among colors.

The choice is that of Zhang, Isola, Efros 2016, https://arxiv.org/abs/1603.08511, among a grid of
blue and red chroma. Not as in the paper, sections 2.1 and 2.2: chroma is that of JPEG in place of
CIE Lab; a color is shared among the four of the grid around it, by how near they are, so that
their mean is that color; and rare colors weigh no more than others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pixels = NDArray[np.uint8]

#: ITU-R BT.601, as JPEG and Pillow's mode L: luminance, then blue and red chroma from -0.5 to 0.5
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def to_luminance(images: Tensor) -> Tensor:
    """(N, 3, H, W) from 0 to 1 -> (N, 1, H, W) the same."""
    return _mixed(images, _TO_YCC[:1])


def to_chroma(images: Tensor) -> Tensor:
    """(N, 3, H, W) from 0 to 1 -> (N, 2, H, W) from -0.5 to 0.5."""
    return _mixed(images, _TO_YCC[1:])


def to_rgb(luminance: Tensor, chroma: Tensor) -> Tensor:
    """(N, 1, H, W) and (N, 2, H, W) -> (N, 3, H, W)."""
    return _mixed(torch.cat([luminance, chroma], dim=1), _TO_RGB)


def _mixed(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("oc,nchw->nohw", images.new_tensor(matrix), images)


def count_colors(bins: int) -> int:
    """Return the number of colors of a grid with so many values of each chroma channel."""
    return bins**2


def cross_entropy(outputs: Tensor, chroma: Tensor, bins: int) -> Tensor:
    """Return the mean cross-entropy in nats of a pixel.

    Of logits (N, bins^2, H, W), and the true chroma (N, 2, H, W) from -0.5 to 0.5.
    """
    logs = outputs.float().log_softmax(dim=1)
    terms = (
        share * logs.gather(1, colors[:, None])[:, 0] for colors, share in _around(chroma, bins)
    )
    return -torch.stack(list(terms)).sum(dim=0).mean()


def _around(chroma: Tensor, bins: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the four colors around each pixel's and their shares, both (N, H, W)."""
    places = (chroma.float() + 0.5).clamp(0, 1) * (bins - 1)
    first = places.floor().clamp(max=bins - 2)
    beyond, first = places - first, first.long()
    shares = 1 - beyond, beyond
    for blue, red in product((0, 1), repeat=2):
        colors = (first[:, 0] + blue) * bins + first[:, 1] + red
        yield colors, shares[blue][:, 0] * shares[red][:, 1]


def annealed_mean(outputs: Tensor, bins: int, temperature: float) -> Tensor:
    """Return the mean chroma (N, 2, H, W) of logits (N, bins^2, H, W) divided by a temperature.

    1 gives the mean of the colors, which is pale; towards 0 it becomes the most probable one.
    Section 2.3 of the paper.
    """
    probable = (outputs.float() / temperature).softmax(dim=1).unflatten(1, (bins, bins))
    values = torch.linspace(-0.5, 0.5, bins, device=outputs.device)
    blue = torch.einsum("nbrhw,b->nhw", probable, values)
    red = torch.einsum("nbrhw,r->nhw", probable, values)
    return torch.stack([blue, red], dim=1)
