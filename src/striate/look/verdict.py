"""Whether a map can be believed: against random orders, and against random weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.look.class_maps import ClassMaps, Floats, enlarge, rate_columns
from striate.look.field import randomize_weights
from striate.summary import opened
from striate.tasks.task import Task

#: (network, images (N, C, H, W), columns (N,)) -> their maps
Maker = Callable[[nn.Module, Tensor, NDArray[np.int64]], ClassMaps]
_BATCH = 64  #: images that are computed together
_BLUR = 0.15  #: standard deviation of what insertion begins with, as a share of the image's side


@dataclass(frozen=True)
class Trial:
    """How images are judged."""

    steps: int = 10  #: in which the pixels are deleted or inserted
    orders: int = 10  #: random orders, as coarse as the map
    networks: int = 3  #: networks with random weights
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise OptionError for counts below 1."""
        for name in ("steps", "orders", "networks"):
            if (value := getattr(self, name)) < 1:
                raise OptionError(f"a verdict needs 1 or more {name}, but {value} came")


@dataclass(frozen=True)
class Curves:
    """What the network gives while pixels are deleted, or inserted, of N images."""

    of_map: Floats  #: (N, steps + 1), most important pixels first
    of_random: Floats  #: (N, orders, steps + 1)

    @property
    def areas(self) -> tuple[Floats, Floats]:
        """Return the areas under the curves, (N,) and (N, orders); pixels count as a share."""
        return _area(self.of_map), _area(self.of_random)


def judge_maps(
    network: nn.Module, inputs: Tensor, task: Task, found: ClassMaps, make: Maker, trial: Trial
) -> tuple[Curves, Curves, Floats]:
    """Return the curves of deletion and of insertion, and rank correlations (N, networks).

    Deletion puts the mean color in place of pixels, the most important first; insertion begins with
    the blurred image (Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421). Random orders are of
    random maps of the same size, enlarged as the map. Correlations are the magnitudes of
    Spearman's, between a map and that of the same output with random weights (Adebayo et al. 2018,
    https://arxiv.org/abs/1810.03292); 0 where one is constant.
    """
    network = opened(network)
    blurred = _blur(inputs.float()).to(inputs.dtype)
    curves = [
        _trace(network, start, end, task, found, trial)
        for start, end in ((inputs, torch.zeros_like(inputs)), (blurred, inputs))
    ]
    ranks = np.empty((len(inputs), trial.networks), np.float32)
    for number in range(trial.networks):
        other = make(randomize_weights(network, trial.seed + number), inputs, found.columns)
        pairs = zip(found.maps, other.maps, strict=True)
        ranks[:, number] = [abs(correlate_ranks(*pair)) for pair in pairs]
    return curves[0], curves[1], ranks


def _trace(
    network: nn.Module, start: Tensor, end: Tensor, task: Task, found: ClassMaps, trial: Trial
) -> Curves:
    """Follow the answers from one version of the images to another, pixel by pixel of an order."""
    generator, (rows, across) = np.random.default_rng(trial.seed), found.maps.shape[1:]
    lines, (height, width) = list[Floats](), start.shape[2:]
    for image in range(len(start)):
        random = generator.random((trial.orders, rows, across), np.float32)
        maps = enlarge(np.concatenate([found.maps[image][None], random]), (height, width))
        column = int(found.columns[image])
        lines.append(_follow(network, start[image], end[image], task, column, maps, trial.steps))
    every = np.stack(lines)
    return Curves(every[:, 0], every[:, 1:])


@torch.inference_mode()
def _follow(
    network: nn.Module,
    start: Tensor,
    end: Tensor,
    task: Task,
    column: int,
    maps: Floats,
    steps: int,
) -> Floats:
    """Return the answers (M, steps + 1) of an image that changes in orders of maps (M, H, W)."""
    pixels = maps[0].size
    places = np.empty((len(maps), pixels), np.int64)  # of each pixel in the order
    first = np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable")
    np.put_along_axis(places, first, np.arange(pixels)[None], axis=1)
    place = torch.from_numpy(places.reshape(maps.shape)).to(start.device)
    jobs = [
        (number, step * pixels // steps) for number in range(len(maps)) for step in range(steps + 1)
    ]
    rated = list[Tensor]()
    for at in range(0, len(jobs), _BATCH):
        few = jobs[at : at + _BATCH]
        changed = torch.stack([place[number] < most for number, most in few])[:, None]
        outputs = network(torch.where(changed, end, start)).float()
        rated.append(rate_columns(task, outputs, outputs.new_full((len(few),), column).long()))
    return torch.cat(rated).cpu().numpy().reshape(len(maps), steps + 1)


def _blur(inputs: Tensor) -> Tensor:
    """Blur images (N, C, H, W) with a Gaussian that leaves hardly more than colors."""
    for axis in (2, 3):
        sigma = _BLUR * inputs.shape[axis]
        reach = min(math.ceil(2 * sigma), inputs.shape[axis] - 1)
        taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1.0) / sigma) ** 2).to(inputs)
        shape = [1, 1, 1, 1]
        shape[axis] = len(taps)
        kernel = (taps / taps.sum()).reshape(shape).repeat(inputs.shape[1], 1, 1, 1)
        pad = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
        padded = F.pad(inputs, pad, mode="reflect")
        inputs = F.conv2d(padded, kernel, groups=inputs.shape[1])
    return inputs


def _area(curves: Floats) -> Floats:
    """Return the mean height of curves (..., steps + 1), by the trapezoidal rule."""
    return ((curves[..., 1:] + curves[..., :-1]) / 2).mean(axis=-1)


def correlate_ranks(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation of two arrays, ties at their mean rank; 0 if undefined."""
    ranks = [_rank(each.ravel()) for each in (one, other)]
    spreads = [each.std() for each in ranks]
    if not all(spreads) or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return 0.0
    centered = [each - each.mean() for each in ranks]
    return float(np.mean(centered[0] * centered[1]) / (spreads[0] * spreads[1]))


def _rank(values: NDArray[np.floating]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]
