"""What comes out of a task: answers of single images, and results of an evaluation; no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from striate.options import SplitChoice
from striate.tasks.figures import Figure, Score
from striate.tasks.sections import Remark, Section
from striate.text import count_noun, ordinal, shorten_name

#: split -> adjective of its images
KIND = {"train": "training ", "validation": "validation ", "test": "test ", "all": ""}
#: shown in place of names for an image that is rejected
NONE_OF_THESE = "none of these"


class Answer(Protocol):
    """What is predicted of one image; a frozen dataclass, whose fields a prediction shows too."""

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Heads of the columns in a CSV file."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns in a table, whose last one also holds errors."""
        ...

    def csv_cells(self) -> tuple[str, ...]:
        """Return a cell for each of `csv_columns`."""
        ...

    def cells(self) -> tuple[str, ...]:
        """Return a cell for each of `columns`."""
        ...

    def details(self) -> Sequence[tuple[str, str]]:
        """Return two heads, then the name and the value of all that is answered."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        ...


@runtime_checkable
class DrawnAnswer(Protocol):
    """An answer that can be drawn over its image, as boxes are."""

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw it over its image (H, W, 1 or 3): (H, W, 3)."""
        ...


@runtime_checkable
class PictureAnswer(DrawnAnswer, Protocol):
    """An answer that is a picture too, as large as its image or a multiple, as a mask is."""

    png: bytes  #: the picture as a PNG file; empty with an error


@runtime_checkable
class ListedAnswer(Protocol):
    """An answer with any number of rows in a CSV file, as boxes have."""

    def csv_rows(self) -> Sequence[tuple[str, ...]]:
        """Return rows of a cell for each of `csv_columns`; at least one."""
        ...


@runtime_checkable
class RightOrWrong(Protocol):
    """Results of a task whose answers are either right or wrong."""

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,): whether each image is answered correctly."""
        ...


class Told(NamedTuple):
    """An image in words, names from the data among them."""

    true: str  #: what is true of it; "" where no words say it
    answer: str  #: what was answered


@runtime_checkable
class ByImage(Protocol):
    """Results that say of each image how wrong its answer is."""

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): the higher, the worse; NaN unknown; comparable between models of one task."""
        ...

    def tell(self, row: int) -> Told:
        """Return what is true of an image, and what was answered."""
        ...


@runtime_checkable
class ByName(Protocol):
    """Results of a task that looks for names in images, as classes or labels."""

    @property
    def held(self) -> NDArray[np.bool_]:
        """(N, K): whether each image is of each name, in the order of the target spec."""
        ...

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N, K): whether each image is of each name and answered so."""
        ...


@runtime_checkable
class Resampled(Protocol):
    """Results whose leading figure can be measured on images drawn anew."""

    def resample(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the (R,) leading figures of images drawn `counts` (R, N) times; NaN: undefined."""
        ...


