"""The training loop: a generator of events. Whoever wants to know of a training iterates it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator
from dataclasses import replace

from striate import tensorfile
from striate.errors import DataError, DivergedError
from striate.model import save
from striate.text import counted
from striate.training import checkpoint, machine
from striate.training.checkpoint import Position
from striate.training.events import Epoch, Finished, Note, Step, Stopped
from striate.training.learning import schedule
from striate.training.recipe import Recipe
from striate.training.signals import Request
from striate.training.stepping.step import LossError, Training, batches, take, validate

_REPORTS = 20  #: Step events an epoch, about
_USUAL_PAUSE = 300.0  #: seconds between checkpoints inside an epoch


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
        try:
            yield from _steps(training, position, request, began)
        except DataError:  # a streamed picture is not what it was: once it is, the run goes on here
            _save(training, position, began)
            raise
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
    recipe, total = training.recipe, training.steps
    every = max(1, total // _REPORTS)
    training.model.network.train()
    reported, saved, tick = replace(position), time.monotonic(), time.monotonic()
    for batch in batches(training, position):
        position.waiting_seconds += time.monotonic() - tick
        progress = training.progress(position, began)
        rate = training.rate(position, progress)
        with _named(training, position, rate):
            take(training, position, batch, rate)
            last = position.step % every == 0 or position.step == total
            if last:
                training.unread.settle(position)
        now = time.monotonic()
        position.training_seconds += now - tick
        position.seconds = now - began
        if last:
            yield _report(position, reported, rate, progress)
            reported = replace(position)
        if request.signal or (recipe.minutes and position.seconds >= 60 * recipe.minutes):
            return
        if now - saved >= _pause(recipe, position) and position.step < total:
            _save(training, position, began)
            saved = time.monotonic()
        tick = time.monotonic()


def _close_epoch(training: Training, position: Position, began: float) -> Epoch:
    """Validate, save, and keep the model if it is the best so far."""
    training.optimiser.clear()  # of steps that wait for an update when the clock ends the training
    with machine.autocast(training.recipe.precision, training.validation.labels.device):
        loss, accuracy = validate(training.judged, training.validation)
    rate = training.rate(position, training.progress(position, began))
    if not math.isfinite(loss):
        what = f"the validation loss is {loss:.3g}"
        raise _diverged(training, position, what, rate, position.step)
    best = position.improves(accuracy, loss)
    train_loss, train_accuracy = position.loss_sum / position.seen, position.right / position.seen
    seconds = max(position.training_seconds, 1e-9)
    speed, waiting = position.seen / seconds, position.waiting_seconds / seconds
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
        position.seconds, best, waiting, weights,
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
    with _named(training, position, training.rate(position, training.progress(position, began))):
        training.unread.settle(position)
    started, folder, network = time.monotonic(), training.run.checkpoints, training.model.network
    try:
        checkpoint.save(folder, position, network, training.optimiser, training.average)
    except DivergedError as error:
        rate = training.rate(position, training.progress(position, began))
        raise _diverged(training, position, str(error), rate, position.step) from error
    position.saving = time.monotonic() - started


def _keep_if_best(training: Training, position: Position) -> None:
    """Let the model file and the best checkpoint be the epoch that was just saved, if it is."""
    if position.best_epoch != position.epoch:
        return
    checkpoint.keep_as_best(training.run.checkpoints)
    facts = training.model.facts | {"epoch": str(position.epoch)}
    facts["validation accuracy"] = f"{position.best_accuracy:.4f}"
    save(replace(training.model, network=training.judged, facts=facts), training.run.model_file)


def _report(now: Position, before: Position, rate: float, progress: float) -> Step:
    pictures = now.seen - before.seen
    seconds = max(now.training_seconds - before.training_seconds, 1e-9)
    return Step(
        epoch=now.epoch + 1,
        step=now.step,
        loss=(now.loss_sum - before.loss_sum) / pictures,
        accuracy=(now.right - before.right) / pictures,
        learning_rate=rate,
        pictures_per_second=pictures / seconds,
        waiting=(now.waiting_seconds - before.waiting_seconds) / seconds,
        progress=progress,
        remaining=now.seconds * (1 - progress) / progress if progress > 0 else 0.0,
    )


@contextlib.contextmanager
def _named(training: Training, position: Position, rate: float) -> Generator[None]:
    """A loss that is no use ends the training, with what the owner can do about it."""
    try:
        yield
    except LossError as error:
        raise _diverged(training, position, str(error), rate, error.step) from None


def _diverged(
    training: Training, position: Position, what: str, rate: float, step: int
) -> DivergedError:
    kept = (
        f"{training.run.model_file} keeps epoch {position.best_epoch}"
        if position.best_epoch
        else "no epoch was good enough to keep"
    )
    return DivergedError(
        f"training diverged in epoch {position.epoch + 1} at step {step}: {what} "
        f"at a learning rate of {rate:.3g}; {kept}; "
        f"try --learning-rate {training.recipe.learning_rate / 10:.3g}"
    )
