"""What the training of a network will take, foretold from its anatomy and a few timed steps."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from striate import hardware, tensorfile
from striate.data.listing.columns import rows_in_split
from striate.distributed.group import Group
from striate.options import PredictOptions, TrainOptions
from striate.progress import Progress
from striate.training import checkpoint
from striate.training.checkpoint import TrainState
from striate.training.memory import MemoryBudget
from striate.training.prepare import PreparedData, prepare_data
from striate.training.setup import build_training
from striate.training.step import Training, train_batches, train_step

_STEPS, _ROUNDS = 8, 5  #: timed after a first one
_SECONDS = 3.0  #: after which no further step or round is timed


@dataclass(frozen=True)
class Requirements:
    """What a network is, and what it takes on these images and this machine."""

    network: str
    params: int
    memory: int | None  #: bytes of a training step, at least; None: unknown
    epoch_seconds: float
    milliseconds: float  #: an image, in batches as `predict` takes them


def foretell(data: Path, options: TrainOptions) -> Generator[Progress, None, Requirements]:
    """Build a training and time a few of its steps; writes nothing but the caches.

    Raises OptionError where the network does not suit the task, or a step does not fit into memory.
    """
    assert isinstance(options.network, str)
    device = hardware.choose_device(options.device)
    with hardware.restored_settings():
        dataset = yield from prepare_data(data, options)
        training = yield from build_training(dataset, options, device, Group())
        room = MemoryBudget(training.model.network, dataset.view, None)
        step = _time_steps(training)
        image = _time_images(training, dataset)
        saving = _time_saving(training)
    images = dataset.counts()["validation"]
    return Requirements(
        options.network,
        sum(param.numel() for param in training.model.network.parameters()),
        room.required_bytes(training.recipe.batch),
        training.steps * step + images * image + saving,
        1000 * image,
    )


def _time_steps(training: Training) -> float:
    """Return the median seconds of a step, with its batch."""
    state, taken = TrainState(), list[float]()
    training = training.begin_epoch(state)
    began = tick = time.perf_counter()
    for batch in islice(train_batches(training, state), _STEPS + 1):
        train_step(training, state, batch, training.learning_rate(state, 0.0))
        training.pending.flush(state)
        now = time.perf_counter()
        taken.append(now - tick)
        tick = now
        if now - began > _SECONDS:
            break
    return median(taken[1:] or taken)


def _time_images(training: Training, dataset: PreparedData) -> float:
    """Return the median seconds of an image, from its pixels to what is answered."""
    rows = rows_in_split(dataset.decoded.samples, "validation")[: PredictOptions().batch]
    pixels = np.asarray(dataset.decoded.pixels[rows])
    taken, began = list[float](), time.perf_counter()
    with torch.no_grad():
        for _ in range(_ROUNDS + 1):
            tick = time.perf_counter()
            training.model.decode(pixels)
            taken.append(time.perf_counter() - tick)
            if time.perf_counter() - began > _SECONDS:
                break
    return median(taken[1:] or taken) / len(rows)


def _time_saving(training: Training) -> float:
    """Return the median seconds of the checkpoint and the digest at the end of an epoch.

    They are most of an epoch of few images, as that of a network whose frozen part is cached.
    """
    network, taken, began = training.model.network, list[float](), time.perf_counter()
    tensors = training.learner.tensors()
    with TemporaryDirectory() as folder:
        for _ in range(_ROUNDS):
            tick = time.perf_counter()
            tensorfile.digest(network.state_dict())
            checkpoint.save(Path(folder), TrainState(), tensors)
            taken.append(time.perf_counter() - tick)
            if time.perf_counter() - began > _SECONDS:
                break
    return median(taken)
