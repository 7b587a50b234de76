"""One step: a batch forward and backward, and the weights changed by the gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn

from striate import hardware
from striate.data.loader import Batch, Pixels, Share, ahead, steps_in
from striate.distributed.group import Group
from striate.errors import DivergedError
from striate.model import Model
from striate.optim import schedule
from striate.optim.ema import Average
from striate.optim.optimizer import Optimiser
from striate.tasks import classification
from striate.training.autotune import Verdict
from striate.training.checkpoint import Position
from striate.training.forward_backward import Passes, explained
from striate.training.health import Health
from striate.training.recipe import Recipe
from striate.training.run import Run

_HOPELESS = 1e4  #: a loss in nats that no finite training comes back from


class LossError(DivergedError):
    """The loss of a step is not finite, or hopeless."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"the loss is {value:.3g}")
        self.step = step  #: of the epoch, from 1


class Unread:
    """What steps gave that nobody has read yet: to read a GPU's numbers is to wait for it."""

    def __init__(self) -> None:
        self._steps: list[tuple[Tensor, Tensor, int]] = []
        self._last = 0

    def add(self, step: int, loss: Tensor, right: Tensor, pictures: int) -> None:
        self._last = step  # of the epoch, from 1
        self._steps.append((loss.detach(), right, pictures))

    def settle(self, position: Position) -> None:
        """Add all to the sums of the epoch under way. Raises LossError."""
        if not self._steps:
            return
        losses, right, counts = zip(*self._steps, strict=True)
        values = torch.stack(losses).tolist()
        for step, value in enumerate(values, self._last - len(values) + 1):
            if not math.isfinite(value) or value > _HOPELESS:
                raise LossError(step, value)
        for value, count in zip(values, counts, strict=True):
            position.loss_sum += value * count
        position.right += int(sum(torch.stack(right).tolist()))
        position.seen += sum(counts)
        self._steps.clear()

    def forget(self) -> None:
        """Leave unread what was added."""
        self._steps.clear()


@dataclass(frozen=True)
class Training:
    """All that the loop needs."""

    model: Model
    optimiser: Optimiser
    average: Average | None
    passes: Passes
    train: Pixels
    validation: Pixels
    recipe: Recipe
    run: Run
    verdict: Verdict | None = None  #: of the trial that chose the form of a step
    group: Group = field(default_factory=Group)
    unread: Unread = field(default_factory=Unread)
    health: Health = field(default_factory=Health)

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the average where there is one."""
        return self.average.network if self.average else self.model.network

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return steps_in(len(self.train), self.recipe.batch, self.share.least)

    @property
    def share(self) -> Share:
        """What this process takes of each batch.

        A local norm needs two pictures in each part, a network that is not ours one: its forward
        may not take none.
        """
        place = self.group.place
        local = self.recipe.batch_norm == "local"
        each = 2 if local else 0 if self.model.spec.ours else 1
        return Share(place.rank, place.processes, max(2, each * place.processes))

    @property
    def judged_at_once(self) -> int:
        """Pictures of a validation: nothing is kept of a layer, so twice a step's take no more."""
        return max(self.recipe.batch, min(2 * self.recipe.batch, 256))

    def pictures(self, step: int) -> int:
        """Of a step of an epoch, from 0, those of all processes together."""
        return min(self.recipe.batch, len(self.train) - step * self.recipe.batch)

    def peak(self, position: Position) -> float:
        """The highest learning rate: a tenth of the recipe's after a recovery."""
        return self.recipe.learning_rate / (10 if position.recovered else 1)

    def rate(self, position: Position, progress: float) -> float:
        """The learning rate at a share of the training."""
        recipe = self.recipe
        return schedule.learning_rate(
            self.peak(position), progress, recipe.schedule, recipe.warm_up, position.drops
        )

    def progress(self, position: Position) -> float:
        """Share of the training done: of its steps or of its minutes, whichever is further."""
        recipe = self.recipe
        done = position.epoch * self.steps + position.step
        by_clock = position.seconds / (60 * recipe.minutes) if recipe.minutes else 0.0
        return min(1.0, max(done / (recipe.epochs * self.steps), by_clock))


