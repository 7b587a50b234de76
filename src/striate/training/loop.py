"""The training loop: a generator of events. Whoever wants to know of a training iterates it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor, nn

from striate import tensorfile
from striate.data.batches import Batch, Pixels, steps_in
from striate.errors import DivergedError
from striate.layers import Outputs
from striate.model import Model, save
from striate.tasks import classification
from striate.text import counted
from striate.training import checkpoint, machine
from striate.training.checkpoint import Position
from striate.training.events import Epoch, Finished, Note, Step, Stopped
from striate.training.learning import schedule
from striate.training.learning.average import Average
from striate.training.learning.optimiser import Optimiser
from striate.training.recipe import Recipe
from striate.training.run import Run
from striate.training.signals import Request

_REPORTS = 20  #: Step events an epoch, about
_USUAL_PAUSE = 300.0  #: seconds between checkpoints inside an epoch
_HOPELESS = 1e4  #: a loss in nats that no finite training comes back from


@dataclass(frozen=True)
class Training:
    """All that the loop needs."""

    model: Model
    optimiser: Optimiser
    average: Average | None
    class_weights: Tensor | None  #: (classes,) on the device: what a picture counts in the loss
    train: Pixels
    validation: Pixels
    recipe: Recipe
    run: Run

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the average where there is one."""
        return self.average.network if self.average else self.model.network


def fit(training: Training, position: Position, request: Request) -> Generator[
    Step | Epoch | Note | Stopped | Finished
]:  # fmt: skip
    """Train from a position to the end of the recipe, saving after every epoch.

    Ends early, after the step under way, when a signal is requested. Raises DivergedError when the
    loss is no longer finite: the last checkpoint and the model file are those before.
    """
    recipe, began = training.recipe, time.monotonic() - position.seconds
    if position.closed and position.step == 0:  # a kill may have come before all was done
        _keep_if_best(training, position)
        if position.closed not in training.run.epochs():
            yield position.closed
    while not _over(recipe, position):
        yield from _steps(training, position, request, began)
        position.seconds = time.monotonic() - began
        if request.signal:
            _save(training, position, began)
            yield Stopped(training.run.folder, request.signal, position.epoch + 1, position.step)
            return
        yield _close_epoch(training, position, began)
    if _hopes_no_more(recipe, position):
        yield Note(
            f"stopped early: no epoch was better on validation than epoch {position.best_epoch} "
            f"for {counted(position.epoch - position.best_epoch, 'epoch')}"
        )
    yield Finished(
        training.run.folder,
        position.epoch,
        position.best_epoch,
        position.best_accuracy,
        position.seconds,
    )


def _over(recipe: Recipe, position: Position) -> bool:
    out_of_time = recipe.minutes is not None and position.seconds >= 60 * recipe.minutes
    done = position.epoch >= recipe.epochs or (out_of_time and position.step == 0)
    return done or _hopes_no_more(recipe, position)


def _hopes_no_more(recipe: Recipe, position: Position) -> bool:
    waited = position.epoch - position.best_epoch
    return recipe.patience is not None and waited >= recipe.patience


