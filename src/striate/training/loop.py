"""The training loop: a generator of events. Whoever wants to know of a training iterates it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import replace

from striate import hardware, tensorfile
from striate.data.loader import Batch
from striate.distributed.signals import Request
from striate.errors import DataError, DivergedError, ModelError, StorageError
from striate.model import save
from striate.optim import schedule
from striate.text import count_noun
from striate.training import checkpoint, health, sync
from striate.training.checkpoint import TrainState
from striate.training.events import Epoch, Finished, Note, Step, Stopped
from striate.training.health import CHECKED_IMAGES, check_activations
from striate.training.recipe import Recipe
from striate.training.step import LossError, Training, train_batches, train_step, validate

_REPORTS = 20  #: Step events an epoch, about
_USUAL_PAUSE = 300.0  #: seconds between checkpoints inside an epoch


def fit(training: Training, position: TrainState, request: Request) -> Generator[
    Step | Epoch | Note | Stopped | Finished
]:  # fmt: skip
    """Train from a position to the end of the recipe, saving after every epoch.

    Ends early, after the step under way, when a signal is requested. Raises DivergedError when the
    loss is no longer finite: the last checkpoint and the model file are those before.
    """
    recipe, began = training.recipe, time.monotonic() - position.seconds
    if position.last_epoch and position.step == 0:  # a kill may have come before all was done
        _keep(training, position)
        if position.last_epoch not in training.run.epochs():
            yield position.last_epoch
    if recipe.recover and position == TrainState():
        _save(training, position)
        if training.group.is_main:
            checkpoint.copy_as(checkpoint.EPOCH, training.run.checkpoints)
    while not _over(recipe, position):
        try:
            yield from _steps(training, position, request, began)
            if request.signal:
                _save(training, position)
                folder, step = training.run.folder, position.step
                yield Stopped(folder, request.signal, position.epoch + 1, step)
                return
            yield from _close_epoch(training, position, request, began)
        except _LostError as failure:
            position = _back(training, position, failure)
            _save(training, position)
            where = f"the end of epoch {position.epoch}" if position.epoch else "the start"
            yield Note(f"{failure.what}; back to {where}, once, and on with a tenth of the rate")
        except DataError:  # a streamed picture is not what it was: once it is, the run goes on here
            _save(training, position)
            raise
    if _hopes_no_more(recipe, position):
        yield Note(
            f"stopped early: no epoch was better on validation than epoch {position.best_epoch} "
            f"for {count_noun(position.epoch - position.best_epoch, 'epoch')}"
        )
    yield Finished(
        training.run.folder,
        position.epoch,
        position.best_epoch,
        position.best_accuracy,
        position.seconds,
    )


def _over(recipe: Recipe, position: TrainState) -> bool:
    out_of_time = recipe.minutes is not None and position.seconds >= 60 * recipe.minutes
    done = position.epoch >= recipe.epochs or (out_of_time and position.step == 0)
    return done or _hopes_no_more(recipe, position)


def _hopes_no_more(recipe: Recipe, position: TrainState) -> bool:
    waited = position.epoch - position.best_epoch
    return recipe.patience is not None and waited >= recipe.patience


class _LostError(DivergedError):
    """A training diverged."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what  #: happened, where, and why


def _back(training: Training, position: TrainState, failure: _LostError) -> TrainState:
    """The state after the last epoch (or the start), from which a lower rate goes on.

    That place depends on no clock, so that a run comes out the same however often it is stopped.
    Raises the failure where going back was not asked for, or was done before.
    """
    if not training.recipe.recover or position.recovered:
        raise failure
    training.pending.clear()
    learner = training.model.network, training.optimizer, training.ema
    back = TrainState()
    if training.group.is_main:
        back = checkpoint.put_back(training.run.checkpoints / checkpoint.EPOCH, *learner)
    back = sync.broadcast_state(training.group, back, *learner)
    return replace(back, recovered=True, seconds=position.seconds, warned=position.warned)


