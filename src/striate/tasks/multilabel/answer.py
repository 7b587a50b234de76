"""Answer of several labels: those whose probability reaches their threshold, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.options import DecisionOptions, EvaluateOptions
from striate.tasks.answers import Answers, Batches
from striate.tasks.multilabel.threshold import choose_thresholds
from striate.tasks.results import NONE_OF_THESE
from striate.text import format_percent

NONE = "none"  #: shown in place of labels where no probability reaches its threshold


@dataclass(frozen=True, slots=True)
class LabelsAnswer:
    """The labels of one image, and the most probable ones."""

    labels: tuple[str, ...] = ()  #: most probable first; empty if none reaches its threshold
    probabilities: tuple[float, ...] = ()  #: of these labels, 0 to 1
    top: tuple[tuple[str, float], ...] = ()  #: (label, probability), most probable first
    rejected: bool = False  #: whether the image is none of the labels, however probable they are

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Heads of the columns in a CSV file."""
        return "labels", "probabilities"

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns in a table."""
        return "labels", "other labels"

    @classmethod
    def of(
        cls,
        probabilities: NDArray[Any],
        thresholds: NDArray[np.float64],
        names: Sequence[str],
        top: int,
    ) -> LabelsAnswer:
        """Return the answer of probabilities (K,) and thresholds (K,)."""
        order: list[int] = np.argsort(-probabilities, kind="stable").tolist()
        given = [at for at in order if probabilities[at] >= thresholds[at]]
        return cls(
            tuple(names[at] for at in given),
            tuple(float(probabilities[at]) for at in given),
            tuple((names[at], float(probabilities[at])) for at in order[:top]),
        )

    def csv_cells(self) -> tuple[str, ...]:
        """Return labels and probabilities, each separated by semicolons; both empty for none."""
        return ";".join(self.labels), ";".join(f"{p:.6f}" for p in self.probabilities)

    def cells(self) -> tuple[str, ...]:
        """Return the labels and the likeliest of the others, each with its probability."""
        given = zip(self.labels, self.probabilities, strict=True)
        others = [pair for pair in self.top if pair[0] not in self.labels]
        none = NONE_OF_THESE if self.rejected else NONE
        return _list_shares(given) or none, _list_shares(others)

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the labels, then the likeliest of the others, with their probabilities."""
        given = dict(zip(self.labels, self.probabilities, strict=True))
        others = {name: share for name, share in self.top if name not in given}
        return (
            ("labels", "confidence"),
            *((name, format_percent(share)) for name, share in given.items()),
            *(() if given else ((NONE_OF_THESE if self.rejected else NONE, ""),)),
            *((f"({name})", format_percent(share)) for name, share in others.items()),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; probabilities are rounded to six decimals."""
        pairs = zip(self.labels, self.probabilities, strict=True)
        return {
            "labels": [{"label": name, "probability": round(p, 6)} for name, p in pairs],
            "top": [{"label": name, "probability": round(p, 6)} for name, p in self.top],
        }


def _list_shares(pairs: Iterable[tuple[str, float]]) -> str:
    """Return "car 98.0 %, sky 95.0 %"."""
    return ", ".join(f"{name} {format_percent(share)}" for name, share in pairs)


#: name of the constants: the probability from which on an image has the label, one a label
THRESHOLD = "threshold"
EVEN = 0.5  #: before any is chosen, and for labels that all validation images have, or all lack


#: of an example beside an exported model
_PYTHON = """\
least = constants.get("threshold", [0.5] * len(names))
rated = zip(names, decoded, least)
print(path, *(f"{name} {share:.4f}" for name, share, most in rated if share >= most))
"""


_SCRIPT = """\
const least = constants.threshold ?? names.map(() => 0.5), order = rank(decoded);
const given = order.filter(at => decoded[at] >= least[at]);
const rows = order.map(at => [names[at], decoded[at], percent(decoded[at]), true]);
return {title: given.map(at => names[at]).join(", ") || "none", rows};"""


@dataclass(frozen=True)
class LabelsAnswers(Answers):
    """The labels whose probability reaches the threshold of each."""

    name: ClassVar[str] = "multilabel"
    kind: ClassVar[str] = "labels"
    decodes: ClassVar[str] = "probabilities"
    pipeline: ClassVar[str] = "image-classification"

    @property
    def blank(self) -> LabelsAnswer:
        """No label."""
        return LabelsAnswer()

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(K,): the probability from which on an image has the label."""
        return np.array(self.spec.constants.get(THRESHOLD, (EVEN,) * len(self.spec.names)))

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return _PYTHON

    def write_script(self) -> str:
        """Return lines that show the labels, the most probable first."""
        return _SCRIPT

    def answer(self, decoded: NDArray[Any], top: int) -> LabelsAnswer:
        """Return the labels whose probability (K,) reaches their threshold, and the likeliest."""
        return LabelsAnswer.of(decoded, self.thresholds, self.spec.names, top)

    def reject(self, decoded: NDArray[Any], top: int) -> LabelsAnswer:
        """Return none of the labels; the most probable ones stay beside it."""
        return LabelsAnswer(top=self.answer(decoded, top).top, rejected=True)

    def decide(self, options: DecisionOptions, validation: Batches) -> Self:
        """Return the task with one threshold for all labels, or with one chosen for each.

        Raises OptionError for a positive class, and for a precision that no threshold reaches.
        """
        if options.positive is not None:
            raise OptionError(
                "a positive class is one of two, but the model answers with labels, each with a "
                "threshold of its own;\nleave --positive out"
            )
        thresholds = self.thresholds
        if options.threshold is not None:
            thresholds = np.full(len(thresholds), options.threshold)
        elif isinstance(options, EvaluateOptions) and options.chooses:
            rated, sets = map(np.concatenate, zip(*validation, strict=True))
            thresholds = choose_thresholds(options, rated, sets, self.spec.names, thresholds)
        constants = {**self.spec.constants, THRESHOLD: tuple(thresholds.tolist())}
        return replace(self, spec=replace(self.spec, constants=constants))
