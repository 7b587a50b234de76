"""Reasons why images with masks cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Finding


def find_problems(
    class_names: Sequence[str],
    images: Samples,
    candidates: Samples,
    shown: NDArray[np.bool_] | None,
) -> tuple[str, ...]:
    """Return every reason against training on the images, most serious first; empty if none.

    `images` are the usable ones, `candidates` all listed ones. `shown` (N, classes) is which
    classes a mask shows; None before decoding.
    """
    if not images:
        return (_without_images(candidates),)
    classes = [] if len(class_names) > 1 else [
        f"there is only one class, {class_names[0]!r}; expected at least two"
    ]  # fmt: skip
    learned = learned_rows(images)
    few = find_few(images, "image with a mask")
    return (*classes, *few, *_blank(class_names, learned, shown))


def find_unseen(
    class_names: Sequence[str], images: Samples, shown: NDArray[np.bool_] | None
) -> Iterator[Finding]:
    """Yield the classes without a pixel to learn from; `shown` is as in `find_problems`."""
    learned = learned_rows(images)
    if shown is None or not learned.any():
        return
    for at in np.flatnonzero(~shown[learned].any(axis=0)).tolist():
        held = [split for split in SPLITS[1:] if shown[rows_in_split(images, split), at].any()]
        where = f"in masks of {' and '.join(held)} only" if held else "in no mask"
        yield Finding("unseen class", class_names[at], where)


def find_copies(records: Records) -> tuple[str, ...]:
    """Return that all images are copies of one: none is left for validation."""
    if (records.digests != records.digests[:1]).any():
        return ()
    count = len(records)
    return (f"all {count:,} images are copies of one; expected at least two different ones",)


def _without_images(candidates: Samples) -> str:
    if not candidates:
        return "no image has a mask; expected masks/1.png for images/1.jpg"
    if len(candidates) == 1:
        return "the only image cannot be used with its mask; replace them"
    return f"none of the {len(candidates):,} images can be used with its mask; replace them"


def find_few(images: Samples, what: str) -> Iterator[str]:
    """Yield that no image or only one is to be learned from; `what` is "image with a mask"."""
    learned = learned_rows(images)
    where = " in train" if (images.splits == SPLITS.index("train")).any() else ""
    if not learned.any():
        splits = " and ".join(
            split for at, split in enumerate(SPLITS) if (images.splits == at).any()
        )
        yield f"there are no images to train on: all {len(images):,} are in {splits}"
    elif learned.sum() == 1:
        yield f"there is only one {what}{where}; expected at least two"


def _blank(
    class_names: Sequence[str], learned: NDArray[np.bool_], shown: NDArray[np.bool_] | None
) -> Iterator[str]:
    """Yield that the masks to learn from show no class, or the same one everywhere."""
    if shown is None or not learned.any():
        return
    seen = np.flatnonzero(shown[learned].any(axis=0)).tolist()
    where = "" if learned.all() else " in train"
    if not seen:
        yield f"no pixel of a mask{where} is of a class; replace the masks"
    elif len(seen) == 1 < len(class_names):
        only = class_names[seen[0]]
        yield f"every pixel of the masks{where} is of class {only!r}; expected at least two classes"


def learned_rows(images: Samples) -> NDArray[np.bool_]:
    """Return which images are, or may become, those to train on (N,)."""
    return (images.splits == SPLITS.index("train")) | (images.splits == NO_SPLIT)
