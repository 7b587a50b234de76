"""Targets of a listing: what every kind of them can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples
from striate.data.listing.masks import MaskFiles
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec


class Placing(Protocol):
    """What makes a network's input of an image: `data.decoding.preprocess.Preprocess`."""

    def place_boxes(
        self, corners: NDArray[np.float64], sizes: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class TargetCounts:
    """What `check` shows of targets: a row for each name."""

    images: Mapping[str, int]  #: name -> images that have it
    splits: Mapping[Split, Mapping[str, int]]  #: the same per split; empty without splits
    #: further columns: title -> a cell for each name
    columns: Mapping[str, Sequence[str]]
    ignored: float | None = None  #: share of all pixels that are of no class; None without masks


@dataclass(frozen=True, eq=False)
class Targets(ABC):
    """The targets of a listing's images: a column, a row an image, of one kind."""

    spec: TargetSpec

    @property
    @abstractmethod
    def values(self) -> NDArray[Any]:
        """The targets of a batch as an array (N, ...), one row an image."""

    @property
    def files(self) -> MaskFiles | None:
        """The masks of targets that are pixels, decoded beside the images; None for others."""
        return None

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def select(self, rows: NDArray[Any]) -> Self:
        """Return the targets of the given rows."""

    def recorded(self, records: Records) -> Self:  # noqa: ARG002
        """Return the targets with what the `records` (N) of the decoded images tell of them."""
        return self

    def placed(self, preprocess: Placing, records: Records) -> NDArray[Any]:  # noqa: ARG002
        """Return the `values` as the network's input shows them.

        Of images with the given `records` (N), that `preprocess` makes inputs of.
        """
        return self.values

    def judged(self, preprocess: Placing, records: Records) -> NDArray[Any]:
        """Return what evaluation compares with the outputs: `placed`, and what figures need."""
        return self.placed(preprocess, records)

    @abstractmethod
    def aligned(self, spec: TargetSpec) -> Self:
        """Return the same targets as a model with this spec numbers them."""

    @abstractmethod
    def ids(self) -> NDArray[Any]:
        """Return integers (N,) that are equal for equal targets."""

    @abstractmethod
    def entry(self, row: int) -> dict[str, Any]:
        """Return the target of an image as JSON, for the image list of a run."""

    @abstractmethod
    def describe(self, row: int) -> str:
        """Return the target of an image in words, for a caption."""

    @abstractmethod
    def problems(
        self, images: Samples, candidates: Samples, findings: Sequence[Finding]
    ) -> tuple[str, ...]:
        """Return why these targets of usable images cannot be trained on, most serious first.

        `candidates` are all listed images, `findings` those of the listing.
        """

    def findings(self, images: Samples) -> tuple[Finding, ...]:  # noqa: ARG002
        """Return what is odd about these targets of usable images, each under the name it is of."""
        return ()

    @abstractmethod
    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:
        """Return what is missing because images are copies of each other."""

    @abstractmethod
    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        """Count the targets, also per split of the layout."""
