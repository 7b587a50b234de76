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


def fit(training: Training, state: TrainState, request: Request) -> Generator[
    Step | Epoch | Note | Stopped | Finished
]:  # fmt: skip
    """Train from a position to the end of the recipe, saving after every epoch.

    Ends early, after the step under way, when a signal is requested. Raises DivergedError when the
    loss is no longer finite: the last checkpoint and the model file are those before.
    """
    recipe, began = training.recipe, time.monotonic() - state.seconds
    if state.last_epoch and state.step == 0:  # a kill may have come before all was done
        _keep(training, state)
        if state.last_epoch not in training.run.epochs():
            yield state.last_epoch
    if recipe.recover and state == TrainState():
        _save(training, state)
        if training.group.is_main:
            checkpoint.copy_as(checkpoint.EPOCH, training.run.checkpoints)
    while not _over(recipe, state):
        try:
            yield from _steps(training, state, request, began)
            if request.signal:
                _save(training, state)
                folder, step = training.run.folder, state.step
                yield Stopped(folder, request.signal, state.epoch + 1, step)
                return
            yield from _close_epoch(training, state, request, began)
        except _LostError as failure:
            state = _back(training, state, failure)
            _save(training, state)
            where = f"the end of epoch {state.epoch}" if state.epoch else "the start"
            yield Note(f"{failure.what}; back to {where}, once, and on with a tenth of the rate")
        except DataError:  # a streamed image is not what it was: once it is, the run goes on here
            _save(training, state)
            raise
    if _hopes_no_more(recipe, state):
        yield Note(
            f"stopped early: no epoch was better on validation than epoch {state.best_epoch} "
            f"for {count_noun(state.epoch - state.best_epoch, 'epoch')}"
        )
    yield Finished(
        training.run.folder,
        state.epoch,
        state.best_epoch,
        state.best_accuracy,
        state.seconds,
    )


def _over(recipe: Recipe, state: TrainState) -> bool:
    out_of_time = recipe.minutes is not None and state.seconds >= 60 * recipe.minutes
    done = state.epoch >= recipe.epochs or (out_of_time and state.step == 0)
    return done or _hopes_no_more(recipe, state)


def _hopes_no_more(recipe: Recipe, state: TrainState) -> bool:
    waited = state.epoch - state.best_epoch
    return recipe.patience is not None and waited >= recipe.patience


