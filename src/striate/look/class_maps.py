"""Class maps: where in an image a network finds what speaks for an answer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from striate.look.layers import channels_first, find_layer
from striate.look.map_layer import MapLayer
from striate.summary import opened
from striate.tasks.task import Task

Floats = NDArray[np.float32]
_BATCH = 32  #: images that are computed together


@dataclass(frozen=True)
class ClassMaps:
    """Maps of some images, and the answers that they explain; all arrays have a row an image."""

    maps: Floats  #: (N, h, w): above 0 speaks for the answer, below 0 against it
    columns: NDArray[np.int64]  #: which output is explained
    rated: Floats  #: probability, or number, of that output
    finite: NDArray[np.bool_]  #: whether outputs and map are

    def take(self, rows: NDArray[np.bool_]) -> ClassMaps:
        """Return the maps of some rows."""
        return ClassMaps(self.maps[rows], self.columns[rows], self.rated[rows], self.finite[rows])


def make_class_maps(
    network: nn.Module,
    inputs: Tensor,
    task: Task,
    layer: MapLayer,
    column: int | NDArray[np.int64] | None = None,
    *,
    batch: int = _BATCH,
) -> ClassMaps:
    """Return the maps of images (N, C, H, W) as the network takes them, at the size of the layer.

    `column` is the output that is explained, one of each image, or None: the one that leads. With
    a head that answers with means, the map is the sum of the layer's maps times the weights of the
    output (CAM, Zhou et al. 2016, https://arxiv.org/abs/1512.04150). Otherwise the weights are the
    means of the gradient (Grad-CAM, Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391). Both
    are without the max(0, map) of the latter, so that places can be ranked.
    """
    network, rows = opened(network), np.arange(len(inputs))
    parts = list[ClassMaps]()
    for few in np.split(rows, range(batch, len(rows), batch)):
        asked = column[few] if isinstance(column, np.ndarray) else column
        parts.append(_make_batch(network, inputs[few[0] : few[-1] + 1], task, layer, asked))
    fields = ("maps", "columns", "rated", "finite")
    return ClassMaps(*(np.concatenate([getattr(part, each) for part in parts]) for each in fields))


def _make_batch(
    network: nn.Module,
    inputs: Tensor,
    task: Task,
    layer: MapLayer,
    asked: int | NDArray[np.int64] | None,
) -> ClassMaps:
    with _cut(network, layer) as kept:
        outputs = network(inputs)
        sides = inputs.shape[2:]
        maps = channels_first(kept[-1], sides)
        columns = choose_columns(task, outputs.detach(), asked)
        if layer.head:
            weights = layer.head.weight[columns]
        else:
            score = task.explained(outputs.float(), columns).sum()
            (gradient,) = torch.autograd.grad(score, kept[-1])
            weights = channels_first(gradient, sides).float().mean(dim=(2, 3))
    found = torch.einsum("nc,nchw->nhw", weights.detach().float(), maps.detach().float())
    finite = outputs.detach().flatten(1).isfinite().all(dim=1) & found.flatten(1).isfinite().all(1)
    rated = rate_columns(task, outputs.detach(), columns)
    return ClassMaps(*(each.cpu().numpy() for each in (found, columns, rated, finite)))


def choose_columns(task: Task, outputs: Tensor, asked: int | NDArray[np.int64] | None) -> Tensor:
    """Return the column (N,) asked of each image, or the one that leads."""
    if asked is None:
        return task.leading(outputs.float())
    wanted = torch.as_tensor(asked, device=outputs.device)
    return wanted.expand(len(outputs))


def rate_columns(task: Task, outputs: Tensor, columns: Tensor) -> Tensor:
    """Return the probability or number (N,) of a column of each image; of a map, its mean."""
    rated = task.rate(outputs.float())
    rated = rated.reshape(*rated.shape[:2], -1).mean(dim=2)
    return rated.gather(1, columns[:, None])[:, 0].float()


def enlarge(maps: Floats, side: tuple[int, int]) -> Floats:
    """Interpolate maps (N, h, w) to the height and width of images."""
    grown = F.interpolate(torch.from_numpy(maps)[:, None], side, mode="bilinear")
    return grown[:, 0].numpy()


@contextmanager
def _cut(network: nn.Module, layer: MapLayer) -> Generator[list[Tensor]]:
    """Record gradients from a layer on only: what is before it costs what it costs to predict.

    The list holds the output of the last call. What follows gets a copy of it, which operations in
    place may change. The hook is removed when the block is left, also by an error.
    """
    kept = list[Tensor]()

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        torch.set_grad_enabled(mode=layer.head is None)
        kept[:] = [output.detach().requires_grad_(layer.head is None)]
        return kept[0].clone()

    handle = find_layer(network, layer.name).register_forward_hook(hook)
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            yield kept
    finally:
        handle.remove()
        kept.clear()
