"""The training loop, a generator of events."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import replace

from striate import hardware, tensorfile
from striate.data.loader import Batch
from striate.distributed.signals import Request
from striate.errors import DataError, DivergedError
from striate.optim import schedule
from striate.text import count_noun
from striate.training import checkpoint, health, sync
from striate.training.best_model import keep_if_best
from striate.training.checkpoint import TrainState
from striate.training.events import Epoch, Finished, Note, Step, Stopped
from striate.training.health import CHECKED_IMAGES, check_activations, warn_figures
from striate.training.pending import LossError
from striate.training.recipe import Recipe
from striate.training.record import write_picture
from striate.training.run import Run
from striate.training.step import Training, train_batches, train_step, validate

_REPORTS = 20  #: approximate number of Step events per epoch
_USUAL_PAUSE = 300.0  #: seconds between checkpoints inside an epoch


def fit(training: Training, run: Run, state: TrainState, request: Request) -> Generator[
    Step | Epoch | Note | Stopped | Finished
]:  # fmt: skip
    """Train from `state` to the end of the recipe, saving a checkpoint after every epoch.

    A stop request ends it after the current step. Raises DivergedError when the loss is not
    finite; the last checkpoint and the model file are from before.
    """
    whole, recipe, began = training, training.recipe, time.monotonic() - state.seconds
    if state.last_epoch and state.step == 0:  # it may have been killed before finishing this
        keep_if_best(training, run, state)
        if state.last_epoch not in run.epochs():
            yield state.last_epoch
    yield from _patience_note(recipe, state)
    if recipe.options.recover and state == TrainState():
        _save(training, run, state)
        if training.group.is_main:
            checkpoint.copy_as(checkpoint.EPOCH, run.checkpoints)
    while not _over(recipe, state):
        training = whole.begin_epoch(state)
        try:
            yield from _steps(training, run, state, request, began)
            if request.signal:
                _save(training, run, state)
                folder, step = run.folder, state.step
                yield Stopped(folder, request.signal, state.epoch + 1, step)
                return
            yield from _close_epoch(training, run, state, request, began)
        except _LostError as failure:
            state = _back(training, run, state, failure)
            _save(training, run, state)
            where = f"the end of epoch {state.epoch}" if state.epoch else "the start"
            yield Note(f"{failure.what}; back to {where}, once, and on with a tenth of the rate")
        except DataError:  # a streamed image has changed; the run can resume here once restored
            _save(training, run, state)
            raise
    if _hopes_no_more(recipe, state):
        yield Note(
            f"stopped early: no epoch was better on validation than epoch {state.best_epoch} "
            f"for {count_noun(state.epoch - state.best_epoch, 'epoch')}"
        )
    yield Finished(run.folder, state.epoch, state.best_epoch, state.best, state.seconds)


def _patience_note(recipe: Recipe, state: TrainState) -> Generator[Note]:
    """Note at the start that early stopping does not suit a rate that falls to the end."""
    patience, along = recipe.options.patience, recipe.options.schedule
    if state == TrainState() and patience is not None and along in ("cosine", "one-cycle"):
        yield Note(
            f"patience {patience} may stop this training before the rate has fallen, and along "
            f"{along} the best epochs are the last; it goes with constant, step or plateau"
        )


def _over(recipe: Recipe, state: TrainState) -> bool:
    done = state.epoch >= recipe.epochs or (_out_of_time(recipe, state) and state.step == 0)
    return done or _hopes_no_more(recipe, state)


def _out_of_time(recipe: Recipe, state: TrainState) -> bool:
    minutes = recipe.options.minutes
    return minutes is not None and state.seconds >= 60 * minutes


def _hopes_no_more(recipe: Recipe, state: TrainState) -> bool:
    patience, waited = recipe.options.patience, state.epoch - state.best_epoch
    return patience is not None and waited >= patience


class _LostError(DivergedError):
    """A divergence, with its cause and the advice for the user."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what  #: event, location and cause


def _back(training: Training, run: Run, state: TrainState, failure: _LostError) -> TrainState:
    """Restore the state after the last epoch (or the start), to continue at a lower learning rate.

    That point does not depend on the clock, so the run is the same however often it is stopped.
    Raises `failure` unless `recover` is set and unused.
    """
    if not training.recipe.options.recover or state.recovered:
        raise failure
    training.pending.clear()
    learner, back = training.learner, TrainState()
    if training.group.is_main:
        back = checkpoint.put_back(run.checkpoints / checkpoint.EPOCH, learner)
    back = sync.broadcast_state(training.group, back, learner)
    return replace(back, recovered=True, seconds=state.seconds, warned=state.warned)


