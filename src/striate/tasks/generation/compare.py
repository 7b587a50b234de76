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
from striate.plotting.ink import lay_out
from striate.tasks.generation.features import compute_features
from striate.tasks.task import MadeImages

_SHOWN = 30  #: generated images that are kept for the report
_FITTED = 1000  #: most images that a normal distribution of pixels is fitted to
_AT_ONCE = 64  #: images made together
_SIDE = 8  #: images in a row of a grid, and in a column without classes
_ROWS = 20  #: most classes that a grid shows


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


def draw_grid(pair: Adversarial, seed: int = 0) -> NDArray[np.uint8]:
    """Return generated images in rows (H, W, C), of each class one with the same noise.

    Of many classes the first are shown.
    """
    if pair.classes == 1:
        return lay_out(next(make_images(pair, _SIDE**2, seed)).pixels, _SIDE)
    labels = range(min(_ROWS, pair.classes))
    rows = [next(make_images(pair, _SIDE, seed, label)).pixels for label in labels]
    return lay_out(np.concatenate(np.stack(rows, axis=1)), len(rows))


@torch.inference_mode()
def make_images(
    pair: Adversarial, count: int, seed: int, label: int | None = None
) -> Iterator[MadeImages]:
    """Yield blocks of generated images, the same of a seed whatever the count.

    They are of the class with this label, or of all in turn.
    """
    pair.eval()
    device = next(pair.parameters()).device
    random = torch.Generator().manual_seed(seed)
    for start in range(0, count, _AT_ONCE):
        noise = torch.rand(_AT_ONCE, pair.noise, generator=random) * 2 - 1
        turns = torch.arange(start, start + _AT_ONCE) % pair.classes
        labels = turns if label is None else torch.full_like(turns, label)
        made = pair.make(noise.to(device), labels.to(device))
        kept = slice(count - start)
        yield MadeImages(to_bytes(made[kept].cpu()), labels[kept].numpy())


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
