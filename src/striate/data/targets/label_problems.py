"""Reasons why images with several labels cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Samples
from striate.data.listing.samples import SPLITS, fold_case, quote_distinct
from striate.text import count_noun

_Matrix = NDArray[np.uint8]


def find_label_problems(
    names: Sequence[str], matrix: _Matrix, images: Samples, candidates: Samples
) -> tuple[str, ...]:
    """Return every reason against training on label sets (N, K), most serious first.

    `images` are the usable ones of all `candidates`.
    """
    if not names:
        return ("no image has a label; write the names of its labels, or a 1 below each",)
    if not len(images):
        which = count_noun(len(candidates), "image")
        return (f"none of the {which} can be used; replace them",)
    splits = np.where(images.splits == NO_SPLIT, SPLITS.index("train"), images.splits)
    train = splits == SPLITS.index("train")
    if not train.any():
        held = [split for at, split in enumerate(SPLITS) if (splits == at).any()]
        where = " and ".join(held)
        return (f"there are no images to train on: all {len(images):,} are in {where}",)
    validated = (splits == SPLITS.index("validation")).any()
    return (
        *_one_valued(names, matrix[train], least=1 if validated else 2, known=_where(splits)),
        *_alike(names),
    )


def _where(splits: NDArray[np.uint8]) -> str:
    """Say which images are trained on, where that is not all of them."""
    return " in train" if (splits != SPLITS.index("train")).any() else ""


def _one_valued(names: Sequence[str], matrix: _Matrix, *, least: int, known: str) -> Iterator[str]:
    """Yield labels that too few of the training images have, or too few lack.

    Without a validation split, one image of either kind becomes one for validation.
    """
    images = len(matrix)
    for name, having in zip(names, matrix.sum(axis=0, dtype=int).tolist(), strict=True):
        if min(having, images - having) >= least:
            continue
        expected = f"expected at least {least} with it and {least} without it"
        if having in (0, images):
            which = "no image" if not having else f"every one of the {images:,} images"
            yield f"label {name!r} is on {which}{known}; {expected}, or remove the label"
        elif having < least:
            yield f"label {name!r} is on one image{known} only; {expected}"
        else:
            yield f"label {name!r} is on all images{known} but one; {expected}"


def _alike(names: Sequence[str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold_case(name), []).append(name)
    for group in groups.values():
        if len(group) > 1:
            shown = " and ".join(quote_distinct(group))
            yield f"labels {shown} differ only in case or Unicode form; merge or rename them"
