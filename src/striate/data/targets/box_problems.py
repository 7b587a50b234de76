"""Reasons why images with boxes cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Finding


def find_problems(
    images: Samples, candidates: Samples, shown: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Return every reason against training on the images, most serious first; empty if none.

    `images` are the usable ones, `candidates` all listed ones; `shown` (N, classes) is of which
    classes an image has a box that is not ignored.
    """
    if not images:
        return (_without_images(candidates),)
    return tuple(_few(images, shown, _learned(images)))


def find_unseen(
    class_names: Sequence[str], images: Samples, shown: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Yield the classes without a box to learn from; `shown` is as in `find_problems`."""
    learned = _learned(images)
    if not learned.any():
        return
    for at in np.flatnonzero(~shown[learned].any(axis=0)).tolist():
        held = [split for split in SPLITS[1:] if shown[rows_in_split(images, split), at].any()]
        where = f"in {' and '.join(held)} only" if held else "nowhere"
        yield Finding("unboxed class", class_names[at], where)


def find_copies(records: Records) -> tuple[str, ...]:
    """Return that all images are copies of one: none is left for validation."""
    if (records.digests != records.digests[:1]).any():
        return ()
    count = len(records)
    return (f"all {count:,} images are copies of one; expected at least two different ones",)


def _without_images(candidates: Samples) -> str:
    if not candidates:
        return "there are no images with boxes; expected Annotations/1.xml for JPEGImages/1.jpg"
    if len(candidates) == 1:
        return "the only image cannot be used; replace it"
    return f"none of the {len(candidates):,} images can be used; replace them"


def _few(images: Samples, shown: NDArray[np.bool_], learned: NDArray[np.bool_]) -> Iterator[str]:
    where = " in train" if (images.splits == SPLITS.index("train")).any() else ""
    if not learned.any():
        splits = " and ".join(
            split for at, split in enumerate(SPLITS) if (images.splits == at).any()
        )
        yield f"there are no images to train on: all {len(images):,} are in {splits}"
    elif learned.sum() == 1:
        yield f"there is only one image{where}; expected at least two"
    if learned.any() and not shown[learned].any():
        yield f"no image{where} has a box that can be learned; draw some around its objects"


def _learned(images: Samples) -> NDArray[np.bool_]:
    """Return which images are, or may become, those to train on (N,)."""
    return (images.splits == SPLITS.index("train")) | (images.splits == NO_SPLIT)