@dataclass(frozen=True)
class About:
    """What an evaluation was made of, whatever the task."""

    model: str  #: evaluated model: a file, a run or a network's name
    split: SplitChoice
    paths: tuple[str, ...]  #: N, relative to the data folder
    trained_on: int | None = None  #: how many of the N are in the training split; None: unknown
    leaked: int = 0  #: images with a copy or group in a split used for training or epoch selection
    #: how often the test images of the run were opened, now included; None: cannot be counted;
    #: 0: none is among these
    tests: int | None = 0
    near_leaked: int = 0  #: further images that look almost like one there
    grouped: bool = False  #: images are in groups
    #: of the targets in the order of their numbers: of the model, then others that images have
    names: tuple[str, ...] = ()
    inputs: str = "image"  #: or "signal" or "sequence": what was evaluated

    @property
    def seen(self) -> int:
        """Images known to be in the training split."""
        return len(self.paths) if self.split == "train" else self.trained_on or 0

    @property
    def unseen(self) -> bool:
        """Whether none of the images was used for training, as far as run and split tell."""
        return not self.seen and (self.trained_on == 0 or self.split in ("validation", "test"))

    def warning(self, figure: Figure) -> str:
        """Return a warning if images were in the training split; "" if none are known to be."""
        if self.seen == len(self.paths):
            return "These are its training images: the metrics say nothing about new ones."
        if self.seen:
            were = f"{count_noun(len(self.paths), 'image')} {'was' if self.seen == 1 else 'were'}"
            return (
                f"{self.seen:,} of these {were} used for training: {figure.title} on new ones may "
                f"be {figure.worse}."
            )
        return ""

    @property
    def note(self) -> str:
        """Say why all images were evaluated, or that the run is unknown; "" if neither."""
        if self.seen or self.split in ("train", "validation"):
            return ""
        if self.trained_on is None:
            return "Whether these images were used for training is unknown: its run is not here."
        if self.split == "all":
            return "None of these images were used for training, so all of them were evaluated."
        return ""

    def caution(self, figure: Figure) -> str:
        """Say how far the images are known to be new to the model; "" if nothing is to be said."""
        return self.warning(figure) or self.note

    @property
    def opened(self) -> str:
        """Say how often the test images of the run were opened; "" if none is among these."""
        if self.tests is None:
            return (
                "How often these test images were opened cannot be counted: the run is not here or "
                "cannot be written."
            )
        if not self.tests:
            return ""
        more = " What earlier figures of them decided fits them a little too well."
        return f"Test images opened for the {ordinal(self.tests)} time.{more * (self.tests > 1)}"

    @property
    def fitted(self) -> str:
        """Say that thresholds fit the images that chose them; "" of another split than these."""
        said = "A threshold chosen on validation images is judged a little too well by them."
        return said if self.split == "validation" else ""

    @property
    def leakage(self) -> str:
        """Describe the leaked images in one sentence."""
        these = f"{self.leaked:,} of these {count_noun(len(self.paths), 'image')}"
        are, group = "is" if self.leaked == 1 else "are", ", or their group is" * self.grouped
        return (
            f"Leakage: {these} {are} in {self._earlier} too{group}, so the figures are too good; "
            "--leaked drop leaves out such images."
        )

    @property
    def near_leakage(self) -> str:
        """Describe the near duplicates of images in earlier splits in one sentence."""
        these = f"{self.near_leaked:,} of these {count_noun(len(self.paths), 'image')}"
        looks = "looks" if self.near_leaked == 1 else "look"
        return (
            f"Near duplicates: {these} {looks} almost like one in {self._earlier}, so the figures "
            "may be too good; striate check names such images."
        )

    @property
    def leaks(self) -> tuple[str, ...]:
        """Say what of the images is known from earlier splits; empty if nothing is."""
        said = (self.leaked, self.leakage), (self.near_leaked, self.near_leakage)
        return tuple(sentence for count, sentence in said if count)

    def to_json(self, figure: Figure) -> dict[str, Any]:
        """Return what every evaluation tells of its images; `figure` is the leading one."""
        images = len(self.paths)
        return {
            "model": self.model,
            "split": self.split,
            "images": images,
            "trained_on": images if self.split == "train" else self.trained_on,
            "warning": self.warning(figure) or None,
            "leaked": self.leaked,
            "test_opened": self.tests,
            "near_leaked": self.near_leaked,
        }

    @property
    def _earlier(self) -> str:
        return "train" if self.split == "validation" else "train or validation"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The best that always giving the same answer achieves."""

    value: float  #: of the leading figure
    rule: str  #: "always predicting the most frequent class"
    name: str = ""  #: what is always predicted, where that is a name

    @property
    def always(self) -> str:
        """What is always answered: "always “dog”", or the rule."""
        return f"always “{shorten_name(self.name)}”" if self.name else self.rule

    def show(self, score: Score) -> str:
        """Format its value as that of the score to be compared with: "55.9 %"."""
        return replace(score, value=self.value).shown


class Results(Protocol):
    """Figures of an evaluation, and what its report shows; `str` is what a terminal shows."""

    @property
    def about(self) -> About: ...
    def __len__(self) -> int: ...

    def scores(self) -> tuple[Score, ...]:
        """Return the figures with their intervals; the first leads."""
        ...

    def baseline(self) -> Baseline:
        """Return the leading figure of the best constant answer."""
        ...

    def remarks(self) -> Iterator[Remark]:
        """Yield what is worth knowing before believing the figures; the most serious first."""
        ...

    def sections(self) -> Iterator[Section]:
        """Yield the sections of the report; the first holds the figures."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict of everything but the rows of single images."""
        ...

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        ...
