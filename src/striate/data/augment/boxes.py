"""Boxes that move with their augmented images."""

from __future__ import annotations

import torch
from torch import Tensor

from striate.data.augment.plan import Plan

#: share of a moved box that must be left inside the image; with less it is dropped
LEAST_LEFT = 0.1
_CLASS = 4  #: column of a box; those before are its corners


def move_boxes(boxes: Tensor, plan: Plan) -> Tensor:
    """Move (N, M, 6) boxes as `apply_plan` moves their images, of whose pixels the corners are.

    A box becomes the smallest upright one around its moved corners, cut at the border of the image
    or of its window. One of which less than `LEAST_LEFT` is left becomes padding, of class -1.
    Colors and erasing leave boxes as they are.
    """
    if plan.maps is None and plan.windows is None:
        return boxes
    high, wide = plan.size or plan.shape
    sides = torch.tensor([wide, high], dtype=torch.float64, device=boxes.device)
    moved = _moved(boxes[..., :_CLASS].double(), plan, sides)
    first, last = moved.amin(dim=2), moved.amax(dim=2)
    inside = torch.cat([first.clamp(min=0).minimum(sides), last.clamp(min=0).minimum(sides)], dim=2)
    left = (inside[..., 2:] - inside[..., :2]).prod(dim=2)
    whole = (last - first).prod(dim=2)
    kept = (boxes[..., _CLASS] >= 0) & (left > 0) & (left >= LEAST_LEFT * whole)
    padding = boxes.new_tensor([0, 0, 0, 0, -1, 0])
    placed = torch.cat([inside.to(boxes.dtype), boxes[..., _CLASS:]], dim=2)
    return torch.where(kept[..., None], placed, padding)


def _moved(corners: Tensor, plan: Plan, sides: Tensor) -> Tensor:
    """Return the four corners (N, M, 4, 2) of boxes (N, M, 4) in pixels of the result.

    `sides` are its width and height.
    """
    left, top, right, low = corners.unbind(dim=2)
    points = torch.stack((left, top, right, top, left, low, right, low), dim=2)
    points = points.unflatten(2, (4, 2))
    source = torch.tensor(plan.shape[::-1], dtype=torch.float64, device=corners.device)
    if plan.windows is not None:  # maps lead to the piece of the image that is cut first
        points = points - plan.windows.corners.flip(1).to(points)[:, None, None]
        source = torch.full_like(source, plan.windows.box)
    if plan.maps is None:
        return points
    places = plan.maps.to(corners.device)
    back = torch.linalg.inv(places[:, :, :2])
    moved = points * 2 / source - 1 - places[:, None, None, :, 2]
    return (torch.einsum("nij,nmcj->nmci", back, moved) + 1) * sides / 2
