"""Autotuning: benchmark execution settings on this machine and keep the fastest.

Results are cached by network, image shape, batch size and machine.
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
from striate.data.loader import Batch, ImageDataset
from striate.data.order import count_steps
from striate.errors import StorageError
from striate.input_description import from_json
from striate.progress import Progress
from striate.tasks.task import Task
from striate.training.execution import ExecutionConfig, alternatives
from striate.training.forward_backward import make_updates, translate_torch_errors
from striate.training.recipe import Recipe
from striate.training.view import View

LEAST_STEPS = 500  #: shortest training, in steps, that is benchmarked with "auto"
_SPEEDUP = 1.05  #: least speedup that counts; smaller ones may be noise
_ROUNDS, _ROUND_SECONDS = (2, 8), 0.1  #: least and most timing rounds; time budget
_WORTH_COMPILING = {"cpu": 3600.0, "cuda": 600.0}  #: least seconds of training
_KEPT = 200  #: cached results, at most


@dataclass(frozen=True)
class TuneResult:
    """Fastest execution settings found by a benchmark."""

    execution: ExecutionConfig
    speedup: float  #: factor over the default execution


def autotune(
    network: nn.Module,
    task: Task,
    train: ImageDataset,
    recipe: Recipe,
    usual: ExecutionConfig,
    view: View,
) -> Generator[Progress, None, TuneResult | None]:
    """Benchmark other settings than the usual, or return the cached result; None if disabled."""
    device, steps = train.device, recipe.epochs * count_steps(len(train), recipe.batch)
    options, ours = recipe.options, view.network.ours
    free = alternatives(usual, options, network, recipe.threads, device, ours=ours)
    asked = options.autotune == "yes" or (options.autotune == "auto" and steps >= LEAST_STEPS)
    if not asked or not any(free.values()):
        return None
    about = {
        "view": view.to_json(), "classes": task.outputs, "batch": recipe.batch,
        "usual": asdict(usual), "free": free,
        "machine": hardware.describe_environment(device),
        **({} if view.crop is None else {"crop": view.crop}),
    }  # fmt: skip
    by_name = view.network.source != "object"  # an object has no name to cache by
    if options.autotune == "auto" and by_name and (known := _load_cached(about)):
        return known
    variation = task.ranges(recipe.augment_ranges)
    first = train.train_batches(recipe.batch, seed=options.seed, epoch=0, variation=variation)
    most = 60 * options.minutes if options.minutes and options.autotune == "auto" else math.inf
    found = yield from pick_fastest(network, task, next(first), usual, free, steps, most)
    if by_name:
        _save_cached(about, found)
    return found


def pick_fastest(
    network: nn.Module,
    task: Task,
    batch: Batch,
    usual: ExecutionConfig,
    free: Mapping[str, list[Any]],
    steps: int,
    most: float = math.inf,
) -> Generator[Progress, None, TuneResult]:
    """Return the fastest execution settings, searched greedily: one field after the other.

    `free` comes from `execution.alternatives`, `steps` is the length of the training and `most`
    its time limit in seconds. Each candidate runs on a copy of the network.
    """
    best, speedup = usual, 1.0
    changes = [{name: value} for name, values in free.items() for value in values]
    for done, change in enumerate(changes):
        yield Progress(done, len(changes), "executions")
        execution = replace(best, **change)
        ratio = _compare(network, task, batch, best, execution, steps, most)
        if ratio > _SPEEDUP:
            best, speedup = execution, speedup * ratio
    return TuneResult(best, speedup)


def _compare(
    network: nn.Module,
    task: Task,
    batch: Batch,
    one: ExecutionConfig,
    other: ExecutionConfig,
    steps: int,
    most: float,
) -> float:
    """Return the speedup of `other` over `one`; 0 if it cannot run or would not pay off."""
    with translate_torch_errors(batch):
        first = _Runner(network, task, batch, one)
        seconds = min(first.seconds(), first.seconds())
    worth = _WORTH_COMPILING[batch.device.type] if other.compiled else 0.0
    if min(steps * seconds, most) < worth or most < LEAST_STEPS * seconds:
        return 0.0
    try:
        second = _Runner(network, task, batch, other)
        second.seconds()
    except Exception:  # noqa: BLE001 - out of memory, or unsupported by the network
        return 0.0
    least, highest = _ROUNDS
    rounds = max(least, min(highest, round(_ROUND_SECONDS / seconds)))
    taken = [(first.seconds(), second.seconds()) for _ in range(rounds)]
    return min(a for a, _ in taken) / min(b for _, b in taken)


class _Runner:
    """Forward and backward passes with one execution config, on a copy of the network."""

    def __init__(
        self, network: nn.Module, task: Task, batch: Batch, execution: ExecutionConfig
    ) -> None:
        self._network = copy.deepcopy(network).train()
        self._network.to(memory_format=execution.memory_format)  # pyright: ignore
        self._updates = make_updates(task, self._network, task.loss, execution)
        self._batch = batch

    def seconds(self) -> float:
        """Time one step without the optimizer update, which is the same for all candidates."""
        device = self._batch.device
        started = time.perf_counter()
        for update in self._updates:
            update.run(self._batch)
            self._network.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started


def _load_cached(about: Mapping[str, Any]) -> TuneResult | None:
    """Return the cached result for the same network, data and machine, if there is one."""
    kept = _kept().get(json.dumps(about))
    with contextlib.suppress(ValueError):
        return from_json(TuneResult, kept) if kept else None
    return None


def _save_cached(about: Mapping[str, Any], result: TuneResult) -> None:
    """Cache a result; a write error is ignored and the benchmark runs again next time."""
    kept = {**_kept(), json.dumps(about): asdict(result)}
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
