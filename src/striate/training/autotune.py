"""A short trial on the machine at hand: which form of a step is the quickest.

What it found is kept in the cache, for the same network, images and machine.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from striate import hardware, storage
from striate.cache_store import default_folder
from striate.data.listing.samples import Progress
from striate.data.loader import Batch, ImageDataset, count_steps
from striate.errors import StorageError
from striate.options import TrainOptions
from striate.training.events import from_json
from striate.training.execution import ExecutionConfig, alternatives
from striate.training.forward_backward import ForwardBackward, translate_torch_errors
from striate.training.recipe import Recipe, View

LEAST_STEPS = 500  #: of a training that is worth a trial
_GAIN = 1.05  #: what another form must be quicker by; less may be chance
_ROUNDS, _ROUND_SECONDS = (2, 8), 0.1  #: least and most, and what all of them may take if short
_WORTH_COMPILING = {"cpu": 3600.0, "cuda": 600.0}  #: seconds of a training: it takes minutes
_KEPT = 200  #: verdicts


@dataclass(frozen=True)
class TuneResult:
    """What a trial found."""

    execution: ExecutionConfig
    speedup: float  #: how many times as quick as the usual form


def autotune(
    network: nn.Module, train: ImageDataset, recipe: Recipe, view: View, options: TrainOptions
) -> Generator[Progress, None, TuneResult | None]:
    """What a trial of the step's form says, or said when it was last asked; None: no trial."""
    device, steps = train.labels.device, recipe.epochs * count_steps(len(train), recipe.batch)
    ours = view.network.ours
    free = alternatives(recipe.execution, options, network, recipe.threads, device, ours=ours)
    asked = options.autotune == "yes" or (options.autotune == "auto" and steps >= LEAST_STEPS)
    if not asked or not any(free.values()):
        return None
    about = {
        "view": view.to_json(), "classes": train.classes, "batch": recipe.batch,
        "usual": asdict(recipe.execution), "free": free, "machine": hardware.describe_environment(device),
    }  # fmt: skip
    by_name = view.network.source != "object"  # which says what an object is not
    if options.autotune == "auto" and by_name and (known := _load_cached(about)):
        return known
    first = train.train_batches(
        recipe.batch, seed=recipe.seed, epoch=0, variation=recipe.augment_ranges
    )
    most = 60 * recipe.minutes if recipe.minutes and options.autotune == "auto" else math.inf
    found = yield from pick_fastest(network, next(first), recipe.execution, free, steps, most)
    if by_name:
        _save_cached(about, found)
    return found


def pick_fastest(
    network: nn.Module,
    batch: Batch,
    usual: ExecutionConfig,
    free: Mapping[str, list[Any]],
    steps: int,
    most: float = math.inf,
) -> Generator[Progress, None, TuneResult]:
    """The quickest form of a step: of a choice after the other, the best is kept.

    `free` is what `form.others` gives, `steps` those of the training and `most` the seconds it may
    take. The network stays as it is: each form is tried on a copy.
    """
    best, gain = usual, 1.0
    changes = [{name: value} for name, values in free.items() for value in values]
    for done, change in enumerate(changes):
        yield Progress(done, len(changes), "forms of a step")
        form = replace(best, **change)
        ratio = _compare(network, batch, best, form, steps, most)
        if ratio > _GAIN:
            best, gain = form, gain * ratio
    return TuneResult(best, gain)


def _compare(
    network: nn.Module,
    batch: Batch,
    one: ExecutionConfig,
    other: ExecutionConfig,
    steps: int,
    most: float,
) -> float:
    """How many times as quick another form is; 0 where it is not worth or not able to start."""
    with translate_torch_errors(batch):
        first = _Runner(network, batch, one)
        seconds = min(first.seconds(), first.seconds())
    worth = _WORTH_COMPILING[batch.labels.device.type] if other.compiled else 0.0
    if min(steps * seconds, most) < worth or most < LEAST_STEPS * seconds:
        return 0.0
    try:
        second = _Runner(network, batch, other)
        second.seconds()
    except Exception:  # noqa: BLE001 - no memory for it, or the network cannot be computed so
        return 0.0
    least, highest = _ROUNDS
    rounds = max(least, min(highest, round(_ROUND_SECONDS / seconds)))
    taken = [(first.seconds(), second.seconds()) for _ in range(rounds)]
    return min(a for a, _ in taken) / min(b for _, b in taken)


class _Runner:
    """Steps of one form, on a copy of the network."""

    def __init__(self, network: nn.Module, batch: Batch, form: ExecutionConfig) -> None:
        self._network = copy.deepcopy(network).train()
        self._network.to(memory_format=form.memory_format)  # pyright: ignore
        self._passes, self._batch = ForwardBackward(self._network, form), batch

    def seconds(self) -> float:
        """What a step takes, the change of weights left out: it is the same for all forms."""
        device = self._batch.labels.device
        started = time.perf_counter()
        self._passes.run(self._batch)
        self._network.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started


def _load_cached(about: Mapping[str, Any]) -> TuneResult | None:
    """What a trial of the same things found, if it is still known."""
    kept = _kept().get(json.dumps(about))
    with contextlib.suppress(ValueError):
        return from_json(TuneResult, kept) if kept else None
    return None


def _save_cached(about: Mapping[str, Any], verdict: TuneResult) -> None:
    """Keep what was found; where nothing can be written, it is found anew the next time."""
    kept = {**_kept(), json.dumps(about): asdict(verdict)}
    newest = dict(list(kept.items())[-_KEPT:])
    with contextlib.suppress(StorageError, OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        storage.write(_file(), json.dumps(newest, indent=1))


def _kept() -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return storage.read_json(_file())
    return {}


def _file() -> Path:
    return default_folder() / "trials.json"
