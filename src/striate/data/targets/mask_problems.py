"""Reasons why images with masks cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS

_NAMED = 3


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
    learned = (images.splits == SPLITS.index("train")) | (images.splits == NO_SPLIT)
    return (*_few(class_names, images, learned), *_unseen(class_names, images, learned, shown))


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


def _few(class_names: Sequence[str], images: Samples, learned: NDArray[np.bool_]) -> Iterator[str]:
    if len(class_names) < 2:
        yield f"there is only one class, {class_names[0]!r}; expected at least two"
    where = " in train" if (images.splits == SPLITS.index("train")).any() else ""
    if not learned.any():
        splits = " and ".join(
            split for at, split in enumerate(SPLITS) if (images.splits == at).any()
        )
        yield f"there are no images to train on: all {len(images):,} are in {splits}"
    elif learned.sum() == 1:
        yield f"there is only one image with a mask{where}; expected at least two"


def _unseen(
    class_names: Sequence[str],
    images: Samples,
    learned: NDArray[np.bool_],
    shown: NDArray[np.bool_] | None,
) -> Iterator[str]:
    """Yield classes without a pixel to learn from."""
    if shown is None or not learned.any():
        return
    missing = np.flatnonzero(~shown[learned].any(axis=0)).tolist()
    if len(missing) == len(class_names):
        yield "no pixel of a mask is of a class; replace the masks"
        return
    elsewhere = set(np.flatnonzero(shown.any(axis=0)).tolist())
    nowhere = [class_names[at] for at in missing if at not in elsewhere]
    moved = [class_names[at] for at in missing if at in elsewhere]
    if moved:
        splits = " and ".join(
            split for split in SPLITS[1:] if shown[rows_in_split(images, split)][:, missing].any()
        )
        yield f"{_classes(moved)} in masks of {splits}, but in none of train; move some there"
    if nowhere:
        yield f"{_classes(nowhere)} in no mask; add one, or name only the others in classes.txt"


def _classes(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"class {names[0]!r} is"
    quoted = [repr(name) for name in names]
    if len(quoted) > _NAMED + 1:
        quoted = [*quoted[:_NAMED], f"{len(quoted) - _NAMED:,} more"]
    return f"classes {', '.join(quoted[:-1])} and {quoted[-1]} are"
