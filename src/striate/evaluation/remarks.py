"""Remarks of the report: how far to trust an evaluation, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.evaluation.curves import kept_epoch
from striate.tasks.figures import Figure
from striate.tasks.results import KIND, Results
from striate.tasks.sections import Remark
from striate.text import capitalize
from striate.training.events import Epoch

#: training minus validation accuracy above which the network overfits
GAP = 0.10
#: validation over training loss above which it overfits, for figures that are no percentages
OVER = 1.25
#: inputs -> where others may come from
_SOURCES = {
    "image": "another camera, light or place",
    "signal": "another device, person or place",
    "sequence": "another organism, cell or experiment",
}


def make_remarks(results: Results, epochs: Sequence[Epoch]) -> tuple[Remark, ...]:
    """Return the remarks on an evaluation, the most serious kinds first."""
    about, (*own,) = results.about, results.remarks()
    return (
        *(Remark(leak, warning=True) for leak in about.leaks),
        *own[:1],
        _split(results, epochs),
        *([Remark(about.opened)] if about.opened else ()),
        *own[1:],
        *_learning(epochs, results.scores()[0].figure),
    )


def headline(results: Results) -> str:
    """Return, e.g., "Test accuracy 48 % (11 of 23 images, 95 % interval 29 to 67 %)"."""
    return capitalize(f"{KIND[results.about.split]}{results.scores()[0]}")


def _split(results: Results, epochs: Sequence[Epoch]) -> Remark:
    about, figure = results.about, results.scores()[0].figure
    if warning := about.warning(figure):
        return Remark(warning, warning=True)
    if about.split == "validation":
        chose = f" They chose the best epoch, so the {figure.title} is a little optimistic." * any(
            row.best for row in epochs
        )
        return Remark(f"These images were not used for training.{chose}", warning=bool(chose))
    if about.note:
        return Remark(about.note)
    return Remark(
        "These images were used neither for training nor for choosing the best epoch. "
        f"{capitalize(figure.title)} on images from another source ({_SOURCES[about.inputs]}) may "
        f"be {figure.worse}."
    )


def _learning(epochs: Sequence[Epoch], figure: Figure) -> Iterator[Remark]:
    best = kept_epoch(epochs)
    if best is None:
        return
    train, validation = best.train.get(figure.name), best.validation.get(figure.name)
    if train is not None and validation is not None and _overfits(best, figure):
        yield Remark(
            f"It overfits: at its best epoch, training {figure.title} was {figure.show(train)}, "
            f"but validation {figure.title} {figure.show(validation)}. More images or stronger "
            "augmentation may help.",
            warning=True,
        )
    if len(epochs) > 1 and best.epoch == epochs[-1].epoch:
        change = "raise" if figure.higher_is_better else "lower"
        yield Remark(
            f"The last epoch was the best: longer training may {change} the {figure.title}."
        )


def _overfits(epoch: Epoch, figure: Figure) -> bool:
    """Compare percentages by their difference, other figures by the losses."""
    if figure.form == "number":
        return epoch.validation_loss > OVER * epoch.train_loss
    return epoch.train[figure.name] - epoch.validation[figure.name] > GAP
