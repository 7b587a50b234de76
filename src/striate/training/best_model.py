"""The model file of a run: save the best epoch so far, and rewrite the file when damaged."""

from __future__ import annotations

from dataclasses import replace

from striate import tensorfile
from striate.errors import ModelError, StorageError
from striate.model_file import save
from striate.training import checkpoint
from striate.training.checkpoint import TrainState
from striate.training.run import Run
from striate.training.step import Training


def keep_if_best(training: Training, run: Run, state: TrainState) -> None:
    """Write the model file if the epoch just saved is the best; keep its checkpoint to recover."""
    if not training.group.is_main:
        return
    if training.recipe.options.recover:
        checkpoint.copy_as(checkpoint.EPOCH, run.checkpoints)
    if state.best_epoch != state.epoch:
        return
    keep_model(training, run, state)


def keep_model(training: Training, run: Run, state: TrainState) -> None:
    """Write the model file for the epoch that ends at `state`."""
    facts = training.model.facts | {"best epoch": str(state.epoch)}
    task = training.model.task
    figure = task.figures[0]
    if figure.name in state.best:
        facts[f"validation {figure.title}"] = figure.show(state.best[figure.name])
    constants = {name: tuple(values) for name, values in state.constants.items()}
    task = replace(task, spec=replace(task.spec, constants=constants))
    kept = replace(training.model, network=training.eval_network, task=task, facts=facts)
    save(kept, run.model_file)


def mend_model(training: Training, run: Run, state: TrainState) -> str:
    """Rewrite a damaged model file from the checkpoint; return a note, empty if undamaged.

    From a checkpoint inside an epoch it cannot be rewritten: the next epoch then becomes the best.
    """
    try:
        if state.best_epoch:
            tensorfile.read(run.model_file)
        return ""
    except (ModelError, StorageError) as error:
        last = None if state.step else state.last_epoch
        if last is None:
            state.best_epoch, state.best = 0, {}
            return f"the next epoch will be kept in place of a damaged model file: {error}"
        state.best_epoch = last.epoch
        state.best, state.best_loss = last.validation, last.validation_loss
        keep_model(training, run, state)
        return f"the model file was written again, of epoch {last.epoch}: {error}"
