"""Real and generated images as features, and generated ones as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.layers import Adversarial
from striate.metrics.estimates import Floats
from striate.tasks.generation.features import compute_features

_SHOWN = 30  #: generated images that are kept for the report
_FITTED = 1000  #: most images that a normal distribution of pixels is fitted to
_AT_ONCE = 64  #: images made together


def compare(
    batches: Iterable[NDArray[Any]],
) -> tuple[Floats, Floats, Floats, NDArray[np.uint8]]:
    """Return features (N, F) of real images, of generated ones, and of pixels drawn at random.

    Batches hold real and generated images (N, 2, C, H, W), from -1 to 1. The first generated ones
    are returned too, (S, H, W, C). Pixels are drawn from a normal distribution fitted to those of
    the real images.
    """
    pairs, samples, fitted = list[Tensor](), list[Tensor](), list[Tensor]()
    for batch in batches:
        real, made = torch.from_numpy(batch).unbind(dim=1)
        pairs.append(torch.stack([compute_features(real), compute_features(made)], dim=1))
        samples.append(made[: _SHOWN - sum(map(len, samples))])
        fitted.append(real[: _FITTED - sum(map(len, fitted))])
    features = torch.cat(pairs).double().numpy()
    drawn = _draw_normal(torch.cat(fitted), len(features))
    normal = torch.cat([compute_features(some) for some in drawn.split(_AT_ONCE)])
    shown = to_bytes(torch.cat(samples))
    return features[:, 0], features[:, 1], normal.double().numpy(), shown


def draw_grid(pair: Adversarial, rows: int, columns: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return generated images in rows and columns, (H, W, C)."""
    images = np.concatenate(list(make_images(pair, rows * columns, seed)))
    height, width, channels = images.shape[1:]
    grid = images.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


@torch.inference_mode()
def make_images(pair: Adversarial, count: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Yield blocks (n, H, W, C) of generated images, the same of a seed whatever the count.

    Classes follow each other in turn.
    """
    pair.eval()
    device = next(pair.parameters()).device
    random = torch.Generator().manual_seed(seed)
    for start in range(0, count, _AT_ONCE):
        noise = torch.rand(_AT_ONCE, pair.noise, generator=random) * 2 - 1
        classes = torch.arange(start, start + _AT_ONCE) % pair.classes
        made = pair.make(noise.to(device), classes.to(device))
        yield to_bytes(made[: count - start].cpu())


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Return images (N, C, H, W) from -1 to 1 as (N, H, W, C) uint8."""
    levels = ((images.float() + 1) * 127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _draw_normal(images: Tensor, count: int) -> Tensor:
    """Return images (count, C, H, W) of the mean and covariance of the pixels of those given."""
    flat = images.float().flatten(1)
    mean = flat.mean(dim=0)
    _, scale, directions = torch.linalg.svd(flat - mean, full_matrices=False)
    random = torch.from_numpy(np.random.default_rng(0).normal(size=(count, len(scale)))).float()
    drawn = mean + (random * scale / max(1, len(flat) - 1) ** 0.5) @ directions
    return drawn.reshape(count, *images.shape[1:]).clamp(-1, 1)
