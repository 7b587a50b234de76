"""Resume a run with more epochs, minutes or patience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from striate import storage
from striate.errors import OptionError
from striate.options import TrainOptions, words
from striate.text import shell_command
from striate.training import checkpoint
from striate.training.checkpoint import TrainState
from striate.training.events import Note
from striate.training.run import Run
from striate.training.step import Training

RAISED = ("epochs", "minutes", "patience")  #: options that may be raised on resume


def raised(recorded: TrainOptions, asked: Mapping[str, Any]) -> TrainOptions:
    """Return the recorded options with the raised values.

    Raises OptionError for a value below the recorded one, or if none was recorded.
    """
    given = TrainOptions.read(asked)
    for name in asked:
        then, now = getattr(recorded, name), getattr(given, name)
        if then is None or now is None or now < then:
            has = "none" if then is None else f"{then:g}"
            raise OptionError(
                f"{name} of a resumed run can only be raised: it has {has}, but {now} came"
            )
    return recorded.model_copy(update={name: getattr(given, name) for name in asked})


def prolong(training: Training, run: Run, state: TrainState) -> Iterator[Note]:
    """Record the raised options and the command, and note their effect on the learning rate.

    The last checkpoint is copied over the previous one too: the steps between them followed the
    shorter schedule and cannot be replayed in this one.
    """
    recipe, schedule = training.recipe, training.recipe.options.schedule
    values, now = run.read_options(), recipe.to_options()
    changed = {name: now[name] for name in RAISED if now[name] not in (None, values.get(name))}
    if not changed:
        return
    if (last := run.checkpoints / checkpoint.LAST).exists():
        storage.copy(last, run.checkpoints / checkpoint.PREVIOUS)
    run.write_json(run.options_file.name, {**values, **changed})
    resume = (*training.group.process.command, "train", "--resume", str(run.folder))
    run.add_command(shell_command((*resume, *words(changed))))
    told = ", ".join(f"{name} from {values[name]:g} to {changed[name]:g}" for name in changed)
    still = schedule in ("constant", "plateau") and not recipe.warmup
    if still or changed.keys() == {"patience"}:
        yield Note(f"{told}: continues as if it had been so from the start")
        return
    rate = training.learning_rate(state, training.progress(state))
    yield Note(
        f"{told}: from here the learning rate follows {schedule} over the longer training, "
        f"and is {rate:.3g} now; what came before followed the shorter one, so the weights will "
        "not be those of a training that was as long from the start"
    )
