"""Answer of a classifier: the class of an image, and the most probable others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.options import DecisionOptions
from striate.tasks.answers import Answers, Batches
from striate.tasks.classification.threshold import Threshold
from striate.tasks.results import NONE_OF_THESE
from striate.text import MISSING, format_percent


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """The class of one image, and the most probable others."""

    #: the most probable class, or as a threshold decides between two; "none of these" if rejected
    class_name: str = ""
    probability: float = 0.0  #: of that class, 0 to 1; 0 if rejected
    #: (class, probability): the class of the image, then the most probable others
    top: tuple[tuple[str, float], ...] = ()
    rejected: bool = False  #: whether the image is none of the classes

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Class and probability."""
        return "class", "probability"

    @property
    def columns(self) -> tuple[str, ...]:
        """Class, confidence and the classes after it."""
        return "class", "confidence", "other classes"

    @classmethod
    def of(
        cls, probabilities: NDArray[Any], class_names: Sequence[str], top: int, first: int
    ) -> ClassAnswer:
        """Return the answer `first` of probabilities (K,), with `top` classes in all."""
        order = np.argsort(-probabilities, kind="stable")
        others: list[int] = order[order != first][: max(0, top - 1)].tolist()
        found = tuple((class_names[i], float(probabilities[i])) for i in (first, *others))
        return cls(*found[0], found[:top])

    def csv_cells(self) -> tuple[str, ...]:
        """Return class and probability."""
        return self.class_name, "" if self.rejected else f"{self.probability:.6f}"

    def cells(self) -> tuple[str, ...]:
        """Return class, confidence and the classes after it."""
        listed = self.top if self.rejected else self.top[1:]
        others = ", ".join(f"{name} {format_percent(share)}" for name, share in listed)
        confidence = MISSING if self.rejected else format_percent(self.probability)
        return self.class_name, confidence, others

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the listed classes with their probabilities."""
        return (
            ("class", "confidence"),
            *(((self.class_name, MISSING),) if self.rejected else ()),
            *((name, format_percent(share)) for name, share in self.top),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; probabilities are rounded to six decimals."""
        return {
            "class": self.class_name,
            "probability": None if self.rejected else round(self.probability, 6),
            "top": [{"class": name, "probability": round(p, 6)} for name, p in self.top],
        }


@dataclass(frozen=True)
class ClassAnswers(Answers):
    """The most probable class, or as a threshold decides between two."""

    name: ClassVar[str] = "classification"
    kind: ClassVar[str] = "label"
    decodes: ClassVar[str] = "probabilities"
    pipeline: ClassVar[str] = "image-classification"
    places: ClassVar[tuple[str, ...]] = ("positive",)

    @property
    def blank(self) -> ClassAnswer:
        """No class."""
        return ClassAnswer()

    @property
    def threshold(self) -> Threshold:
        """How one of two classes is answered."""
        return Threshold.stored(self.spec)

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        first, least = self.threshold.positive, self.threshold.value
        chosen = f"{first} if decoded[{first}] >= np.float32({least!r}) else {1 - first}"
        best = "decoded.argmax()" if least is None else chosen
        return f'best = {best}\nprint(path, names[best], f"{{decoded[best]:.4f}}")'

    def write_script(self) -> str:
        """Return lines that show the classes, the most probable first."""
        first, least = self.threshold.positive, self.threshold.value
        chosen = f"decoded[{first}] >= Math.fround({least}) ? {first} : {1 - first}"
        return f"""\
const order = rank(decoded), best = {"order[0]" if least is None else chosen};
const rows = order.map(at => [names[at], decoded[at], percent(decoded[at]), true]);
return {{title: names[best], rows}};"""

    def answer(self, decoded: NDArray[Any], top: int) -> ClassAnswer:
        """Return the class of probabilities (K,), and of the most probable ones `top` in all."""
        first = int(self.threshold.decide(decoded))
        return ClassAnswer.of(decoded, self.spec.names, top, first)

    def reject(self, decoded: NDArray[Any], top: int) -> ClassAnswer:
        """Return none of the classes; the most probable ones stay beside it."""
        return replace(
            self.answer(decoded, top), class_name=NONE_OF_THESE, probability=0.0, rejected=True
        )

    def decide(self, options: DecisionOptions, validation: Batches) -> Self:
        """Return the task with another positive class or threshold; only for two classes."""
        if len(self.spec.names) != 2:
            raise OptionError(
                "a positive class and a threshold are for two classes, but the model answers with "
                f"one of {self.spec}"
            )
        changed = self.threshold.changed(options, self.spec.names, validation)
        return replace(self, spec=changed.store(self.spec))
