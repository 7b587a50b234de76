"""Pairs of pictures: a folder of inputs beside one of targets, with files of the same names.

    input/1.png          target/1.png       or a/ and b/, noisy/ and clean/, ...
    train/input/1.png    train/target/1.png
    input/train/1.png    target/train/1.png
    trainA/1.png         trainB/1.png

Their suffixes may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.masks import MaskCodes, MaskFiles
from striate.data.listing.samples import SPLITS, Finding, Sample, Split, fold_case
from striate.data.listing.split_names import split_of
from striate.data.readers.folder_pairs import inner_splits, stem_of, unwrap
from striate.data.readers.walk import list_files, read_folder
from striate.data.targets.pairs import PairTargets
from striate.errors import DataError, printable

#: names of folders of inputs and of targets, folded; an earlier one is preferred
_NAMES = (
    *(("input", "target"), ("inputs", "targets"), ("source", "target"), ("a", "b")),
    *(("noisy", "clean"), ("blurred", "sharp"), ("blur", "sharp"), ("low", "high")),
    *(("damaged", "restored"), ("before", "after")),
)


class _Pair(NamedTuple):
    """A folder of inputs and one of their targets, relative to the root."""

    inputs: str
    targets: str
    split: Split | None


def read_picture_pairs(place: Path, folders: Sequence[str], files: Sequence[str]) -> Listing:
    """List a folder with inputs and targets; `folders` and `files` are what is in it.

    Raises DataError if it has no such folders.
    """
    home, inside = unwrap(str(place), folders)
    pairs = [
        _Pair(home + pair.inputs, home + pair.targets, pair.split)
        for pair in _find_pairs(f"{place}/{home}", inside)
    ]
    if not pairs:
        found = ", ".join(repr(printable(name)) for name in inside[:4]) or "none"
        raise DataError(
            f"{printable(str(place))}: expected a folder 'input' and a folder 'target' with files "
            f"of the same names, or both in 'train' and 'validation'; its folders: {found}"
        )
    findings = [Finding("stray", name, "a file outside the folders of pairs") for name in files]
    samples, targets = list[Sample](), list[str]()
    for pair in pairs:
        target_of = _match(str(place), pair, findings)
        splits = inner_splits(pair.inputs, target_of)
        samples += [Sample(path, 0, pair.split or splits[path]) for path in target_of]
        targets += target_of.values()
    found = PairTargets.of(MaskFiles(targets, MaskCodes()))
    return Listing(place, "pairs of images", found, Samples.of(samples), tuple(findings))


def _find_pairs(place: str, folders: Sequence[str]) -> list[_Pair]:
    """Return the folders of inputs and of targets among these or within splits; else none."""
    if pair := _pair_of(folders):
        return [_Pair(*pair, None)]
    pairs = list[_Pair]()
    for name in folders:
        beside = f"{name[:-1]}{'B' if name.endswith('A') else 'b'}"
        if name[-1:] in "Aa" and beside in folders and (split := split_of(name[:-1])):
            pairs.append(_Pair(name, beside, split))
        elif (split := split_of(name)) and (pair := _pair_of(read_folder(place, name, []).folders)):
            pairs.append(_Pair(f"{name}/{pair[0]}", f"{name}/{pair[1]}", split))
    return sorted(pairs, key=lambda pair: SPLITS.index(pair.split or "train"))


def _pair_of(folders: Sequence[str]) -> tuple[str, str] | None:
    named = {fold_case(name): name for name in folders}
    known = (pair for pair in _NAMES if named.keys() >= set(pair))
    return next(((named[first], named[second]) for first, second in known), None)


def _match(place: str, pair: _Pair, findings: list[Finding]) -> dict[str, str]:
    """Return input -> target of the same name but for its suffix; others are findings."""
    named = dict[str, str]()
    for path in list_files(place, pair.targets, findings):
        first = named.setdefault(stem_of(path, pair.targets), path)
        if first is not path:
            findings.append(Finding("no input", path, f"that of its name belongs to {first}"))
    target_of = dict[str, str]()
    for path in list_files(place, pair.inputs, findings):
        if target := named.pop(stem_of(path, pair.inputs), None):
            target_of[path] = target
        else:
            findings.append(Finding("no target", path))
    findings += [Finding("no input", path) for path in named.values()]
    return target_of
