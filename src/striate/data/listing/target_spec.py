"""Target specification: what is asked of an image, as stored in model files and shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from striate.errors import DataError, printable
from striate.text import count_noun

#: kind of targets -> noun of its names
NOUNS = {
    "label": "class",
    "open": "class",
    "labels": "label",
    "numbers": "number",
    "mask": "class",
    "boxes": "class",
}
#: kind of targets -> what it is for one image
NEEDS = {
    "label": "a class",
    "open": "a class",
    "labels": "labels",
    "numbers": "numbers",
    "mask": "a mask",
    "image": "only a picture",
    "pair": "a picture to be answered",
    "boxes": "boxes",
}

#: kind of targets -> task that is taken unless another is named
TASK_OF_KIND = {
    "label": "classification",
    "open": "embedding",
    "labels": "multilabel",
    "numbers": "regression",
    "mask": "segmentation",
    "image": "autoencoder",
    "pair": "image_to_image",
    "boxes": "detection",
}

#: targets that have no names, in words
_NAMELESS = {"image": "no targets", "pair": "pairs of images"}


@dataclass(frozen=True)
class TargetSpec:
    """Kind of the targets, names in the order of the network's outputs, and constants by name."""

    #: "label": one class an image, "open": the same, maybe one not trained on, "labels": any
    #: number, "numbers", "mask", "image": nothing, "pair": another image, "boxes": any number of
    #: boxes, each of a class
    kind: str
    names: tuple[str, ...] = ()  #: classes, labels, or columns of numbers
    #: numbers that belong to the targets, such as mean and std of each column
    constants: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    @property
    def several(self) -> bool:
        """Whether an image may have several of the names, or none."""
        return self.kind == "labels"

    @property
    def open(self) -> bool:
        """Whether images may be of classes that are not among the names."""
        return self.kind == "open"

    @property
    def noun(self) -> str:
        """What one of the names is: "class"."""
        return NOUNS.get(self.kind, "target")

    @property
    def nouns(self) -> str:
        """Several of them: "classes"."""
        return count_noun(0, self.noun).removeprefix("0 ")

    def __str__(self) -> str:
        """Return "10 classes"; "no targets" of images alone."""
        if not self.names and self.kind in _NAMELESS:
            return _NAMELESS[self.kind]
        return count_noun(len(self.names), self.noun)

    def check_known(self, known: TargetSpec, shown: str) -> None:
        """Raise DataError if images with these targets say nothing of a model trained on `known`.

        `shown` is the place of the images.
        """
        if self.kind != known.kind:
            wanted = NEEDS[known.kind]
            raise DataError(
                f"{shown}: gives {NEEDS[self.kind]} for every image, but the model answers with "
                f"{wanted}; evaluate it on images that have {wanted}"
            )
        strange = sorted(set(self.names) - set(known.names))
        if strange and not self.open:
            raise DataError(
                f"{shown}: {_listed(strange)} of its {self} are not among the {len(known.names):,} "
                f"that the model was trained on: {_listed(known.names)};\n"
                "name them as the model does, or give --rename FILE.csv, whose lines are a name of "
                "the images, a comma, and the model's name for it"
            )


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(printable(name)) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
