"""Reader of class folders, of images or of signals, in folders of splits or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import SPLITS, Finding, Sample, Split, as_text
from striate.data.readers.entries import opened
from striate.data.readers.mask_folders import find_other_masks
from striate.data.readers.signals import find_inputs
from striate.data.readers.split_folders import splits_among
from striate.data.readers.walk import Folder, find_clashes, list_files, read_folder
from striate.data.targets.classes import ClassTargets


def read_class_folders(place: Path, top: Folder, findings: list[Finding], shown: str) -> Listing:
    """List the class folders of a place; `shown` is its name in errors."""
    signals = find_inputs(str(place), top.folders) == "signal"
    if splits := splits_among(str(place), top.folders, shown):
        return _splits(place, splits, findings, signals=signals)
    findings += find_clashes(top.folders)
    groups = [
        _class(str(place), name, label, None, findings, signals=signals)
        for label, name in enumerate(top.folders)
    ]
    findings += find_other_masks(top.folders, groups)
    images = Samples.concat(groups)
    class_names = tuple(map(as_text, top.folders))
    targets = ClassTargets.of(class_names, images)
    return Listing(place, "class folders", targets, images, tuple(findings))


def _splits(
    place: Path, splits: Mapping[str, Split], findings: list[Finding], *, signals: bool
) -> Listing:
    held = {name: _split(str(place), name, findings) for name in splits}
    class_names = sorted({name for _, inside in held.values() for name in inside.folders})
    findings += find_clashes(class_names)
    labels = {name: label for label, name in enumerate(class_names)}
    images: list[Samples] = []
    for name in sorted(splits, key=lambda name: SPLITS.index(splits[name])):
        home, inside = held[name]
        for folder in inside.folders:
            inner = f"{home}/{folder}"
            label, split = labels[folder], splits[name]
            images.append(_class(str(place), inner, label, split, findings, signals=signals))
    joined, layout = Samples.concat(images), "train/validation/test folders"
    targets = ClassTargets.of(tuple(map(as_text, class_names)), joined)
    return Listing(place, layout, targets, joined, tuple(findings))


def _split(place: str, name: str, findings: list[Finding]) -> tuple[str, Folder]:
    """Return the parent of a split's class folders, and its content."""
    within = opened(f"{place}/{name}")
    home = name if within is None else within[0].removeprefix(f"{place}/")
    inside = read_folder(place, home, findings)
    findings += [
        Finding("stray", f"{home}/{file}", "a file outside the class folders")
        for file in inside.files
    ]
    return home, inside


def _class(
    place: str,
    folder: str,
    label: int,
    split: Split | None,
    findings: list[Finding],
    *,
    signals: bool,
) -> Samples:
    """Return the candidates of a class folder: files before subfolders, in code-point order."""
    before = len(findings)
    paths = list_files(place, folder, findings, signals=signals)
    images = Samples.of(Sample(path, label, split) for path in paths)
    if not images and all(finding.path != folder for finding in findings[before:]):
        findings.append(Finding("empty class", folder))
    return images
