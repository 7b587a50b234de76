"""Reasons why images with several labels cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Samples
from striate.data.listing.samples import SPLITS, Finding, fold_case, quote_distinct
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
    return (*_unlearned(names, matrix[train], _where(splits)), *_alike(names))


def find_one_sided(names: Sequence[str], matrix: _Matrix, images: Samples) -> Iterator[Finding]:
    """Yield the labels that the images to train on all have, or all lack; then of validation.

    Without a validation split, one image of either kind becomes one for validation.
    """
    learned = (images.splits == SPLITS.index("train")) | (images.splits == NO_SPLIT)
    judged = images.splits == SPLITS.index("validation")
    for name, having in zip(names, matrix.T, strict=True):
        if where := _side(having[learned]):
            yield Finding("unlearned label", name, f"on {where} to train on")
        elif judged.any() and (where := _side(having[judged])):
            yield Finding("unjudged label", name, f"on {where} of validation")
        elif not judged.any() and 1 in _sides(having[learned]):
            alone = having.sum(dtype=int) == 1
            yield Finding("unjudged label", name, "on one image" if alone else "missing on one")


def _where(splits: NDArray[np.uint8]) -> str:
    """Say which images are trained on, where that is not all of them."""
    return " in train" if (splits != SPLITS.index("train")).any() else ""


def _sides(having: _Matrix) -> tuple[int, int]:
    """Return how many images have a label, and how many lack it."""
    count = int(having.sum(dtype=int))
    return count, len(having) - count


def _side(having: _Matrix) -> str:
    """Return "no image" or "every image"; "" where some have the label and some lack it."""
    count, lacking = _sides(having)
    return "" if count and lacking else "every image" if count else "no image"


def _unlearned(names: Sequence[str], matrix: _Matrix, where: str) -> Iterator[str]:
    """Yield that all of the training images have a label, or lack it, whichever it is."""
    sides = list(map(_side, matrix.T))
    if all(sides):
        yield (
            f"no label can be learned: all images{where} have it, or all lack it, as {names[0]!r}, "
            f"which is on {sides[0]};\nexpected one that some images have and some lack"
        )


def _alike(names: Sequence[str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold_case(name), []).append(name)
    for group in groups.values():
        if len(group) > 1:
            shown = " and ".join(quote_distinct(group))
            yield f"labels {shown} differ only in case or Unicode form; merge or rename them"
