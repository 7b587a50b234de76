"""Reasons why images with boxes cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Finding
from striate.data.targets.mask_problems import find_few, learned_rows


def find_problems(
    images: Samples, candidates: Samples, shown: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Return every reason against training on the images, most serious first; empty if none.

    `images` are the usable ones, `candidates` all listed ones; `shown` (N, classes) is of which
    classes an image has a box that is not ignored.
    """
    if not images:
        return (_without_images(candidates),)
    learned = learned_rows(images)
    if learned.any() and not shown[learned].any():
        where = "" if learned.all() else " in train"
        return (f"no image{where} has a box that can be learned; draw some around its objects",)
    return tuple(find_few(images, "image"))


def find_unseen(
    class_names: Sequence[str], images: Samples, shown: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Yield the classes without a box to learn from; `shown` is as in `find_problems`."""
    learned = learned_rows(images)
    if not learned.any():
        return
    for at in np.flatnonzero(~shown[learned].any(axis=0)).tolist():
        held = [split for split in SPLITS[1:] if shown[rows_in_split(images, split), at].any()]
        where = f"in {' and '.join(held)} only" if held else "nowhere"
        yield Finding("unboxed class", class_names[at], where)


def _without_images(candidates: Samples) -> str:
    if not candidates:
        return "there are no images with boxes; expected Annotations/1.xml for JPEGImages/1.jpg"
    if len(candidates) == 1:
        return "the only image cannot be used; replace it"
    return f"none of the {len(candidates):,} images can be used; replace them"
