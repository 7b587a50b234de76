"""Targets of detection: any number of boxes an image, each around an object of a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import Placing, TargetCounts, Targets
from striate.data.targets.box_fitting import clip, find_odd, fit_boxes, read_orientations
from striate.data.targets.box_problems import find_problems, find_unseen
from striate.data.targets.mask_problems import find_copies
from striate.text import MISSING

CLASS, IGNORED = 4, 5  #: columns of a box; those before are its corners
_PADDING = (0.0, 0.0, 0.0, 0.0, -1.0, 0.0)  #: row of an array of boxes that is none


@dataclass(frozen=True)
class BoxOrigins:
    """Where boxes were written, for what is said of them."""

    files: tuple[str, ...]  #: relative to the root of the listing
    file: NDArray[np.int64]  #: (B,) index of `files`
    number: NDArray[np.int64]  #: (B,) line, or number of the annotation
    unit: str = "line"  #: what is numbered

    def select(self, boxes: NDArray[Any]) -> BoxOrigins:
        """Return those of the given boxes."""
        return replace(self, file=self.file[boxes], number=self.number[boxes])

    def describe(self, box: int) -> tuple[str, str]:
        """Return the file of a box, and "line 4"."""
        return self.files[self.file[box]], f"{self.unit} {self.number[box]:,}"


@dataclass(frozen=True, eq=False)
class BoxTargets(Targets):
    """The boxes of each image: corners in pixels of the upright image, class, and whether ignored.

    Corners are edges of pixels, right and bottom exclusive. An ignored box, as "difficult" of
    Pascal VOC and "iscrowd" of COCO, is neither to be found nor wrong to find.
    """

    rows: NDArray[np.float64]  #: (B, 6), image by image: left, top, right, bottom, class, ignored
    counts: NDArray[np.int64]  #: (N,) boxes of each image
    #: (N, 2) width and height of the image that the corners were written for, 1 x 1 for shares;
    #: 0: its own. None: the boxes have been fitted to the decoded images
    frames: NDArray[np.float64] | None = None
    origins: BoxOrigins | None = field(default=None, repr=False)
    #: row of an image -> what is odd about its boxes, known once it is decoded
    odd: dict[int, tuple[Finding, ...]] = field(default_factory=dict[int, Any], repr=False)

    @classmethod
    def of(cls, spec: TargetSpec, values: NDArray[np.floating[Any]]) -> BoxTargets:
        """Return the boxes of an array (N, M, 6) as in `values`."""
        there = values[..., CLASS] >= 0
        return cls(spec, values[there].astype(np.float64), there.sum(axis=1, dtype=np.int64))

    @property
    def values(self) -> NDArray[np.float32]:
        """The boxes in pixels of the images, (N, M, 6), M those of the fullest image, at least 1.

        Rows beyond the boxes of an image have the class -1.
        """
        return _padded(self.rows, self.counts)

    def placed(self, preprocess: Placing, records: Records) -> NDArray[np.float32]:
        """Return the boxes in pixels of the network's input, (N, M, 6) as `values`.

        They are clipped to what it shows of the image; those of which nothing is left are not
        there.
        """
        sizes, owners = _sizes(records), self._owners
        corners = preprocess.place_boxes(self.rows[:, :CLASS], sizes[owners])
        rows = np.column_stack([corners, self.rows[:, CLASS:]])
        kept = (rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])
        counts = np.bincount(owners[kept], minlength=len(self))
        return _padded(rows[kept], counts, int(self.counts.max(initial=1)))

    def judged(self, preprocess: Placing, records: Records) -> NDArray[np.float32]:
        """Return `placed` with a seventh column: the area in the image of a pixel of the input."""
        values, middles = self.placed(preprocess, records), _sizes(records) / 2
        pixels = np.concatenate([middles - 0.5, middles + 0.5], axis=1)
        shown = preprocess.place_boxes(pixels, 2 * middles)
        area = 1 / (shown[:, 2:] - shown[:, :2]).prod(axis=1)
        scales = np.broadcast_to(area[:, None, None], (*values.shape[:2], 1))
        return np.concatenate([values, scales.astype(np.float32)], axis=2)

    def __len__(self) -> int:
        return len(self.counts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoxTargets)
            and self.spec == other.spec
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.rows, other.rows)
        )

    __hash__ = None  # type: ignore[assignment]

    def select(self, rows: NDArray[Any]) -> BoxTargets:
        images = np.arange(len(self))[rows]
        ends = np.cumsum(self.counts)
        counts = self.counts[images]
        firsts = np.repeat(ends[images] - counts - np.cumsum(counts) + counts, counts)
        boxes = firsts + np.arange(int(counts.sum()))
        return replace(
            self,
            rows=self.rows[boxes],
            counts=counts,
            frames=None if self.frames is None else self.frames[images],
            origins=self.origins and self.origins.select(boxes),
            odd={at: self.odd[row] for at, row in enumerate(images.tolist()) if row in self.odd},
        )

    def recorded(self, records: Records) -> BoxTargets:
        """Return the boxes fitted to the decoded images: turned, scaled and clipped with them."""
        if self.frames is None:
            return self
        sizes, owners = _sizes(records), self._owners
        fitted = fit_boxes(
            self.rows[:, :CLASS], owners, self.frames, sizes, read_orientations(records)
        )
        corners = clip(fitted.corners, sizes[owners])
        kept = np.flatnonzero((corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1]))
        return replace(
            self,
            rows=np.column_stack([corners, self.rows[:, CLASS:]])[kept],
            counts=np.bincount(owners[kept], minlength=len(self)),
            frames=None,
            origins=self.origins and self.origins.select(kept),
            odd=find_odd(fitted, corners, owners, sizes, self._tell),
        )

    def aligned(self, spec: TargetSpec) -> BoxTargets:
        place = np.array([spec.names.index(name) for name in self.spec.names], np.float64)
        rows = self.rows.copy()
        rows[:, CLASS] = place[self.rows[:, CLASS].astype(np.int64)]
        return replace(self, spec=spec, rows=rows)

    def ids(self) -> NDArray[np.int64]:
        """Return integers (N,) that are equal for equal boxes, in whatever order."""
        known = dict[bytes, int]()
        lists = np.split(self.rows, np.cumsum(self.counts)[:-1])
        keys = (rows[np.lexsort(rows.T)].tobytes() for rows in lists[: len(self)])
        return np.array([known.setdefault(key, len(known)) for key in keys], np.int64)

    def entry(self, row: int) -> dict[str, Any]:
        boxes = [
            {"class": self.spec.names[int(index)], "box": corners}
            | ({"ignored": True} if ignored else {})
            for *corners, index, ignored in self._boxes(row).tolist()
        ]
        return {"boxes": boxes}

    def describe(self, row: int) -> str:
        """Return how many boxes there are of each class, as in "12 RBC, 1 WBC"."""
        counts = np.bincount(self._boxes(row)[:, CLASS].astype(np.int64))
        order = [at for at in np.argsort(-counts, kind="stable").tolist() if counts[at]]
        return ", ".join(f"{counts[at]:,} {self.spec.names[at]}" for at in order) or "no box"

    def problems(
        self,
        images: Samples,
        candidates: Samples,
        findings: Sequence[Finding],  # noqa: ARG002 - what is wrong with a box is no reason
    ) -> tuple[str, ...]:
        return find_problems(images, candidates, self._shown(learned=True))

    def findings(self, images: Samples) -> tuple[Finding, ...]:
        empty = np.flatnonzero(self.counts == 0).tolist()
        return (
            *(found for row in sorted(self.odd) for found in self.odd[row]),
            *(Finding("no box", images.path(row)) for row in empty),
            *find_unseen(self.spec.names, images, self._shown(learned=True)),
        )

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        return find_copies(records)

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        """Count the images that show each class and its boxes, with their sizes in pixels."""
        shown = self._shown(learned=False)
        return TargetCounts(
            self._images(shown),
            {split: self._images(shown[rows_in_split(images, split)]) for split in splits},
            self._columns(),
        )

    @property
    def _owners(self) -> NDArray[np.int64]:
        """The image of each box, (B,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def _boxes(self, row: int) -> NDArray[np.float64]:
        end = int(self.counts[: row + 1].sum())
        return self.rows[end - int(self.counts[row]) : end]

    def _shown(self, *, learned: bool) -> NDArray[np.bool_]:
        """Return whether an image has a box of a class, (N, K); if `learned`, one not ignored."""
        shown = np.zeros((len(self), len(self.spec.names)), bool)
        some = self.rows[:, IGNORED] == 0 if learned else np.ones(len(self.rows), bool)
        shown[self._owners[some], self.rows[some, CLASS].astype(np.int64)] = True
        return shown

    def _images(self, shown: NDArray[np.bool_]) -> dict[str, int]:
        return dict(zip(self.spec.names, shown.sum(axis=0).tolist(), strict=True))

    def _columns(self) -> dict[str, Sequence[str]]:
        """Return the columns of `check`: boxes, those ignored, and sizes where they are known."""
        classes, ignored = self.rows[:, CLASS].astype(np.int64), self.rows[:, IGNORED] > 0
        count = len(self.spec.names)
        columns: dict[str, Sequence[str]] = {"boxes": _cells(classes, count)}
        if ignored.any():
            columns["ignored"] = _cells(classes[ignored], count)
        if self.frames is not None:
            return columns
        sides = self.rows[:, 2:CLASS] - self.rows[:, :2]
        ranked = [_by_area(sides[classes == index]) for index in range(count)]
        for title, share in (("smallest", 0.0), ("median", 0.5), ("largest", 1.0)):
            columns[title] = [_size(each, share) for each in ranked]
        return columns

    def _tell(self, box: int) -> tuple[str, str]:
        """Return the file of a box, and what it is: "line 4: dog"."""
        name = self.spec.names[int(self.rows[box, CLASS])]
        if self.origins is None:
            return "", name
        file, place = self.origins.describe(box)
        return file, f"{place}: {name}"


def _padded(
    rows: NDArray[np.float64], counts: NDArray[np.int64], most: int = 1
) -> NDArray[np.float32]:
    """Return lists of boxes as one array (N, M, 6), M at least `most`."""
    values = np.empty((len(counts), max(most, int(counts.max(initial=1))), 6), np.float32)
    values[:] = _PADDING
    values[np.arange(values.shape[1]) < counts[:, None]] = rows
    return values


def _sizes(records: Records) -> NDArray[np.float64]:
    """Return width and height of each image, (N, 2)."""
    return np.stack([records.table["width"], records.table["height"]], axis=1).astype(np.float64)


def _cells(classes: NDArray[np.int64], count: int) -> list[str]:
    return [f"{boxes:,}" for boxes in np.bincount(classes, minlength=count).tolist()]


def _by_area(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    return sides[np.argsort(sides.prod(axis=1), kind="stable")]


def _size(ranked: NDArray[np.float64], share: float) -> str:
    if not len(ranked):
        return MISSING
    wide, high = ranked[round(share * (len(ranked) - 1))].tolist()
    return f"{wide:.0f} x {high:.0f}"
