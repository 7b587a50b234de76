"""Preprocessing as a module: what the nodes of `resizing` and `restoring` do, by PyTorch.

Sums of bytes times whole numbers are exact in float64, so a pass is one product of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import IGNORE

_BITS = 22  # of a weight, as in Pillow
_LUMINANCE = 19595.0, 38470.0, 7471.0  # weights of red, green and blue, of 65,536


class Placement(NamedTuple):
    """Along one axis: which part of an image lies where in the input, float64 (1,) each."""

    length: int  #: of the image
    low: Tensor  #: begin of the part in pixels of the image
    high: Tensor  #: its end
    inner: Tensor  #: its length in pixels of the input
    place: Tensor  #: where it begins there


def place(images: Tensor, view: Preprocess) -> tuple[Placement, Placement]:
    """Return where images (N, H, W, C) lie along their rows, and along their columns."""
    _, high, wide, _ = images.shape
    sides = [torch.full((1,), side, dtype=torch.float64) for side in (wide, high)]
    zero, size = sides[0] * 0, sides[0] * 0 + view.size
    if view.fit == "letterbox":
        scale = size / torch.maximum(*sides)
        inner = [torch.round(side * scale).clamp(min=1) for side in sides]
        spare = [((size - each) / 2).floor() for each in inner]
        parts = list(zip((zero, zero), sides, inner, spare, strict=True))
    elif view.fit == "crop":
        edge = torch.minimum(*sides)
        starts = [(side - edge) / 2 for side in sides]
        parts = [(start, start + edge, size, zero) for start in starts]
    else:
        parts = [(zero, side, size, zero) for side in sides]
    return Placement(wide, *parts[0]), Placement(high, *parts[1])


def add_luminance(images: Tensor) -> Tensor:
    """Return gray (N, H, W, 1) of color (N, H, W, 3), as Pillow makes it."""
    weights = torch.tensor(_LUMINANCE, dtype=torch.float64)[:, None]
    return _to_bytes(images.double() @ weights, 16)


def resize(images: Tensor, across: Placement, down: Placement, view: Preprocess) -> Tensor:
    """Return images (N, H, W, C) uint8 as `Preprocess.resize` makes them, (N, size, size, C)."""
    planes = images.permute(0, 3, 1, 2)
    rows = _to_bytes(planes.double() @ _weights(across, view), _BITS)
    both = _to_bytes(rows.transpose(2, 3).double() @ _weights(down, view), _BITS)
    return both.permute(0, 3, 2, 1)


def _weights(placed: Placement, view: Preprocess) -> Tensor:
    """Return the weight of each pixel in each of the result, (L, size) whole numbers float64."""
    at = torch.arange(view.size, dtype=torch.float64) - placed.place
    shown = (at >= 0) & (at < placed.inner)
    scale = (placed.high - placed.low) / placed.inner
    stretch = scale.clamp(min=1)
    reach = stretch * (1 if view.interpolation == "bilinear" else 2)
    center = placed.low + (at + 0.5) * scale
    first, end = (center - reach + 0.5).floor(), (center + reach + 0.5).floor()
    pixels = torch.arange(placed.length, dtype=torch.float64)[:, None]
    apart = ((pixels - center + 0.5) * (1 / stretch)).abs()
    rated = _linear(apart) if view.interpolation == "bilinear" else _cubic(apart)
    rated = torch.where((pixels >= first) & (pixels < end) & shown, rated, 0.0)
    total = torch.where(shown, rated.sum(dim=0, keepdim=True), 1.0)
    exact = rated / total * (1 << _BITS)
    return torch.where(exact < 0, (exact - 0.5).ceil(), (exact + 0.5).floor())


def _linear(apart: Tensor) -> Tensor:
    return (1 - apart).clamp(min=0)


def _cubic(apart: Tensor) -> Tensor:
    """Return the cubic convolution with a of -0.5, in the order of operations of Pillow."""
    near = (1.5 * apart - 2.5) * apart * apart + 1
    far = (((apart - 5) * apart + 8) * apart - 4) * -0.5
    return torch.where(apart < 1, near, torch.where(apart < 2, far, 0.0))


def _to_bytes(total: Tensor, bits: int) -> Tensor:
    """Divide whole numbers by a power of 2, rounded to the nearest byte."""
    return ((total + (1 << (bits - 1))) / (1 << bits)).floor().clamp(0, 255).to(torch.uint8)


def restore_boxes(boxes: Tensor, across: Placement, down: Placement) -> Tensor:
    """Return boxes (N, M, 6) in pixels of their image, clipped to it."""
    both = (across, down) * 2
    place, low = (torch.cat([each.place for each in both]), torch.cat([each.low for each in both]))
    scale = torch.cat([(each.high - each.low) / each.inner for each in both])
    sides = torch.cat([torch.full((1,), each.length, dtype=torch.float64) for each in both])
    corners = (boxes[:, :, :4].double() - place) * scale + low
    moved = torch.minimum(corners.clamp(min=0), sides)
    return torch.cat([moved.float(), boxes[:, :, 4:]], dim=2)


def restore_map(classes: Tensor, across: Placement, down: Placement) -> Tensor:
    """Return class indices (N, size, size) as (N, H, W) of their image.

    What was cropped is `IGNORE`.
    """
    (rows, high), (columns, wide) = _pick(down), _pick(across)
    found = classes.index_select(1, rows).index_select(2, columns)
    return torch.where(high[:, None] & wide, found, IGNORE)


def _pick(placed: Placement) -> tuple[Tensor, Tensor]:
    """Return which row of the input each of the image is, and whether it is there: (L,) each."""
    middles = torch.arange(placed.length, dtype=torch.float64) + 0.5
    at = (middles - placed.low) * placed.inner / (placed.high - placed.low)
    kept = torch.minimum(at.floor().clamp(min=0), placed.inner - 1)
    return (kept + placed.place).long(), (at >= 0) & (at < placed.inner)
