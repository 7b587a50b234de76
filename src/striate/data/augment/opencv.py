"""OpenCV augmentation, faster on a CPU: it processes image by image, while each is in the cache.

torch materializes a sampling grid and a second copy of the batch first.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_FROM = 48**2  # pixels per image; torch is faster below this, see docs/log.md
_THREADED = 128**2  # pixels per image; threads cost more than they gain below this


def is_faster(images: Tensor) -> bool:
    """Return whether OpenCV supports these (N, C, H, W) images and is faster than torch."""
    _, channels, high, wide = images.shape
    return images.device.type == "cpu" and channels in (1, 3) and high * wide >= _FROM


def augment(
    images: Tensor,
    places: NDArray[np.float64] | None,
    tints: tuple[Tensor, Tensor, Tensor] | None,
    fill: tuple[float, ...] = (),
    size: Sequence[int] = (),
) -> Tensor:
    """Apply maps in pixels and the color maps of `color_maps` to (N, C, H, W) float32 images.

    Pads with `fill`, one value per channel, or the edge if empty. `size` is the height and width of
    the result; that of the images by default.
    """
    source = images.permute(0, 2, 3, 1).contiguous().numpy()
    count, high, wide, channels = source.shape
    target = np.empty((count, *(size or (high, wide)), channels), source.dtype)
    work = partial(
        _augment,
        source,
        target,
        places,
        None if tints is None else _rows(*tints),
        fill,
    )
    large = target[0, ..., 0].size >= _THREADED
    threads = min(torch.get_num_threads(), len(source)) if large else 1
    parts = [range(start, len(source), threads) for start in range(threads)]
    if threads == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    return torch.from_numpy(target).permute(0, 3, 1, 2)


def move_masks(
    masks: Tensor, places: NDArray[np.float64], ignore: int, size: Sequence[int] = ()
) -> Tensor:
    """Apply maps in pixels to (N, H, W) uint8 masks by nearest neighbor; pads with `ignore`.

    `size` is as in `augment`. Without threads: to hand a mask to one takes as long as to move it.
    """
    source = masks.contiguous().numpy()
    high, wide = size or source.shape[1:]
    target = np.empty((len(source), high, wide), np.uint8)
    how = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    for mask, place, moved in zip(source, places, target, strict=True):
        cv2.warpAffine(mask, place, (wide, high), moved, how, cv2.BORDER_CONSTANT, (ignore,))
    return torch.from_numpy(target)


def _rows(
    matrix: Tensor, constant: Tensor, row: Tensor
) -> tuple[NDArray[np.float64], list[list[float]]]:
    """Return matrices with a constant column, (N, C, C + 1), and weights of the image mean."""
    return torch.cat((matrix, constant[:, :, None]), dim=2).numpy(), row.tolist()


def _augment(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    places: NDArray[np.float64] | None,
    tints: tuple[NDArray[np.float64], list[list[float]]] | None,
    fill: tuple[float, ...],
    chosen: range,
) -> None:
    _, high, wide, channels = target.shape
    bands = 0 if channels == 1 else slice(None)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_CONSTANT if fill else cv2.BORDER_REPLICATE
    for index in chosen:
        image, result = source[index, ..., bands], target[index, ..., bands]
        if places is not None:
            cv2.warpAffine(image, places[index], (wide, high), result, how, edge, fill)
            image = result
        if tints is not None:
            matrix, row = tints[0][index], tints[1][index]
            mean = cv2.mean(image)
            matrix[:, channels] += sum(
                weight * part for weight, part in zip(row, mean, strict=False)
            )
            cv2.transform(image, matrix, result)
