"""Answer by an embedding: the nearest image of a gallery, and the next classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.options import DecisionOptions
from striate.tasks.answers import Answers, Batches
from striate.tasks.embedding.scores import THRESHOLD
from striate.tasks.results import NONE_OF_THESE
from striate.text import MISSING


@dataclass(frozen=True)
class Gallery:
    """Images of known classes."""

    embeddings: NDArray[np.float32] = field(repr=False)  #: (G, D), of length 1
    names: tuple[str, ...]  #: G, the class of each
    paths: tuple[str, ...] = field(repr=False)  #: G


@dataclass(frozen=True, slots=True)
class Near:
    """An image of the gallery."""

    class_name: str
    path: str
    similarity: float  #: cosine of the embeddings, -1 to 1


@dataclass(frozen=True, slots=True)
class NearestAnswer:
    """What of a gallery is nearest to one image."""

    class_name: str = ""  #: of the nearest image; "none of these" if it is too far
    similarity: float = 0.0  #: cosine of the embeddings of both images, -1 to 1
    nearest: str = ""  #: path of the nearest image
    top: tuple[Near, ...] = ()  #: the nearest image of each class, the nearest first
    rejected: bool = False  #: whether the nearest image is too far to be of the same class

    @classmethod
    def of(
        cls, embedding: NDArray[Any], gallery: Gallery, threshold: float, top: int
    ) -> NearestAnswer:
        """Return what is nearest to an embedding (D,); of at least this cosine, or none is."""
        cosines = gallery.embeddings @ embedding
        found = dict[str, Near]()
        for row in np.argsort(-cosines, kind="stable").tolist():
            name = gallery.names[row]
            if name not in found:
                found[name] = Near(name, gallery.paths[row], float(cosines[row]))
            if len(found) == top:
                break
        listed = tuple(found.values())
        first, rejected = listed[0], listed[0].similarity < threshold
        name = NONE_OF_THESE if rejected else first.class_name
        return cls(name, first.similarity, first.path, listed, rejected)

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Class, similarity and the nearest image."""
        return "class", "similarity", "nearest"

    @property
    def columns(self) -> tuple[str, ...]:
        """Class, similarity, the nearest image, and the classes after it."""
        return "class", "similarity", "nearest", "other classes"

    def csv_cells(self) -> tuple[str, ...]:
        """Return class, similarity and the nearest image."""
        return self.class_name, f"{self.similarity:.6f}", self.nearest

    def cells(self) -> tuple[str, ...]:
        """Return class, similarity, the nearest image, and the classes after it."""
        listed = self.top if self.rejected else self.top[1:]
        others = ", ".join(f"{near.class_name} {near.similarity:.2f}" for near in listed)
        return self.class_name, f"{self.similarity:.2f}", Path(self.nearest).name, others

    def details(self) -> Sequence[tuple[str, str]]:
        """Return the listed classes with their similarities."""
        return (
            ("class", "similarity"),
            *(((self.class_name, MISSING),) if self.rejected else ()),
            *((near.class_name, f"{near.similarity:.2f}") for near in self.top),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; similarities are rounded to six decimals."""
        return {
            "class": self.class_name,
            "similarity": round(self.similarity, 6),
            "nearest": self.nearest,
            "rejected": self.rejected,
            "top": [
                {
                    "class": near.class_name,
                    "similarity": round(near.similarity, 6),
                    "nearest": near.path,
                }
                for near in self.top
            ],
        }


@dataclass(frozen=True)
class NearestAnswers(Answers):
    """The class of what is nearest in a gallery."""

    gallery: Gallery | None = field(default=None, repr=False, compare=False)

    name: ClassVar[str] = "embedding"
    kind: ClassVar[str] = "open"
    head: ClassVar[str] = "cosines"
    searches: ClassVar[bool] = True
    decodes: ClassVar[str] = "embeddings"
    pipeline: ClassVar[str] = "image-feature-extraction"
    places: ClassVar[tuple[str, ...]] = ("trained",)

    @property
    def blank(self) -> NearestAnswer:
        """No image."""
        return NearestAnswer()

    @property
    def threshold(self) -> float:
        """The lowest cosine at which two images count as one class; -1, always, before training."""
        return self.spec.constants.get(THRESHOLD, (-1.0,))[0]

    def with_gallery(
        self, decoded: NDArray[Any], names: Sequence[str], paths: Sequence[str]
    ) -> Self:
        """Return the task that answers with the nearest of images with embeddings (G, D)."""
        gallery = Gallery(decoded.astype(np.float32), tuple(names), tuple(paths))
        return replace(self, gallery=gallery)

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return 'print(path, *(f"{value:.4f}" for value in decoded))'

    def write_script(self) -> str:
        """Return lines that show the numbers of the embedding."""
        return """\
const rows = [...decoded].map((n, at) => [at, n, n.toFixed(4)]);
return {title: `${rows.length} numbers`, rows};"""

    def answer(self, decoded: NDArray[Any], top: int) -> NearestAnswer:
        """Return what of the gallery is nearest to an embedding (D,)."""
        if self.gallery is None:
            return self.blank
        return NearestAnswer.of(decoded, self.gallery, self.threshold, top)

    def decide(self, options: DecisionOptions, validation: Batches) -> Self:
        """Return the task with another threshold. Raises OptionError for a positive class."""
        if options.threshold is None:
            raise OptionError(
                "a positive class, precision and recall are for two classes or labels, but the "
                "model answers with what is nearest; set the lowest cosine by --threshold"
            )
        constants = {**self.spec.constants, THRESHOLD: (options.threshold,)}
        return replace(self, spec=replace(self.spec, constants=constants))
