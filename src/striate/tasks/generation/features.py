"""Features by which sets of images are compared: of a fixed network that was never trained.

Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models, section 4,
https://arxiv.org/abs/2002.09797: where images are unlike ImageNet's, a network with random weights
tells more than one that was trained on those.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

#: channels of the layers, each 3x3 on half the side of the one before
WIDTHS = (16, 32, 64)
#: features of an image: means over places of every layer, and standard deviations of the last
FEATURES = sum(WIDTHS) + WIDTHS[-1]
_SEED = 0


def compute_features(images: Tensor) -> Tensor:
    """Return the features (N, FEATURES) float32 of images (N, 1 or 3, H, W) from -1 to 1."""
    x, found = images.float().expand(-1, 3, -1, -1), list[Tensor]()
    for kernel in _kernels(images.device):
        x = F.relu(F.conv2d(x, kernel, stride=2, padding=1))
        found.append(x.mean(dim=(2, 3)))
    return torch.cat([*found, x.std(dim=(2, 3), correction=0)], dim=1)


@cache
def _kernels(device: torch.device) -> tuple[Tensor, ...]:
    """Return the weights (out, in, 3, 3) of each layer: orthogonal filters, from numpy's PCG64."""
    random, inputs, found = np.random.default_rng(_SEED), 3, list[Tensor]()
    for width in WIDTHS:
        drawn = random.normal(size=(width, inputs * 9))
        filters = np.linalg.qr(drawn.T)[0].T if width <= inputs * 9 else drawn
        shaped = filters.reshape(width, inputs, 3, 3).astype(np.float32) * 2**0.5
        found.append(torch.from_numpy(shaped).to(device))
        inputs = width
    return tuple(found)
