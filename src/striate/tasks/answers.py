"""The half of a task that predictions see: what is decoded of an image becomes its answer.

It needs no torch: a model that was exported answers with it too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import NEEDS, TargetSpec
from striate.errors import OptionError, printable
from striate.options import DecisionOptions
from striate.tasks.results import Answer
from striate.text import count_noun, format_amount, join_few

_MAP_PIXELS = 2**20  # of images of which maps are computed together
#: what is decoded of some images (N, ...) and their targets, a batch at a time: an array (N, ...),
#: of masks N of `data.full_masks.FullMask`, and where they are made of images `model.Pairs`
Batches = Iterable[tuple[NDArray[Any], Any]]


@dataclass(frozen=True)
class Answers(ABC):
    """How a task answers; what is not abstract has a default."""

    name: ClassVar[str]
    kind: ClassVar[str]  #: of its targets
    head: ClassVar[str] = "logits"  #: what its networks give: "logits", a "map" or an "image"
    decodes: ClassVar[str] = "decoded"  #: what `decode` gives, as an exported model calls it
    searches: ClassVar[bool] = False  #: whether its answers are found in a gallery
    #: whether images are answered in their own size, if nothing is asked and the network allows it
    own_size: ClassVar[bool] = False
    pipeline: ClassVar[str] = ""  #: as the Hugging Face Hub calls it; "": it has no such task
    places: ClassVar[tuple[str, ...]] = ()  #: constants of the spec that are places of names
    #: verb that uses its models, and what that is given beside one
    used_by: ClassVar[tuple[str, str]] = "predict", "IMAGE..."

    spec: TargetSpec

    @property
    def gives(self) -> str:
        """What it answers with, as messages say it: "a class"."""
        return NEEDS[self.kind]

    def tell_constants(self) -> dict[str, str]:
        """Return the constants of the spec in words, by name."""
        names, told = self.spec.names, dict[str, str]()
        for name, values in self.spec.constants.items():
            shown = [format_amount(value) for value in values]
            if name in self.places:
                known = [names[int(place)] for place in values if 0 <= place < len(names)]
                told[name] = join_few(list(map(printable, known)))
            elif len(values) == len(names) > 1:
                pairs = zip(map(printable, names), shown, strict=True)
                told[name] = join_few(list(map(" ".join, pairs)))
            else:
                told[name] = shown[0] if len(shown) == 1 else count_noun(len(shown), "number")
        return told

    @property
    @abstractmethod
    def blank(self) -> Answer:
        """The answer for an image that could not be read."""

    @abstractmethod
    def answer(self, decoded: NDArray[Any], top: int) -> Answer:
        """Return the answer for one row of `decode`; `top` is how many classes it lists."""

    def images_at_once(self, size: int) -> int | None:
        """Return how many images (size, size) are computed together; None is any number.

        Of a map or picture every layer may be as large as the image.
        """
        return None if self.head == "logits" else max(1, _MAP_PIXELS // size**2)

    def write_python(self) -> str:
        """Return lines of Python that print the answer of `decoded`, a row, in an example.

        They know the `path` of the image, and the `names` and `constants` of the spec.
        """
        return "print(path, decoded)"

    def write_script(self) -> str:
        """Return the body of the JavaScript function that shows an answer on a page.

        It knows `decoded`, the numbers of an image, their `shape`, the `names` and `constants` of
        the spec, and the functions `percent` and `rank`. It returns a `title` and `rows` of a name,
        a number, that in words, and of a share true for a bar, which may have a color; where there
        are any, a `picture` to draw over the image, and `boxes` of corners and a color.
        """
        return "return {title: shape.join(' x '), rows: [...decoded].map((n, at) => [at, n, n])};"

    def reject(self, decoded: NDArray[Any], top: int) -> Answer:
        """Return the answer that an image is none of the names, where the task has an `energy`."""
        raise NotImplementedError

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return what is decoded of one image in the size (width, height) of the image itself.

        `decode` gives it as the network's input shows the image, which `preprocess` has made.
        """
        return decoded

    def with_gallery(
        self, decoded: NDArray[Any], names: Sequence[str], paths: Sequence[str]
    ) -> Self:
        """Return the task that answers with images of a gallery. Raises OptionError otherwise."""
        raise OptionError(
            f"a gallery is searched for what is alike, but the task {self.name} answers with "
            f"{self.gives}; leave out --gallery"
        )

    def decide(self, options: DecisionOptions, validation: Batches) -> Self:
        """Return the task that decides its answers as the options say.

        Validation images are used where a threshold is to be chosen on them. Raises OptionError
        for a task that has no threshold.
        """
        raise OptionError(
            "a positive class is for two classes, and a threshold for two classes or labels, but "
            f"the model answers with {self.gives}"
        )
