"""What can be answered without a network: the baselines of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from striate.tasks.pictures.answer import to_bytes
from striate.tasks.pictures.color import Pixels, to_rgb

#: what the network is given (h, w, c) -> a picture (H, W, C)
Filter = Callable[[Pixels], Pixels]

#: of non-local means, in the std of the noise
_STRENGTHS = (0.8, 0.9, 1.0)
#: of blue and red chroma, -0.5 to 0.5
_TINTS = (-0.04, -0.02, 0.0, 0.02, 0.04)


def enlargements(scale: int) -> Mapping[str, Filter]:
    """Return bicubic enlargement, as it is usually compared with, and better ones."""
    bicubic, lanczos = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
    return {
        "bicubic enlargement": partial(_enlarge, scale=scale, way=bicubic),
        "Lanczos enlargement": partial(_enlarge, scale=scale, way=lanczos),
        "sharpened Lanczos enlargement": partial(_enlarge_sharply, scale=scale),
    }


def smoothings(std: float, shares: Sequence[float] = _STRENGTHS) -> Mapping[str, Filter]:
    """Return filters against noise of this std in gray levels, of strengths around the best."""
    found: dict[str, Filter] = {"the noisy picture itself": np.asarray, **_blurs()}
    for share in shares:
        strength = share * std
        found[f"non-local means (h {strength:.3g})"] = partial(_non_local, strength=strength)
    return found


def _blurs() -> Mapping[str, Filter]:
    found = {
        f"a Gaussian filter (std {sigma} pixels)": partial(_blur, sigma=sigma)
        for sigma in (0.5, 0.7, 1.0, 1.5)
    }
    return {**found, "a median of 3x3 pixels": partial(_median, side=3)}


def corrections() -> Mapping[str, Filter]:
    """Return the input of a pair, and filters that blur or sharpen it."""
    sharpened = {
        f"unsharp masking (std 1 pixel, {amount:g} times)": partial(
            _sharpen, amount=amount, std=1.0
        )
        for amount in (0.5, 1.0, 2.0)
    }
    return {"the input itself": np.asarray, **_blurs(), **sharpened}


def tints(values: Sequence[float] = _TINTS) -> Mapping[str, Filter]:
    """Return the gray picture, and one chroma for all pixels of all pictures."""
    found: dict[str, Filter] = {"the gray picture itself": partial(_tint, blue=0.0, red=0.0)}
    for blue, red in product(values, repeat=2):
        name = f"one tint for all (blue {blue:+g}, red {red:+g})"
        found |= {name: partial(_tint, blue=blue, red=red)} if blue or red else {}
    return found


def _enlarge(small: Pixels, scale: int, way: Image.Resampling) -> Pixels:
    high, wide, channels = small.shape
    image = Image.fromarray(small[..., 0] if channels == 1 else small)
    return np.atleast_3d(np.asarray(image.resize((scale * wide, scale * high), way)))


def _enlarge_sharply(small: Pixels, scale: int) -> Pixels:
    """Sharpen by what was the best for photographs of garments, enlarged 2 and 4 times."""
    return _sharpen(_enlarge(small, scale, Image.Resampling.LANCZOS), 0.4, scale / 2)


def _tint(gray: Pixels, blue: float, red: float) -> Pixels:
    luminance = torch.from_numpy(gray / 255).permute(2, 0, 1)[None]
    chroma = luminance.new_tensor((blue, red))[:, None, None].expand(1, 2, *gray.shape[:2])
    return to_bytes(to_rgb(luminance, chroma)[0].numpy())


def _blur(noisy: Pixels, sigma: float) -> Pixels:
    return _as_pixels(cv2.GaussianBlur(noisy, (0, 0), sigma))


def _sharpen(blurred: Pixels, amount: float, std: float) -> Pixels:
    smooth = cv2.GaussianBlur(blurred, (0, 0), std)
    return _as_pixels(cv2.addWeighted(blurred, 1 + amount, smooth, -amount, 0))


def _as_pixels(filtered: NDArray[Any]) -> Pixels:
    """Return (H, W, C) of what OpenCV returns, which drops a single channel."""
    return np.atleast_3d(np.asarray(filtered, np.uint8))


def _median(noisy: Pixels, side: int) -> Pixels:
    return _as_pixels(cv2.medianBlur(noisy, side))


def _non_local(noisy: Pixels, strength: float) -> Pixels:
    """Buades, Coll, Morel 2005, https://doi.org/10.1109/CVPR.2005.38, with 7x7 patches."""
    return _as_pixels(cv2.fastNlMeansDenoising(noisy, None, strength, 7, 21))  # pyright: ignore


def copies() -> Mapping[str, Filter]:
    """Return the picture, which a network without a narrow place can pass on whole."""
    return {"the picture itself": np.asarray}


def thumbnails(code: int) -> Mapping[str, Filter]:
    """Return a thumbnail of as many numbers as a code, enlarged again."""
    return {f"a thumbnail of {code:,} numbers": partial(_shrink, numbers=code)}


def _shrink(picture: Pixels, numbers: int) -> Pixels:
    high, wide, channels = picture.shape
    share = min(1.0, (numbers / picture.size) ** 0.5)
    size = max(1, int(share * wide)), max(1, int(share * high))
    image = Image.fromarray(picture[..., 0] if channels == 1 else picture)
    small = image.resize(size, Image.Resampling.BICUBIC)
    return np.atleast_3d(np.asarray(small.resize((wide, high), Image.Resampling.BICUBIC)))
