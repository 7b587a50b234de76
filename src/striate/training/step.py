"""One training step: forward, backward, gradient accumulation and optimizer update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate import hardware
from striate.data.loader import Batch, ImageDataset
from striate.data.order import BatchShard, count_steps
from striate.data.prefetch import prefetch
from striate.distributed.group import Group
from striate.model import Model
from striate.optim import schedule
from striate.optim.ema import EMA
from striate.optim.optimizer import Optimizer
from striate.tasks.task import Task
from striate.training.autotune import TuneResult
from striate.training.checkpoint import Learner, TrainState
from striate.training.execution import ExecutionConfig
from striate.training.features import FeatureDataset
from striate.training.forward_backward import ForwardBackward, translate_torch_errors
from striate.training.freezing import Freezing
from striate.training.health import GradientMonitor
from striate.training.pending import PendingMetrics
from striate.training.recipe import Recipe
from striate.zoo.stages import split_network


@dataclass(frozen=True)
class Training:
    """State and settings of a training, as used by the loop."""

    model: Model
    optimizer: Optimizer
    ema: EMA | None
    updates: tuple[ForwardBackward, ...]  #: of each step, one after another
    train: ImageDataset | FeatureDataset
    validation: ImageDataset | FeatureDataset
    recipe: Recipe
    pending: PendingMetrics
    tuned: TuneResult | None = None  #: autotuning result, if any
    group: Group = field(default_factory=Group)
    health: GradientMonitor = field(default_factory=GradientMonitor)
    freezing: Freezing = field(default_factory=Freezing)
    thawed: Training | None = None  #: the same training from epoch `freezing.thaw_at`
    front: int = 0  #: stages in front, whose outputs `train` and `validation` hold; 0: images
    front_seconds: float = 0.0  #: that this process took to compute these outputs

    def rest_of(self, network: nn.Module) -> nn.Module:
        """Return the part of the model's network, or of its average, that takes the batches."""
        halves = split_network(network, self.front)
        return network if halves is None else halves[1]

    def begin_epoch(self, state: TrainState) -> Training:
        """Set modes, gradients and threads for the epoch of `state`; return how it trains."""
        self.freezing.begin_epoch(self.model.network, state.epoch)
        if self.thawed is None:
            return self
        thaws = not self.freezing.stages_in(state.epoch)
        torch.set_num_threads(self.recipe.whole_threads if thaws else self.recipe.threads)
        return self.thawed if thaws else self

    @property
    def learner(self) -> Learner:
        """What it changes: all but stages in front that are never thawed, where it has any."""
        network, frozen = self.model.network, frozenset[str]()
        if self.front and self.thawed is None:
            stages = self.freezing.stages
            frozen = frozenset(n for n in network.state_dict() if n.partition(".")[0] in stages)
        return Learner(network, self.optimizer, self.ema, frozen)

    @property
    def execution(self) -> ExecutionConfig:
        """Execution settings of its steps."""
        return self.updates[0].execution

    @property
    def eval_network(self) -> nn.Module:
        """The network that is validated and saved: the EMA if there is one."""
        return self.ema.network if self.ema else self.model.network

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return count_steps(len(self.train), self.recipe.batch, self.shard.min_images)

    @property
    def shard(self) -> BatchShard:
        """The shard of each batch that this rank trains on.

        With local batch norm a shard needs two images; for a custom network one, as its forward
        may fail on an empty batch.
        """
        process = self.group.process
        local = self.recipe.options.batch_norm == "local"
        each = 2 if local else 0 if self.model.spec.ours else 1
        return BatchShard(process.rank, process.world_size, max(2, each * process.world_size))

    @property
    def eval_batch(self) -> int:
        """Validation batch size: up to twice the training batch, as no activations are kept.

        Where windows are trained on, as many pixels in whole images.
        """
        most = max(self.recipe.batch, min(2 * self.recipe.batch, 256))
        if self.train.crop is None:
            return most
        return max(1, most * self.train.crop.side**2 // self.train.preprocess.size**2)

    def images(self, step: int) -> int:
        """Return the global batch size of a step, counted from 0."""
        return min(self.recipe.batch, len(self.train) - step * self.recipe.batch)

    def peak_learning_rate(self, state: TrainState) -> float:
        """Return the peak learning rate: a tenth of the recipe's after a recovery."""
        return self.recipe.learning_rate / (10 if state.recovered else 1)

    def learning_rate(self, state: TrainState, progress: float) -> float:
        """Return the learning rate at `progress`, the fraction of the training done."""
        recipe = self.recipe
        return schedule.learning_rate(
            self.peak_learning_rate(state),
            progress,
            recipe.options.schedule,
            recipe.warmup,
            state.drops,
        )

    def progress(self, state: TrainState) -> float:
        """Return the fraction of the training done, by steps or minutes, whichever is larger."""
        minutes = self.recipe.options.minutes
        done = state.epoch * self.steps + state.step
        by_clock = state.seconds / (60 * minutes) if minutes else 0.0
        return min(1.0, max(done / (self.recipe.epochs * self.steps), by_clock))


def train_batches(training: Training, state: TrainState) -> Iterator[Batch]:
    """Yield the remaining batches of the epoch.

    The next batch is prefetched during a step, except in multi-threaded CPU training: a second
    thread pool slows the first down by a quarter (docs/log.md).
    """
    recipe, options = training.recipe, training.recipe.options
    left = training.train.train_batches(
        recipe.batch,
        seed=options.seed,
        epoch=state.epoch,
        variation=training.model.task.ranges(recipe.augment_ranges),
        first=state.step,
        balanced=options.balance == "sampling",
        shard=training.shard,
    )
    on_cores = training.train.device.type == "cpu" and recipe.threads > 1
    return left if on_cores else prefetch(left)


def train_step(training: Training, state: TrainState, batch: Batch, rate: float) -> None:
    """Train on a batch, or this rank's shard of it; the loss is that of the whole batch.

    Raises LossError before the weights change by the last of its updates (on a GPU later, at the
    flush), OptionError if out of memory or not deterministic.
    """
    options, device, step = training.recipe.options, batch.device, state.step
    seed = (options.seed * 1_000_003 + state.epoch) * 1_000_003 + step
    hardware.seed(device, seed + training.group.process.rank * 1_000_000_007)
    state.step += 1
    loss, sums = torch.zeros((), device=device), dict[str, Tensor]()
    *others, last = training.updates
    for update in others:
        found, counted = _run(training, step, batch, update)
        loss, sums = loss + found, {**sums, **counted}
        _update(training, state, batch, rate)
    found, counted = _run(training, step, batch, last)
    training.pending.add(state.step, loss + found, {**sums, **counted}, training.images(step))
    if device.type == "cpu":
        training.pending.flush(state)
    if state.step % options.accumulate == 0 or state.step == training.steps:
        _update(training, state, batch, rate)
        if training.ema:
            training.ema.update(training.model.network)


def _run(
    training: Training, step: int, batch: Batch, update: ForwardBackward
) -> tuple[Tensor, dict[str, Tensor]]:
    """Accumulate the gradients of an update in a step, from 0.

    Returns loss and sums of the whole batch.
    """
    accumulated, group = training.recipe.options.accumulate, training.group
    together = min(accumulated, training.steps - step // accumulated * accumulated)
    share = len(batch) / training.images(step)
    with (
        training.model.spec.explained(),
        translate_torch_errors(batch),
        group.all_reduce_gradients(training.optimizer.params),
    ):
        loss, sums = update.run(batch, training.optimizer.scale * (share / together))
    loss, *totals = group.all_reduce_sum(loss.detach() * share, *sums.values())
    return loss, dict(zip(sums, totals, strict=True))


def _update(training: Training, state: TrainState, batch: Batch, rate: float) -> None:
    """Update the weights from the accumulated gradients; skip it if scaled ones overflowed."""
    optimizer, options = training.optimizer, training.recipe.options
    with translate_torch_errors(batch):  # may run out of memory too
        if optimizer.grads_finite():
            updates = (state.epoch * training.steps + state.step - 1) // options.accumulate
            training.health.record(training.model.network, state, updates)
            if options.clip_grad:
                optimizer.clip_grad_norm(options.clip_grad)
            optimizer.step(rate)
        optimizer.zero_grad()


def replay(training: Training, state: TrainState, goal: TrainState) -> None:
    """Repeat the steps up to state `goal`, or the end of the epoch, without saving."""
    training = training.begin_epoch(state)
    last = goal.step if goal.epoch == state.epoch else training.steps
    for batch in islice(train_batches(training, state), last - state.step):
        train_step(training, state, batch, training.learning_rate(state, training.progress(state)))
    training.pending.flush(state)


def _table(row: Tensor, images: int) -> Tensor:
    """Return zeros on the CPU for a row like the first of a tensor for each image."""
    return torch.zeros((images, *row.shape[1:]), dtype=row.dtype)


@torch.inference_mode()
def validate(
    network: nn.Module, task: Task, images: ImageDataset | FeatureDataset, group: Group, batch: int
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """Return mean loss and the task's sums over all images, in evaluation mode."""
    network.eval()
    group.broadcast_buffers(network)
    loss_sum, sums = torch.zeros((), dtype=torch.float64), dict(task.zero_sums())
    rows = dict[str, Tensor]()
    rank, ranks = group.process.rank, group.process.world_size
    for place, chunk in enumerate(images.eval_batches(batch, BatchShard(rank, ranks))):
        if not len(chunk):
            continue  # the last batch may leave a rank without images
        outputs = network(chunk.images)
        loss_sum += task.loss(outputs, chunk.targets).item() * len(chunk)
        for name, new in task.count_validation(outputs, chunk.targets).items():
            sums[name] = sums[name] + new.cpu()
        first = (rank + place * ranks) * batch
        for name, new in task.keep(outputs, chunk.targets).items():
            table = rows.setdefault(name, _table(new, len(images)))
            table[first : first + len(chunk)] = new.cpu()
    if not group.is_single and not rows:
        chunk = next(images.eval_batches(1))  # a rank without images adds rows of zeros
        kept = task.keep(network(chunk.images), chunk.targets)
        rows = {name: _table(new, len(images)) for name, new in kept.items()}
    loss_sum, *totals = group.all_reduce_sum(loss_sum, *sums.values(), *rows.values())
    names = (*sums, *rows)
    arrays = {name: total.double().numpy() for name, total in zip(names, totals, strict=True)}
    whole = task.validation_loss(arrays)
    return loss_sum.item() / len(images) if whole is None else whole, arrays
