"""Detection of split folders, by name and content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.data.listing.samples import SPLITS, Split, fold_case
from striate.data.listing.split_names import SPLIT_NAMES, split_and_rest
from striate.data.readers.entries import opened
from striate.errors import DataError

_MOST_ASKED = 10  #: more folders than this are classes, whatever their content


def splits_among(folder: str, names: Sequence[str], shown: str) -> Mapping[str, Split]:
    """Return the split of each subfolder; empty if they are classes.

    Raises DataError if this is ambiguous, naming two of them.
    """
    known, sure = _known(names), {name for name in names if name.lower() in SPLIT_NAMES}
    others = [name for name in names if name not in known]
    worth = known or 1 < len(names) <= _MOST_ASKED
    inside = {name: opened(f"{folder}/{name}") for name in names} if worth else {}
    parted = [name for name in known if name in sure or inside.get(name)]
    found = {known[name] for name in parted}
    if others:
        if "train" in found and len(found) > 1:
            raise DataError(
                f"{shown}: {_both(parted)} are splits of the data, but {_both(others[:1])} beside "
                "them is none; move it elsewhere, or rename folders that are classes"
            )
        _ask(names, inside, known, shown)
        return {}
    if len(parted) < len(names):
        direct = next(name for name in names if name not in parted)
        if len(names) == 1:
            return {}
        raise DataError(
            f"{shown}: are {_both(names[:2])} splits of the data or classes? {direct!r} holds "
            "images itself;\nput those of a split into a folder for each class, or rename classes"
        )
    for split in SPLITS:
        same = [name for name in names if known[name] == split]
        if len(same) > 1:
            raise DataError(f"{shown}: {_both(same)} both hold the {split} split; keep one of them")
    return known


def _known(names: Sequence[str]) -> dict[str, Split]:
    """Return names that consist of a split only, or that differ from another only in the split."""
    told = {name: split_and_rest(name) for name in names}
    held: dict[str, set[Split]] = {}
    for split, rest in told.values():
        if split:
            held.setdefault(rest, set()).add(split)
    return {
        name: split
        for name, (split, rest) in told.items()
        if split and (not rest or len(held[rest]) > 1)
    }


def _ask(
    names: Sequence[str],
    inside: Mapping[str, tuple[str, list[str]] | None],
    known: Mapping[str, Split],
    shown: str,
) -> None:
    """Raises DataError if folders contain the same subfolders and no images of their own."""
    held = [{fold_case(name) for name in found[1]} for found in inside.values() if found]
    if len(names) < 2 or len(names) > _MOST_ASKED or len(held) < len(names):
        return
    common, all_of_them = set[str].intersection(*held), set[str].union(*held)
    if len(common) >= 2 and (known or 2 * len(common) >= len(all_of_them)):
        raise DataError(
            f"{shown}: are {_both(names[:2])} splits of the data or classes? Both hold the folders "
            f"{_both(sorted(common)[:2])} and no images of their own;\n"
            "name splits train, validation and test; of classes, list the images in a CSV manifest"
        )


def _both(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)
