"""Studies of transferability with figures that were never trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from striate.studies.transfer.plan import plan_study
from striate.studies.transfer.result import Transferability, Trial
from striate.tasks.figures import Figure, Score

ACCURACY = Figure("accuracy", "accuracy", form="share")
ERROR = Figure("mae", "MAE", higher_is_better=False, form="number", unit="°C")
#: over three seeds, their standard deviation being the one that is asked for
_SPREAD = (-1.0, 0.0, 1.0)


def make_study(
    means: Mapping[str, float],
    *,
    other: float = 0.5,
    spread: float = 0.01,
    depths: tuple[int, ...] = (1, 2),
    seeds: int = 3,
    figure: Figure = ACCURACY,
    validation: Mapping[str, float] | None = None,
) -> Transferability:
    """Return a study whose trainings have these means by name, and `other` where not named."""
    chosen, trials = validation or means, list[Trial]()
    for each in plan_study(depths, seeds):
        value = means.get(each.name, other) + spread * _SPREAD[each.seed] * (seeds > 1)
        score = Score(figure, value, None, None, images=300)
        trials.append(Trial(each, chosen.get(each.name, other), score, seconds=2.0))
    return Transferability(
        Path("runs/study"), ("cats", "dogs"), "lenet5", ("stage1", "stage2"), "test", seeds,
        tuple(trials),
    )  # fmt: skip