def _steps(
    training: Training, position: TrainState, request: Request, began: float
) -> Generator[Step | Note]:
    """The rest of an epoch, or as much of it as clock and signals allow."""
    recipe, total = training.recipe, training.steps
    every = max(1, total // _REPORTS)
    training.model.network.train()
    reported, saved, tick = replace(position), time.monotonic(), time.monotonic()
    for batch in train_batches(training, position):
        position.waiting_seconds += time.monotonic() - tick
        progress = training.progress(position)
        rate = training.learning_rate(position, progress)
        with _named(training, position, rate, batch):
            train_step(training, position, batch, rate)
            last = position.step % every == 0 or position.step == total
            if last:
                training.pending.flush(position)
        now = time.monotonic()
        position.training_seconds += now - tick
        position.seconds = now - began
        if last:
            yield _report(position, reported, rate, progress)
            yield from map(Note, training.health.warnings(position))
            reported = replace(position)
        due = now - saved >= _pause(recipe, position) and position.step < total
        position.seconds, due = training.group.sync_flags(request, position.seconds, due=due)
        if request.signal or (recipe.minutes and position.seconds >= 60 * recipe.minutes):
            return
        if due:
            _save(training, position)
            saved = time.monotonic()
        tick = time.monotonic()


def _close_epoch(
    training: Training, position: TrainState, request: Request, began: float
) -> Generator[Epoch | Note]:
    """Validate, save, and keep the model if it is the best so far."""
    training.optimizer.zero_grad()  # of steps that wait for an update when the clock ends the training
    device = training.validation.labels.device
    with training.model.spec.explained(), hardware.autocast(training.recipe.precision, device):
        loss, accuracy = validate(
            training.eval_network, training.validation, training.group, training.eval_batch
        )
    rate = training.learning_rate(position, training.progress(position))
    if not math.isfinite(loss):
        what = f"the validation loss is {loss:.3g}"
        raise _diverged(training, position, what, rate, position.step)
    yield from map(Note, _units(training, position))
    best = position.improves(accuracy, loss)
    train_loss, train_accuracy = position.loss_sum / position.seen, position.correct / position.seen
    seconds = max(position.training_seconds, 1e-9)
    speed, waiting = position.seen / seconds, position.waiting_seconds / seconds
    if best:
        position.best_epoch = position.epoch + 1
        position.best_accuracy, position.best_loss = accuracy, loss
    position.next_epoch()
    if schedule.is_plateau(position.epoch, position.best_epoch, position.last_drop):
        position.drops, position.last_drop = position.drops + 1, position.epoch
    position.seconds, _ = training.group.sync_flags(request, time.monotonic() - began)
    weights = tensorfile.digest(training.model.network.state_dict())
    epoch = Epoch(
        position.epoch, train_loss, train_accuracy, loss, accuracy, rate, speed,
        position.seconds, best, waiting, weights,
    )  # fmt: skip
    position.last_epoch = epoch
    _save(training, position)
    _keep(training, position)
    yield epoch


def _units(training: Training, position: TrainState) -> Sequence[str]:
    """What is wrong with units, looked for after epoch 1, 2, 4, 8, ...: it costs a validation."""
    if (position.epoch + 1).bit_count() > 1:
        return ()
    pictures = next(training.validation.eval_batches(CHECKED_IMAGES)).pictures
    with hardware.autocast(training.recipe.precision, pictures.device):
        return list(check_activations(training.eval_network, pictures, position))


def _pause(recipe: Recipe, position: TrainState) -> float:
    """Seconds between checkpoints: what was asked for, or so many that they cost below 1 %."""
    if recipe.checkpoint_minutes is not None:
        return 60 * recipe.checkpoint_minutes
    return max(_USUAL_PAUSE, 100 * position.saving_seconds)


def _save(training: Training, position: TrainState) -> None:
    """Write a checkpoint: the state is the same in all processes, and the first one writes it."""
    rate = training.learning_rate(position, training.progress(position))
    with _named(training, position, rate):
        training.pending.flush(position)
    started, folder, network = time.monotonic(), training.run.checkpoints, training.model.network
    tensors = checkpoint.collect_state(network, training.optimizer, training.ema)
    try:
        checkpoint.check_finite(tensors)
        if training.group.is_main:
            checkpoint.save(folder, position, tensors)
    except DivergedError as error:
        raise _diverged(training, position, str(error), rate, position.step) from error
    position.saving_seconds = time.monotonic() - started


def _keep(training: Training, position: TrainState) -> None:
    """Let the model file be the epoch that was just saved, if it is the best."""
    if not training.group.is_main:
        return
    if training.recipe.recover:
        checkpoint.copy_as(checkpoint.EPOCH, training.run.checkpoints)
    if position.best_epoch != position.epoch:
        return
    keep_model(training, position)


def keep_model(training: Training, position: TrainState) -> None:
    """Write the model file, of the epoch that ends at a position."""
    facts = training.model.facts | {"best epoch": str(position.epoch)}
    facts["validation accuracy"] = f"{position.best_accuracy:.4f}"
    save(
        replace(training.model, network=training.eval_network, facts=facts), training.run.model_file
    )


def mend_model(training: Training, position: TrainState) -> str:
    """Write a damaged model file again, of the epoch that the checkpoint ends; what was done.

    Inside an epoch there is no such model: the next epoch is then the best.
    """
    try:
        if position.best_epoch:
            tensorfile.read(training.run.model_file)
        return ""
    except (ModelError, StorageError) as error:
        last = None if position.step else position.last_epoch
        if last is None:
            position.best_epoch, position.best_accuracy = 0, -1.0
            return f"the next epoch will be kept in place of a damaged model file: {error}"
        position.best_epoch = last.epoch
        position.best_accuracy, position.best_loss = last.validation_accuracy, last.validation_loss
        keep_model(training, position)
        return f"the model file was written again, of epoch {last.epoch}: {error}"


def _report(now: TrainState, before: TrainState, rate: float, progress: float) -> Step:
    pictures = now.seen - before.seen
    seconds = max(now.training_seconds - before.training_seconds, 1e-9)
    return Step(
        epoch=now.epoch + 1,
        step=now.step,
        loss=(now.loss_sum - before.loss_sum) / pictures,
        accuracy=(now.correct - before.correct) / pictures,
        learning_rate=rate,
        pictures_per_second=pictures / seconds,
        waiting=(now.waiting_seconds - before.waiting_seconds) / seconds,
        progress=progress,
        remaining=now.seconds * (1 - progress) / progress if progress > 0 else 0.0,
    )


@contextlib.contextmanager
def _named(
    training: Training, position: TrainState, rate: float, batch: Batch | None = None
) -> Generator[None]:
    """A loss that is no use ends the training, with what the owner can do about it."""
    try:
        yield
    except LossError as error:
        raise _diverged(training, position, str(error), rate, error.step, batch) from None


def _diverged(
    training: Training,
    position: TrainState,
    what: str,
    rate: float,
    step: int,
    batch: Batch | None = None,
) -> _LostError:
    kept = (
        f"{training.run.model_file} keeps epoch {position.best_epoch}"
        if position.best_epoch
        else "no epoch was good enough to keep"
    )
    precision, pictures = training.recipe.precision, batch.pictures if batch else None
    found = health.diagnose(training.model.network, pictures, precision)
    lower = f"--learning-rate {training.peak_learning_rate(position) / 10:.3g}"
    return _LostError(
        f"training diverged in epoch {position.epoch + 1} at step {step}: {what} at a learning "
        f"rate of {rate:.3g}; {found.text}",
        f"{kept}; try {found.advice or lower}",
    )