def _steps(
    training: Training, position: Position, request: Request, began: float
) -> Generator[Step]:
    """The rest of an epoch, or as much of it as clock and signals allow."""
    recipe = training.recipe
    total = steps_in(len(training.train), recipe.batch)
    every = max(1, total // _REPORTS)
    batches = _batches(training, position)
    training.model.network.train()
    reported, since = replace(position), time.monotonic()
    saved = since
    for batch in batches:
        progress = _progress(recipe, position, total, began)
        rate = _rate(recipe, position, progress)
        started = time.monotonic()
        _step(training, position, batch, rate, total)
        position.training_seconds += time.monotonic() - started
        if position.step % every == 0 or position.step == total:
            yield _report(position, reported, rate, since, progress, began)
            reported, since = replace(position), time.monotonic()
        now = time.monotonic()
        position.seconds = now - began
        if request.signal or (recipe.minutes and position.seconds >= 60 * recipe.minutes):
            return
        if now - saved >= _pause(recipe, position) and position.step < total:
            _save(training, position, began)
            saved = time.monotonic()


def retrace(training: Training, position: Position, goal: Position) -> None:
    """Take the steps of an epoch up to another position or the epoch's end, and save nothing."""
    recipe, total = training.recipe, steps_in(len(training.train), training.recipe.batch)
    last = goal.step if goal.epoch == position.epoch else total
    training.model.network.train()
    for batch in islice(_batches(training, position), last - position.step):
        progress = _progress(recipe, position, total, time.monotonic())
        _step(training, position, batch, _rate(recipe, position, progress), total)


def _batches(training: Training, position: Position) -> Iterator[Batch]:
    """What is left of an epoch."""
    recipe = training.recipe
    return training.train.shuffled(
        recipe.batch,
        seed=recipe.seed,
        epoch=position.epoch,
        variation=recipe.variation,
        first=position.step,
        balanced=recipe.balance == "sampling",
    )


def _step(training: Training, position: Position, batch: Batch, rate: float, total: int) -> None:
    recipe = training.recipe
    seed = (recipe.seed * 1_000_003 + position.epoch) * 1_000_003 + position.step
    machine.seed(batch.labels.device, seed)
    with machine.autocast(recipe.precision, batch.labels.device):
        outputs: Tensor | Outputs = training.model.network(batch.pictures)
        loss = classification.loss(
            outputs, batch.labels, smoothing=recipe.smoothing, weights=training.class_weights
        )
    value, count = loss.item(), len(batch.labels)
    if not math.isfinite(value) or value > _HOPELESS:
        raise _diverged(training, position, f"the loss is {value:.3g}", rate)
    together = min(
        recipe.accumulate, total - position.step // recipe.accumulate * recipe.accumulate
    )
    (loss / together).backward()
    position.step += 1
    if position.step % recipe.accumulate == 0 or position.step == total:
        _update(training, rate)
    position.loss_sum += value * count
    position.right += int(classification.right(outputs, batch.labels))
    position.seen += count


def _update(training: Training, rate: float) -> None:
    """Change the weights by the gradients of the steps since the last update."""
    if training.recipe.clip:
        training.optimiser.clip(training.recipe.clip)
    training.optimiser.step(rate)
    training.optimiser.clear()
    if training.average:
        training.average.follow(training.model.network)


def _close_epoch(training: Training, position: Position, began: float) -> Epoch:
    """Validate, save, and keep the model if it is the best so far."""
    training.optimiser.clear()  # of steps that wait for an update when the clock ends the training
    with machine.autocast(training.recipe.precision, training.validation.labels.device):
        loss, accuracy = validate(training.judged, training.validation)
    recipe, total = training.recipe, steps_in(len(training.train), training.recipe.batch)
    rate = _rate(recipe, position, _progress(recipe, position, total, began))
    if not math.isfinite(loss):
        raise _diverged(training, position, f"the validation loss is {loss:.3g}", rate)
    best = position.improves(accuracy, loss)
    train_loss, train_accuracy = position.loss_sum / position.seen, position.right / position.seen
    speed = position.seen / max(position.training_seconds, 1e-9)
    if best:
        position.best_epoch = position.epoch + 1
        position.best_accuracy, position.best_loss = accuracy, loss
    position.next_epoch()
    if schedule.is_plateau(position.epoch, position.best_epoch, position.last_drop):
        position.drops, position.last_drop = position.drops + 1, position.epoch
    position.seconds = time.monotonic() - began
    weights = tensorfile.digest(training.model.network.state_dict())
    epoch = Epoch(
        position.epoch, train_loss, train_accuracy, loss, accuracy, rate, speed,
        position.seconds, best, weights,
    )  # fmt: skip
    position.closed = epoch
    _save(training, position, began)
    _keep_if_best(training, position)
    return epoch


def _pause(recipe: Recipe, position: Position) -> float:
    """Seconds between checkpoints: what was asked for, or so many that they cost below 1 %."""
    if recipe.checkpoint_minutes is not None:
        return 60 * recipe.checkpoint_minutes
    return max(_USUAL_PAUSE, 100 * position.saving)


def _save(training: Training, position: Position, began: float) -> None:
    started, folder, network = time.monotonic(), training.run.checkpoints, training.model.network
    try:
        checkpoint.save(folder, position, network, training.optimiser, training.average)
    except DivergedError as error:
        recipe, total = training.recipe, steps_in(len(training.train), training.recipe.batch)
        progress = _progress(recipe, position, total, began)
        rate = _rate(recipe, position, progress)
        raise _diverged(training, position, str(error), rate) from error
    position.saving = time.monotonic() - started


def _keep_if_best(training: Training, position: Position) -> None:
    """Let the model file and the best checkpoint be the epoch that was just saved, if it is."""
    if position.best_epoch != position.epoch:
        return
    checkpoint.keep_as_best(training.run.checkpoints)
    facts = training.model.facts | {"epoch": str(position.epoch)}
    facts["validation accuracy"] = f"{position.best_accuracy:.4f}"
    save(replace(training.model, network=training.judged, facts=facts), training.run.model_file)


def _rate(recipe: Recipe, position: Position, progress: float) -> float:
    return schedule.learning_rate(
        recipe.learning_rate, progress, recipe.schedule, recipe.warm_up, position.drops
    )


@torch.inference_mode()
def validate(network: nn.Module, pixels: Pixels, batch: int = 256) -> tuple[float, float]:
    """Mean loss in nats and share right over every picture, in evaluation mode."""
    network.eval()
    loss_sum, right = 0.0, 0
    for chunk in pixels.in_order(batch):
        outputs = network(chunk.pictures)
        loss_sum += classification.loss(outputs, chunk.labels).item() * len(chunk.labels)
        right += int(classification.right(outputs, chunk.labels))
    return loss_sum / len(pixels), right / len(pixels)


def _progress(recipe: Recipe, position: Position, total: int, began: float) -> float:
    """Share of the training done: of its steps or of its minutes, whichever is further."""
    by_steps = (position.epoch * total + position.step) / (recipe.epochs * total)
    by_clock = (time.monotonic() - began) / (60 * recipe.minutes) if recipe.minutes else 0.0
    return min(1.0, max(by_steps, by_clock))


def _report(now: Position, before: Position, rate: float, since: float,
            progress: float, began: float) -> Step:  # fmt: skip
    pictures = now.seen - before.seen
    passed = time.monotonic() - began
    return Step(
        epoch=now.epoch + 1,
        step=now.step,
        loss=(now.loss_sum - before.loss_sum) / pictures,
        accuracy=(now.right - before.right) / pictures,
        learning_rate=rate,
        pictures_per_second=pictures / max(time.monotonic() - since, 1e-9),
        progress=progress,
        remaining=passed * (1 - progress) / progress if progress > 0 else 0.0,
    )


def _diverged(training: Training, position: Position, what: str, rate: float) -> DivergedError:
    kept = (
        f"{training.run.model_file} keeps epoch {position.best_epoch}"
        if position.best_epoch
        else "no epoch was good enough to keep"
    )
    return DivergedError(
        f"training diverged in epoch {position.epoch + 1} at step {position.step + 1}: {what} "
        f"at a learning rate of {rate:.3g}; {kept}; "
        f"try --learning-rate {training.recipe.learning_rate / 10:.3g}"
    )