def _steps(
    training: Training, run: Run, state: TrainState, request: Request, began: float
) -> Generator[Step | Note]:
    """Train the rest of the epoch, until the time limit or a stop signal."""
    recipe, total = training.recipe, training.steps
    every = max(1, total // _REPORTS)
    reported, saved, tick = replace(state), time.monotonic(), time.monotonic()
    for batch in train_batches(training, state):
        state.waiting_seconds += time.monotonic() - tick
        progress = training.progress(state)
        rate = training.learning_rate(state, progress)
        with _named(training, run, state, rate, batch):
            train_step(training, state, batch, rate)
            last = state.step % every == 0 or state.step == total
            if last:
                training.pending.flush(state)
        now = time.monotonic()
        state.training_seconds += now - tick
        state.seconds = now - began
        if last:
            yield _report(training, state, reported, rate, progress)
            yield from map(Note, training.health.warnings(state))
            reported = replace(state)
        due = now - saved >= _pause(recipe, state) and state.step < total
        state.seconds, due = training.group.sync_flags(request, state.seconds, due=due)
        if request.signal or _out_of_time(recipe, state):
            return
        if due:
            _save(training, run, state)
            saved = time.monotonic()
        tick = time.monotonic()


def _close_epoch(
    training: Training, run: Run, state: TrainState, request: Request, began: float
) -> Generator[Epoch | Note]:
    """Validate, save a checkpoint, and save the model if it is the best so far."""
    training.optimizer.zero_grad()  # a time limit may leave gradients accumulated
    task, device = training.model.task, training.validation.device
    with training.model.spec.explained(), hardware.autocast(training.execution.precision, device):
        loss, sums = validate(
            training.rest_of(training.eval_network),
            task,
            training.validation,
            training.group,
            training.eval_batch,
        )
    rate = training.learning_rate(state, training.progress(state))
    if not math.isfinite(loss):
        what = f"the validation loss is {loss:.3g}"
        raise _diverged(training, run, state, what, rate, state.step)
    figures = task.measure(sums, len(training.validation))
    constants = task.choose_thresholds(sums).spec.constants
    state.constants = {name: list(values) for name, values in constants.items()}
    trained = task.measure(state.arrays(), state.seen)
    yield from map(Note, [*_units(training, state), *warn_figures(task, state, trained, figures)])
    best, train_loss = state.improves(task.figures[0], figures, loss), state.loss_sum / state.seen
    seconds = max(state.training_seconds, 1e-9)
    speed, waiting = state.seen / seconds, state.waiting_seconds / seconds
    if best:
        state.best_epoch = state.epoch + 1
        state.best, state.best_loss = figures, loss
    state.next_epoch()
    if schedule.is_plateau(state.epoch, state.best_epoch, state.last_drop):
        state.drops, state.last_drop = state.drops + 1, state.epoch
    state.seconds, _ = training.group.sync_flags(request, time.monotonic() - began)
    weights = tensorfile.digest(training.model.network.state_dict())
    epoch = Epoch(
        state.epoch, train_loss, trained, loss, figures, rate, speed,
        state.seconds, best, waiting, weights,
    )  # fmt: skip
    state.last_epoch = epoch
    _save(training, run, state)
    keep_if_best(training, run, state)
    _draw(training, run, state.epoch)
    yield epoch


def _draw(training: Training, run: Run, epoch: int) -> None:
    """Keep a picture of what the network makes, where it makes any."""
    drawn = training.model.task.draw_epoch(training.eval_network)
    if drawn is not None and training.group.is_main:
        write_picture(run, epoch, drawn)


def _units(training: Training, state: TrainState) -> Sequence[str]:
    """Check activations after epochs 1, 2, 4, 8, ... only: needs another forward pass.

    Stages that are or were frozen may have come with dead units.
    """
    came = training.freezing.stages and not training.front
    if came or (state.epoch + 1).bit_count() > 1:
        return ()
    images = next(training.validation.eval_batches(CHECKED_IMAGES)).images
    with hardware.autocast(training.execution.precision, images.device):
        return list(check_activations(training.rest_of(training.eval_network), images, state))


def _pause(recipe: Recipe, state: TrainState) -> float:
    """Return seconds between checkpoints: as given, or long enough that they cost below 1 %."""
    if (minutes := recipe.options.checkpoint_minutes) is not None:
        return 60 * minutes
    return max(_USUAL_PAUSE, 100 * state.saving_seconds)


def _save(training: Training, run: Run, state: TrainState) -> None:
    """Write a checkpoint from rank 0; the state is the same on every rank."""
    rate = training.learning_rate(state, training.progress(state))
    with _named(training, run, state, rate):
        training.pending.flush(state)
    started, tensors = time.monotonic(), training.learner.tensors()
    try:
        checkpoint.check_finite(tensors)
        if training.group.is_main:
            checkpoint.save(run.checkpoints, state, tensors)
    except DivergedError as error:
        raise _diverged(training, run, state, str(error), rate, state.step) from error
    state.saving_seconds = time.monotonic() - started


def _report(
    training: Training, now: TrainState, before: TrainState, rate: float, progress: float
) -> Step:
    images, earlier = now.seen - before.seen, before.arrays()
    sums = {name: total - earlier.get(name, 0) for name, total in now.arrays().items()}
    seconds = max(now.training_seconds - before.training_seconds, 1e-9)
    return Step(
        epoch=now.epoch + 1,
        step=now.step,
        loss=(now.loss_sum - before.loss_sum) / images,
        train=training.model.task.measure(sums, images),
        learning_rate=rate,
        images_per_second=images / seconds,
        waiting=(now.waiting_seconds - before.waiting_seconds) / seconds,
        progress=progress,
        remaining=now.seconds * (1 - progress) / progress if progress > 0 else 0.0,
    )


@contextlib.contextmanager
def _named(
    training: Training, run: Run, state: TrainState, rate: float, batch: Batch | None = None
) -> Generator[None]:
    """Raise a LossError as a divergence, with its cause and advice."""
    try:
        yield
    except LossError as error:
        raise _diverged(training, run, state, str(error), rate, error.step, batch) from None


def _diverged(
    training: Training,
    run: Run,
    state: TrainState,
    what: str,
    rate: float,
    step: int,
    batch: Batch | None = None,
) -> _LostError:
    kept = (
        f"{run.model_file} keeps epoch {state.best_epoch}"
        if state.best_epoch
        else "no epoch was good enough to keep"
    )
    precision, images = training.execution.precision, batch.images if batch else None
    found = health.diagnose(training.rest_of(training.model.network), images, precision)
    lower = f"--learning-rate {training.peak_learning_rate(state) / 10:.3g}"
    return _LostError(
        f"training diverged in epoch {state.epoch + 1} at step {step}: {what} at a learning "
        f"rate of {rate:.3g}; {found.text}",
        f"{kept}; try {found.advice or lower}",
    )
