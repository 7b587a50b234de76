"""A run that is stopped or finished may be given more epochs, minutes or patience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from striate import storage
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.training import checkpoint
from striate.training.checkpoint import TrainState
from striate.training.events import Note
from striate.training.step import Training

RAISED = ("epochs", "minutes", "patience")  #: what may be more than a run began with


def raised(recorded: TrainOptions, asked: Mapping[str, Any]) -> TrainOptions:
    """The options of a run with what was asked for in their place.

    Raises OptionError for what is less than the run has, or where it has no such end.
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


def prolong(training: Training, state: TrainState) -> Iterator[Note]:
    """Write down what was raised, and tell what it does to the learning rate.

    The last checkpoint becomes the one before as well: the steps that led to it were those of a
    shorter training, and cannot be replayed as steps of this one.
    """
    run, recipe = training.run, training.recipe
    values = run.read_json(run.options_file.name)
    changed = {name: getattr(recipe, name) for name in RAISED if getattr(recipe, name) is not None}
    changed = {name: value for name, value in changed.items() if value != values.get(name)}
    if not changed:
        return
    if (last := run.checkpoints / checkpoint.LAST).exists():
        storage.copy(last, run.checkpoints / checkpoint.PREVIOUS)
    run.write_json(run.options_file.name, {**values, **changed})
    told = ", ".join(f"{name} from {values[name]:g} to {changed[name]:g}" for name in changed)
    still = recipe.schedule in ("constant", "plateau") and not recipe.warmup
    if still or changed.keys() == {"patience"}:
        yield Note(f"{told}: goes on as if it had been so from the start")
        return
    rate = training.learning_rate(state, training.progress(state))
    yield Note(
        f"{told}: from here the learning rate follows {recipe.schedule} over the longer training, "
        f"and is {rate:.3g} now; what came before followed the shorter one, so the weights will "
        "not be those of a training that was as long from the start"
    )
