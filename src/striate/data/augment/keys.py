"""Keys of images: integers that seed what is drawn at random for each of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.plan import mix_states

_STREAM = 3  #: of random numbers, beside those of augmentation and windows
_LARGEST = 2**63 - 1


def draw_keys(numbers: Tensor, seed: int, epoch: int) -> Tensor:
    """Return the keys (N,) int64 of images in an epoch, given the numbers (N,) of their draws."""
    states = numbers.numpy().astype(np.uint64) + np.uint64(1)
    mixed = mix_states(states, seed, epoch, _STREAM)
    return torch.from_numpy((mixed & np.uint64(_LARGEST)).astype(np.int64))


def fixed_keys(digests: NDArray[np.uint8]) -> Tensor:
    """Return the keys (N,) int64 of images by their contents, from SHA-256 digests (N, 32).

    An image has the same in every epoch, evaluation and folder.
    """
    first = np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0]
    return torch.from_numpy((first & np.uint64(_LARGEST)).astype(np.int64))


def draw_normal(keys: Tensor, like: Tensor) -> Tensor:
    """Return standard normal noise in the shape (N, ...), on the device of `like`.

    The noise of an image depends on its key and shape only.
    """
    noise = torch.empty(like.shape)
    for row, key in zip(noise, keys.tolist(), strict=True):
        row.normal_(generator=torch.Generator().manual_seed(key))
    return noise.to(like.device)