class _LostError(DivergedError):
    """A training diverged."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what  #: happened, where, and why


def _back(training: Training, state: TrainState, failure: _LostError) -> TrainState:
    """The state after the last epoch (or the start), from which a lower rate goes on.

    That place depends on no clock, so that a run comes out the same however often it is stopped.
    Raises the failure where going back was not asked for, or was done before.
    """
    if not training.recipe.recover or state.recovered:
        raise failure
    training.pending.clear()
    learner = training.model.network, training.optimizer, training.ema
    back = TrainState()
    if training.group.is_main:
        back = checkpoint.put_back(training.run.checkpoints / checkpoint.EPOCH, *learner)
    back = sync.broadcast_state(training.group, back, *learner)
    return replace(back, recovered=True, seconds=state.seconds, warned=state.warned)


def _steps(
    training: Training, state: TrainState, request: Request, began: float
) -> Generator[Step | Note]:
    """The rest of an epoch, or as much of it as clock and signals allow."""
    recipe, total = training.recipe, training.steps
    every = max(1, total // _REPORTS)
    training.model.network.train()
    reported, saved, tick = replace(state), time.monotonic(), time.monotonic()
    for batch in train_batches(training, state):
        state.waiting_seconds += time.monotonic() - tick
        progress = training.progress(state)
        rate = training.learning_rate(state, progress)
        with _named(training, state, rate, batch):
            train_step(training, state, batch, rate)
            last = state.step % every == 0 or state.step == total
            if last:
                training.pending.flush(state)
        now = time.monotonic()
        state.training_seconds += now - tick
        state.seconds = now - began
        if last:
            yield _report(state, reported, rate, progress)
            yield from map(Note, training.health.warnings(state))
            reported = replace(state)
        due = now - saved >= _pause(recipe, state) and state.step < total
        state.seconds, due = training.group.sync_flags(request, state.seconds, due=due)
        if request.signal or (recipe.minutes and state.seconds >= 60 * recipe.minutes):
            return
        if due:
            _save(training, state)
            saved = time.monotonic()
        tick = time.monotonic()


def _close_epoch(
    training: Training, state: TrainState, request: Request, began: float
) -> Generator[Epoch | Note]:
    """Validate, save, and keep the model if it is the best so far."""
    training.optimizer.zero_grad()  # of steps that wait for an update when the clock ends the training
    device = training.validation.labels.device
    with training.model.spec.explained(), hardware.autocast(training.recipe.precision, device):
        loss, accuracy = validate(
            training.eval_network, training.validation, training.group, training.eval_batch
        )
    rate = training.learning_rate(state, training.progress(state))
    if not math.isfinite(loss):
        what = f"the validation loss is {loss:.3g}"
        raise _diverged(training, state, what, rate, state.step)
    yield from map(Note, _units(training, state))
    best = state.improves(accuracy, loss)
    train_loss, train_accuracy = state.loss_sum / state.seen, state.correct / state.seen
    seconds = max(state.training_seconds, 1e-9)
    speed, waiting = state.seen / seconds, state.waiting_seconds / seconds
    if best:
        state.best_epoch = state.epoch + 1
        state.best_accuracy, state.best_loss = accuracy, loss
    state.next_epoch()
    if schedule.is_plateau(state.epoch, state.best_epoch, state.last_drop):
        state.drops, state.last_drop = state.drops + 1, state.epoch
    state.seconds, _ = training.group.sync_flags(request, time.monotonic() - began)
    weights = tensorfile.digest(training.model.network.state_dict())
    epoch = Epoch(
        state.epoch, train_loss, train_accuracy, loss, accuracy, rate, speed,
        state.seconds, best, waiting, weights,
    )  # fmt: skip
    state.last_epoch = epoch
    _save(training, state)
    _keep(training, state)
    yield epoch


def _units(training: Training, state: TrainState) -> Sequence[str]:
    """What is wrong with units, looked for after epoch 1, 2, 4, 8, ...: it costs a validation."""
    if (state.epoch + 1).bit_count() > 1:
        return ()
    images = next(training.validation.eval_batches(CHECKED_IMAGES)).images
    with hardware.autocast(training.recipe.precision, images.device):
        return list(check_activations(training.eval_network, images, state))


def _pause(recipe: Recipe, state: TrainState) -> float:
    """Seconds between checkpoints: what was asked for, or so many that they cost below 1 %."""
    if recipe.checkpoint_minutes is not None:
        return 60 * recipe.checkpoint_minutes
    return max(_USUAL_PAUSE, 100 * state.saving_seconds)


def _save(training: Training, state: TrainState) -> None:
    """Write a checkpoint: the state is the same in all processes, and the first one writes it."""
    rate = training.learning_rate(state, training.progress(state))
    with _named(training, state, rate):
        training.pending.flush(state)
    started, folder, network = time.monotonic(), training.run.checkpoints, training.model.network
    tensors = checkpoint.collect_state(network, training.optimizer, training.ema)
    try:
        checkpoint.check_finite(tensors)
        if training.group.is_main:
            checkpoint.save(folder, state, tensors)
    except DivergedError as error:
        raise _diverged(training, state, str(error), rate, state.step) from error
    state.saving_seconds = time.monotonic() - started


def _keep(training: Training, state: TrainState) -> None:
    """Let the model file be the epoch that was just saved, if it is the best."""
    if not training.group.is_main:
        return
    if training.recipe.recover:
        checkpoint.copy_as(checkpoint.EPOCH, training.run.checkpoints)
    if state.best_epoch != state.epoch:
        return
    keep_model(training, state)


def keep_model(training: Training, state: TrainState) -> None:
    """Write the model file, of the epoch that ends at a position."""
    facts = training.model.facts | {"best epoch": str(state.epoch)}
    facts["validation accuracy"] = f"{state.best_accuracy:.4f}"
    save(
        replace(training.model, network=training.eval_network, facts=facts), training.run.model_file
    )


def mend_model(training: Training, state: TrainState) -> str:
    """Write a damaged model file again, of the epoch that the checkpoint ends; what was done.

    Inside an epoch there is no such model: the next epoch is then the best.
    """
    try:
        if state.best_epoch:
            tensorfile.read(training.run.model_file)
        return ""
    except (ModelError, StorageError) as error:
        last = None if state.step else state.last_epoch
        if last is None:
            state.best_epoch, state.best_accuracy = 0, -1.0
            return f"the next epoch will be kept in place of a damaged model file: {error}"
        state.best_epoch = last.epoch
        state.best_accuracy, state.best_loss = last.validation_accuracy, last.validation_loss
        keep_model(training, state)
        return f"the model file was written again, of epoch {last.epoch}: {error}"


def _report(now: TrainState, before: TrainState, rate: float, progress: float) -> Step:
    images = now.seen - before.seen
    seconds = max(now.training_seconds - before.training_seconds, 1e-9)
    return Step(
        epoch=now.epoch + 1,
        step=now.step,
        loss=(now.loss_sum - before.loss_sum) / images,
        accuracy=(now.correct - before.correct) / images,
        learning_rate=rate,
        images_per_second=images / seconds,
        waiting=(now.waiting_seconds - before.waiting_seconds) / seconds,
        progress=progress,
        remaining=now.seconds * (1 - progress) / progress if progress > 0 else 0.0,
    )


@contextlib.contextmanager
def _named(
    training: Training, state: TrainState, rate: float, batch: Batch | None = None
) -> Generator[None]:
    """A loss that is no use ends the training, with what the owner can do about it."""
    try:
        yield
    except LossError as error:
        raise _diverged(training, state, str(error), rate, error.step, batch) from None


def _diverged(
    training: Training,
    state: TrainState,
    what: str,
    rate: float,
    step: int,
    batch: Batch | None = None,
) -> _LostError:
    kept = (
        f"{training.run.model_file} keeps epoch {state.best_epoch}"
        if state.best_epoch
        else "no epoch was good enough to keep"
    )
    precision, images = training.recipe.precision, batch.images if batch else None
    found = health.diagnose(training.model.network, images, precision)
    lower = f"--learning-rate {training.peak_learning_rate(state) / 10:.3g}"
    return _LostError(
        f"training diverged in epoch {state.epoch + 1} at step {step}: {what} at a learning "
        f"rate of {rate:.3g}; {found.text}",
        f"{kept}; try {found.advice or lower}",
    )
