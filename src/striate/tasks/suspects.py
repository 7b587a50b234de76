"""Labels that are perhaps wrong, as they are printed, reported and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from striate.metrics.confident_learning import confident_joint, find_suspects
from striate.tasks.results import About
from striate.tasks.sections import Gallery, Picture, Section, Span
from striate.text import count_noun, format_percent

#: most suspects shown
MOST = 24


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is perhaps wrong."""

    row: int  #: in the evaluation
    path: str
    label: str  #: as given
    suggested: str  #: the most probable class
    label_probability: float
    probability: float  #: of the suggested class


@dataclass(frozen=True, slots=True)
class Suspects:
    """The suspects among some images that were not trained on, the least probable label first."""

    found: tuple[Suspect, ...]
    estimated: int  #: wrong labels, by the confident joint: with sure errors of the network
    images: int  #: whose labels were judged

    @property
    def line(self) -> str:
        """How many there are, in a line."""
        count = len(self.found)
        labels = f"{count:,} of {count_noun(self.images, 'label')}"
        return f"{labels} may be wrong, or the network is: --suspects lists them."

    def section(self) -> Section:
        """Return the section of the report, of the first of them."""
        shown = tuple(map(_picture, self.found[:MOST]))
        more = f"The first {MOST} of {len(self.found):,}." * (len(self.found) > MOST)
        estimate = count_noun(self.estimated, "wrong label")
        return Section(
            "Perhaps mislabeled",
            "Images that the network is surer to be of another class than it mostly is of images "
            "labeled so (confident learning, Northcutt et al., 2021), the least probable label "
            "first. None of them was used for training. Many are sure errors of the network, the "
            f"more the weaker it is: so the estimate of {estimate} in all is mostly too high. Look "
            "at each; --suspects writes a list, to be cut to those that --leave-out is to take.",
            (Gallery(shown, more),),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


@runtime_checkable
class DoubtsLabels(Protocol):
    """Results of a task whose answers are probabilities of one class."""

    @property
    def suspects(self) -> Suspects | None:
        """The images whose label is perhaps wrong; None where nothing can be said."""
        ...


def judge_labels(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    about: About,
) -> Suspects | None:
    """Return the suspects among labels (N,), doubted by probabilities (N, K).

    None where images were used for training, or may have been, as a network knows those by heart,
    and where one class is the most probable of all images, as it then knows nothing.
    """
    if not about.unseen:
        return None
    return list_suspects(probabilities, labels, class_names, about.paths)


def list_suspects(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    paths: Sequence[str],
) -> Suspects | None:
    """Return the suspects among labels (N,), doubted by out-of-sample probabilities (N, K).

    None where one class is the most probable of all images.
    """
    likely = probabilities.argmax(axis=1)
    if (likely == likely[0]).all():
        return None
    rows = find_suspects(rated := probabilities.astype(np.float64), labels)

    def suspect(row: int) -> Suspect:
        pair = int(labels[row]), int(likely[row])
        given, suggested = (class_names[at] for at in pair)
        shares = (float(probabilities[row, at]) for at in pair)
        return Suspect(row, paths[row], given, suggested, *shares)

    joint = confident_joint(rated, labels)
    estimated = int(joint.sum() - np.trace(joint))
    return Suspects(tuple(map(suspect, rows.tolist())), estimated, len(labels))


def _picture(suspect: Suspect) -> Picture:
    return Picture(
        suspect.row,
        (
            "labeled ",
            Span(suspect.label, "strong"),
            f" ({format_percent(suspect.label_probability, 0)}), perhaps ",
            Span(suspect.suggested, "wrong"),
            f" ({format_percent(suspect.probability, 0)})",
        ),
        f"An image labeled {suspect.label}, perhaps {suspect.suggested}",
    )
