"""Reasons why images with numbers cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples
from striate.data.listing.samples import SPLITS

#: fewest images with a number of a column: one to train on, one to validate
FEWEST = 2


def find_problems(
    names: Sequence[str], numbers: NDArray[np.float64], images: Samples, candidates: Samples
) -> tuple[str, ...]:
    """Return every reason against training on usable images, most serious first.

    `numbers` are (N, V), a row for each of the `images` and a column for each of the names;
    `candidates` are all listed images.
    """
    if not len(images):
        return (_without_images(candidates),)
    if len(images) < FEWEST:
        return ("there is one image; expected at least two: one to train on, one to validate",)
    splits = np.where(images.splits == NO_SPLIT, SPLITS.index("train"), images.splits)
    counts = np.bincount(splits, minlength=len(SPLITS)).tolist()
    if not counts[0]:
        held = " and ".join(split for split, count in zip(SPLITS, counts, strict=True) if count)
        return (f"there are no images to train on: all {len(images):,} are in {held}",)
    return tuple(
        problem
        for name, column in zip(names, numbers.T, strict=True)
        for problem in _column(name, column, splits)
    )


def find_copies(records: Records) -> tuple[str, ...]:
    """Return that all images are copies of one: none is left for validation."""
    digests = records.digests
    if len(digests) and (digests == digests[0]).all():
        return (f"all {len(digests):,} images are copies of one; expected at least two",)
    return ()


def _without_images(candidates: Samples) -> str:
    if len(candidates) > 1:
        return f"none of the {len(candidates):,} images can be used; replace them"
    return "the only image cannot be used; replace it" if len(candidates) else "there are no images"


def _column(name: str, column: NDArray[np.float64], splits: NDArray[Any]) -> Iterator[str]:
    """Yield what is wrong with one column of numbers."""
    known = ~np.isnan(column)
    if known.sum() < FEWEST:
        have = "no image has" if not known.any() else "only one image has"
        yield f"{have} a number in column {name!r}; expected at least two, or remove the column"
        return
    for place, split in enumerate(SPLITS):
        here = splits == place
        if here.any() and not known[here].any():
            yield f"no image of {split} has a number in column {name!r}; fill some in"
    train = column[known & (splits == SPLITS.index("train"))]
    if len(train) and (train == train[0]).all():
        where = "" if (splits == SPLITS.index("train")).all() else " in train"
        yield (
            f"column {name!r} is {train[0]:.6g} for every image{where}; expected numbers that "
            "differ, or remove the column"
        )