def batches(training: Training, position: Position) -> Iterator[Batch]:
    """What is left of an epoch.

    Each batch is made while the one before it is learned from, but not where all cores learn: a
    second team of threads slows the first down by a quarter (docs/log.md).
    """
    recipe = training.recipe
    left = training.train.shuffled(
        recipe.batch,
        seed=recipe.seed,
        epoch=position.epoch,
        variation=recipe.variation,
        first=position.step,
        balanced=recipe.balance == "sampling",
        share=training.share,
    )
    on_cores = training.train.labels.device.type == "cpu" and recipe.threads > 1
    return left if on_cores else ahead(left)


def take(training: Training, position: Position, batch: Batch, rate: float) -> None:
    """Learn from a batch, or this process's share of it; the loss is that of the whole batch.

    Raises LossError before a weight is changed, but on a GPU later; OptionError where torch
    refuses to compute it.
    """
    recipe, total, group = training.recipe, training.steps, training.group
    device = batch.labels.device
    seed = (recipe.seed * 1_000_003 + position.epoch) * 1_000_003 + position.step
    hardware.seed(device, seed + group.place.rank * 1_000_000_007)
    together = min(
        recipe.accumulate, total - position.step // recipe.accumulate * recipe.accumulate
    )
    pictures = training.pictures(position.step)
    share = len(batch.labels) / pictures
    with (
        training.model.spec.explained(),
        explained(batch),
        group.adding_gradients(training.optimiser.params),
    ):
        loss, right = training.passes.run(batch, training.optimiser.scale * (share / together))
    loss, right = group.total(loss.detach() * share, right)
    training.unread.add(position.step + 1, loss, right, pictures)
    if device.type == "cpu":
        training.unread.settle(position)
    position.step += 1
    if position.step % recipe.accumulate == 0 or position.step == total:
        with explained(batch):  # the first update makes room for what the optimiser remembers
            _update(training, position, rate)


def _update(training: Training, position: Position, rate: float) -> None:
    """Change the weights by the gradients of the steps since the last update."""
    optimiser, recipe = training.optimiser, training.recipe
    if optimiser.ready():
        updates = (position.epoch * training.steps + position.step - 1) // recipe.accumulate
        training.health.feel(training.model.network, position, updates)
        if recipe.clip:
            optimiser.clip(recipe.clip)
        optimiser.step(rate)
    optimiser.clear()
    if training.average:
        training.average.follow(training.model.network)


def retrace(training: Training, position: Position, goal: Position) -> None:
    """Take the steps of an epoch up to another position or the epoch's end, and save nothing."""
    last = goal.step if goal.epoch == position.epoch else training.steps
    training.model.network.train()
    for batch in islice(batches(training, position), last - position.step):
        take(training, position, batch, training.rate(position, training.progress(position)))
    training.unread.settle(position)


@torch.inference_mode()
def validate(network: nn.Module, pixels: Pixels, group: Group, batch: int) -> tuple[float, float]:
    """Mean loss in nats and share right over every picture, in evaluation mode."""
    network.eval()
    group.same_statistics(network)
    loss_sum, right = 0.0, 0
    for chunk in pixels.in_order(batch, Share(group.place.rank, group.place.processes)):
        if not len(chunk.labels):
            continue  # a last batch may leave nothing for a process
        outputs = network(chunk.pictures)
        loss_sum += classification.loss(outputs, chunk.labels).item() * len(chunk.labels)
        right += int(classification.right(outputs, chunk.labels))
    sums = group.total(torch.tensor(loss_sum, dtype=torch.float64), torch.tensor(right))
    return sums[0].item() / len(pixels), sums[1].item() / len(pixels)
