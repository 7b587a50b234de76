"""Training of a dense network on points in the plane, epoch by epoch."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate import hardware, storage
from striate.errors import DivergedError
from striate.optim.optimizer import Optimizer
from striate.optim.schedule import learning_rate
from striate.options import PointsOptions
from striate.points.backprop import Activation, DenseNetwork, Layer, Output, Values
from striate.points.figure import write_figure
from striate.points.history import History, Score, Snapshot
from striate.samples import Points
from striate.samples.csv_points import load_points
from striate.zoo.pages.mlp import mlp

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def train_points(source: str | Path | Points, **options: Any) -> History:
    """Train a dense network on a point set by name, a CSV file or points, and return its history.

    Options are those of `striate points`; its figure is written where `out` says. Raises
    OptionError, DataError for an unusable file, and DivergedError.

    >>> train_points("moons", layers=(8, 8), at=(1, 100)).snapshots[-1].epoch
    100
    """
    chosen = PointsOptions.read(options)
    if chosen.out:
        storage.check_output(chosen.out, ())
    points = source if isinstance(source, Points) else load_points(source, chosen.arguments)
    train, test = points.split(chosen.test, chosen.seed)
    scores, drawn = list[tuple[Score, Score]](), list[Snapshot]()
    for snapshot in stream_points(train, test, chosen):
        scores.append((snapshot.train, snapshot.test))
        if snapshot.epoch in chosen.drawn:
            drawn.append(snapshot)
    history = History(train, test, chosen, tuple(scores), tuple(drawn))
    if chosen.out:
        write_figure(history, chosen.out)
    return history


def stream_points(train: Points, test: Points, options: PointsOptions) -> Generator[Snapshot]:
    """Train, and yield the network after every epoch, from epoch 0 on.

    The same seed gives the same bits. Inputs are standardized by the training points, in the first
    layer of the network. Raises DivergedError.
    """
    xy = train.xy.astype(np.float64)
    mean, std = xy.mean(axis=0), xy.std(axis=0)
    std[std == 0] = 1
    known, new = ((torch.tensor((one.xy - mean) / std).float(), torch.from_numpy(one.labels))
                  for one in (train, test))  # fmt: skip
    classes = len(train.class_names)
    network = build_dense(2, options.layers, classes, options.activation, options.seed)
    for epoch in optimize(network, *known, F.cross_entropy, options):
        scores = _score(network, *known), _score(network, *new)
        if not np.isfinite(scores[0].loss):
            raise DivergedError(
                f"the loss is no longer finite after epoch {epoch:,}; try a learning rate below "
                f"{options.learning_rate:g}"
            )
        yield Snapshot(epoch, standardized(read_dense(network, options.activation), mean, std),
                       *scores)  # fmt: skip


def build_dense(
    inputs: int, widths: tuple[int, ...], outputs: int, activation: Activation, seed: int
) -> nn.Sequential:
    """Build the zoo's mlp for inputs (N, inputs) instead of images, with weights of the seed."""
    act = _ACTIVATIONS[activation]
    with torch.random.fork_rng(devices=()):
        hardware.seed(torch.device("cpu"), seed)
        return mlp(channels=inputs, size=1, classes=outputs, widths=widths, act=act)


def optimize(
    network: nn.Module, x: Tensor, targets: Tensor, loss: Any, options: PointsOptions
) -> Generator[int]:
    """Train in one thread; yield the epoch before the first and after each."""
    optimizer = Optimizer(network, options.optimizer, options.weight_decay)
    order = torch.Generator().manual_seed(options.seed)
    rows, size, last = torch.arange(len(x)), options.batch or len(x), options.length
    with hardware.restored_settings():
        torch.set_num_threads(1)  # more would only wait for each other
        yield 0
        for epoch in range(1, last + 1):
            rate = learning_rate(options.learning_rate, (epoch - 1) / last, options.schedule, 0.0)
            if options.batch:
                rows = torch.randperm(len(x), generator=order)
            for batch in rows.split(size):
                optimizer.zero_grad()
                loss(network(x[batch]), targets[batch]).backward()
                optimizer.step(rate)
            yield epoch


@torch.no_grad()
def _score(network: nn.Module, x: Tensor, labels: Tensor) -> Score:
    outputs = network(x)
    right = (outputs.argmax(dim=1) == labels).double().mean()
    return Score(F.cross_entropy(outputs, labels).item(), right.item())


def read_dense(
    network: nn.Module, activation: Activation, output: Output = "softmax"
) -> DenseNetwork:
    """Copy the weights of a dense network."""
    layers = (module for module in network.modules() if isinstance(module, nn.Linear))
    copied = (
        Layer(*(tensor.detach().numpy().copy() for tensor in (layer.weight, layer.bias)))
        for layer in layers
    )
    return DenseNetwork(tuple(copied), activation, output)


def standardized(network: DenseNetwork, mean: Values, std: Values) -> DenseNetwork:
    """Return the network that standardizes its inputs first, all in its first layer."""
    first, *others = network.layers
    weights = first.weights / std
    layer = Layer(weights, first.biases - weights @ mean)
    return DenseNetwork((layer, *others), network.activation, network.output)
