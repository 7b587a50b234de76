"""Occlusion: how far the answer falls when a part of the image is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.errors import OptionError
from striate.look.class_maps import ClassMaps, choose_columns, rate_columns
from striate.summary import opened
from striate.tasks.task import Task

_BATCH = 64  #: covered images that are computed together


@dataclass(frozen=True)
class Occlusion:
    """A square patch of one value, moved over the image; lengths in pixels."""

    patch: int = 16
    stride: int = 8
    #: what is put in place of the image, as the network takes it; 0 is the mean of the training set
    baseline: float = 0.0

    def __post_init__(self) -> None:
        """Raise OptionError for lengths below 1, or a stride that leaves pixels uncovered."""
        if not 1 <= self.stride <= self.patch:
            raise OptionError(
                f"an occlusion needs a patch of 1 pixel or more and a stride from 1 to the patch, "
                f"but patch {self.patch} and stride {self.stride} came"
            )

    @classmethod
    def of(cls, side: int) -> Occlusion:
        """Return the patch for images of this side: a quarter of it, every eighth."""
        return cls(max(1, side // 4), max(1, side // 8))

    def __str__(self) -> str:
        value = "the mean color" if self.baseline == 0 else f"{self.baseline:g} (normalized)"
        return f"occlusion by {self.patch}x{self.patch} of {value}, every {self.stride} pixels"


def make_occlusion_maps(
    network: nn.Module,
    inputs: Tensor,
    task: Task,
    occlusion: Occlusion,
    column: int | NDArray[np.int64] | None = None,
) -> ClassMaps:
    """Return how far the explained output of images (N, C, H, W) falls under each patch.

    Maps are (N, H / stride, W / stride), rounded up: a value for the patch centered on each cell,
    cut at the borders. Zeiler and Fergus 2014, section 4.2, https://arxiv.org/abs/1311.2901.
    """
    network, height, width = opened(network), *inputs.shape[2:]
    rows, across = (-(-side // occlusion.stride) for side in (height, width))
    with torch.inference_mode():
        outputs = network(inputs).float()
        columns = choose_columns(task, outputs, column)
        before = task.explained(outputs, columns)
        falls = torch.empty(len(inputs), rows * across)
        for image in range(len(inputs)):
            for cells in torch.arange(rows * across).split(_BATCH):
                covered = inputs[image].repeat(len(cells), 1, 1, 1)
                for each, cell in zip(covered, cells.tolist(), strict=True):
                    _cover(each, occlusion, *divmod(cell, across))
                after = task.explained(network(covered).float(), columns[image].expand(len(cells)))
                falls[image, cells] = (before[image] - after).cpu()
        finite = outputs.flatten(1).isfinite().all(1).cpu() & falls.isfinite().all(1)
        rated = rate_columns(task, outputs, columns)
    maps = falls.reshape(-1, rows, across)
    return ClassMaps(*(each.cpu().numpy() for each in (maps, columns, rated, finite)))


def _cover(image: Tensor, occlusion: Occlusion, row: int, across: int) -> None:
    """Cover (C, H, W) in place with the patch whose center is that of a cell."""
    before = (occlusion.patch - occlusion.stride) // 2
    top, left = (max(0, at * occlusion.stride - before) for at in (row, across))
    bottom, right = (at * occlusion.stride - before + occlusion.patch for at in (row, across))
    image[:, top:bottom, left:right] = occlusion.baseline
