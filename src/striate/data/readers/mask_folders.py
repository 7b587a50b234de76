"""Folders of images beside folders of masks: pairs of one stem, in splits or not, and Pascal VOC.

    images/1.jpg     masks/1.png        or annotations/, labels/, SegmentationClass/, ...
    train/images/1.jpg   train/masks/1.png
    images/train/1.jpg   masks/train/1.png
    train/1.jpg      trainannot/1.png   or train_masks/, train_labels/, ...

A mask may have an ending that its image lacks, as in 1_mask.png. In the layout of Pascal VOC the
lists in ImageSets/Segmentation say which images have masks, and their splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.masks import MaskFiles
from striate.data.listing.samples import SPLITS, Finding, Sample, Split, fold_case
from striate.data.listing.split_names import split_of
from striate.data.readers.class_table import TABLES, ClassTable, find_table, read_table
from striate.data.readers.folder_pairs import (
    IMAGES,
    inner_splits,
    read_lists,
    stem_of,
    unwrap,
)
from striate.data.readers.mask_values import number_classes
from striate.data.readers.voc import find_other_mask, voc_table
from striate.data.readers.walk import list_files, read_folder
from striate.data.targets.masks import MaskTargets

_VOC = "JPEGImages", "SegmentationClass"
_VOC_LISTS = "ImageSets/Segmentation"
#: names of folders of masks, folded; an earlier one is preferred
_MASKS = (
    *("masks", "mask", "segmentationclass", "labeledapproved_full", "annotations", "annotation"),
    *("labels", "label", "groundtruth", "ground_truth", "gt"),
)
#: what a folder of masks adds to the name of its images' folder
_ADDED = ("annot", "_annot", "_masks", "_mask", "_labels", "_label")
#: what a mask's stem adds to that of its image
_ENDINGS = ("_l", "_p", "_mask", "_masks", "_label", "_labels", "_gt", "_seg", "_segmentation")


class _Pair(NamedTuple):
    """A folder of images and one of their masks, relative to the root."""

    images: str
    masks: str
    split: Split | None


@dataclass(frozen=True)
class _Content:
    """Images with their masks, in order, and what else was found."""

    samples: tuple[Sample, ...]
    masks: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_mask_folders(place: Path, folders: Sequence[str], files: Sequence[str]) -> Listing | None:
    """List a folder with images and masks; None if its subfolders are no such.

    `folders` and `files` are what is in it. Raises DataError for a table of classes or a list of
    images that cannot be read.
    """
    home, inside = unwrap(str(place), folders)
    pairs = _find_pairs(f"{place}/{home}", inside)
    if not pairs:
        return None
    pairs = [_Pair(home + pair.images, home + pair.masks, pair.split) for pair in pairs]
    lists = Path(place, home, _VOC_LISTS)
    voc = (pairs[0].images, pairs[0].masks) == tuple(home + name for name in _VOC)
    if voc and lists.is_dir():
        content = _listed(str(place), pairs[0], read_lists(lists))
    else:
        content = _matched(str(place), pairs)
    if content is None:
        return None
    strays = [
        Finding("stray", name, "a file outside the folders of images and masks")
        for name in files
        if name not in TABLES
    ]
    file = find_table(f"{place}/{home}") or find_table(str(place))
    layout = "Pascal VOC" if voc else "images and masks"
    found, missing = (*content.findings, *strays), "not there"
    table = read_table(file) if file else None
    if voc and not file:
        other = find_other_mask(place, content.masks)
        table = None if other else voc_table()
        missing += f", and {other} has not the palette of Pascal VOC"
    return list_masks(place, layout, content.samples, content.masks, table, found, missing)


def find_mask_folders(place: Path, folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders of masks in a folder, relative to it; none if it has no such layout."""
    home, inside = unwrap(str(place), folders)
    return tuple(home + pair.masks for pair in _find_pairs(f"{place}/{home}", inside))


def find_other_masks(folders: Sequence[str], groups: Sequence[Samples]) -> Iterator[Finding]:
    """Yield the class folder beside one of images that has the same stems, or the name of masks.

    `groups` are the candidates of each folder.
    """
    pair = _pair_of(folders)
    if pair and not groups[folders.index(pair[1])] and groups[folders.index(pair[0])]:
        yield Finding("perhaps masks", pair[1], f"it holds no masks of {pair[0]}")
    named = [fold_case(name) in IMAGES for name in folders]
    if len(folders) == 2 and any(named) and groups[0] and len(groups[0]) == len(groups[1]):
        first, second = (
            {stem_of(sample.path, folder) for sample in group}
            for folder, group in zip(folders, groups, strict=True)
        )
        if first == second:
            images, other = folders if named[0] else reversed(folders)
            yield Finding("perhaps masks", other, f"its files are called like those of {images}")


def list_masks(
    place: Path,
    layout: str,
    samples: Sequence[Sample],
    masks: Sequence[str],
    table: ClassTable | None,
    findings: Iterable[Finding],
    missing: str = "not there",
) -> Listing:
    """Return the listing of images and their masks; without a table, of the values in the masks.

    `missing` says why there is no table.
    """
    found = list(findings)
    images = Samples.of(samples)
    if table is None:
        table, values = number_classes(place, images, masks)
        seen = f"; the masks hold the values {', '.join(map(str, values))}" if values else ""
        found.append(Finding("no class names", "classes.txt", f"{missing}{seen}"))
    targets = MaskTargets(table.spec, MaskFiles(masks, table.codes))
    return Listing(place, layout, targets, images, tuple(found))


def _find_pairs(place: str, folders: Sequence[str]) -> list[_Pair]:
    """Return the folders of images and of masks among these or within splits; else none."""
    if pair := _pair_of(folders):
        return [_Pair(*pair, None)]
    pairs: list[_Pair] = []
    for name in folders:
        split = split_of(name)
        added = [name + end for end in _ADDED if name + end in folders]
        if split and added:
            pairs.append(_Pair(name, added[0], split))
        elif split and (pair := _pair_of(read_folder(place, name, []).folders)):
            pairs.append(_Pair(f"{name}/{pair[0]}", f"{name}/{pair[1]}", split))
    return sorted(pairs, key=lambda pair: SPLITS.index(pair.split or "train"))


def _pair_of(folders: Sequence[str]) -> tuple[str, str] | None:
    named = {fold_case(name): name for name in folders}
    images = next((named[name] for name in IMAGES if name in named), None)
    masks = next((named[name] for name in _MASKS if name in named), None)
    return (images, masks) if images and masks else None


def _matched(place: str, pairs: Sequence[_Pair]) -> _Content | None:
    """Match images and masks by stem; None if the folders of masks hold none."""
    samples, masks, findings = list[Sample](), list[str](), list[Finding]()
    any_mask = False
    for pair in pairs:
        images = list_files(place, pair.images, findings)
        found = list_files(place, pair.masks, findings)
        any_mask = any_mask or bool(found)
        mask_of = _match(pair, images, found, findings)
        splits = inner_splits(pair.images, mask_of)
        samples += [Sample(path, 0, pair.split or splits[path]) for path in mask_of]
        masks += mask_of.values()
    return _Content(tuple(samples), tuple(masks), tuple(findings)) if any_mask else None


def _match(
    pair: _Pair, images: Sequence[str], masks: Sequence[str], findings: list[Finding]
) -> dict[str, str]:
    """Return image -> mask; files without the other are findings."""
    named: dict[str, str] = {}
    for path in images:
        first = named.setdefault(stem_of(path, pair.images), path)
        if first is not path:
            findings.append(Finding("no mask", path, f"that of its stem belongs to {first}"))
    mask_of: dict[str, str] = {}
    for path in masks:
        image = next((named[stem] for stem in _stems(path, pair.masks) if stem in named), None)
        if image is None:
            findings.append(Finding("no image", path))
        elif image in mask_of:
            findings.append(Finding("no image", path, f"{image} has {mask_of[image]}"))
        else:
            mask_of[image] = path
    alone = (path for path in named.values() if path not in mask_of)
    findings += [Finding("no mask", path) for path in alone]
    return {path: mask_of[path] for path in images if path in mask_of}


def _stems(path: str, folder: str) -> Iterator[str]:
    """Yield the stems that the image of a mask may have."""
    stem = stem_of(path, folder)
    yield stem
    for ending in _ENDINGS:
        if stem.lower().replace("-", "_").endswith(ending):
            yield stem[: -len(ending)]


def _listed(place: str, pair: _Pair, splits: Mapping[str, Split | None]) -> _Content:
    """Return the images that the lists of Pascal VOC name, and those of them that have no mask."""
    findings: list[Finding] = []
    images = {stem_of(path, pair.images): path for path in list_files(place, pair.images, findings)}
    masks = {stem_of(path, pair.masks): path for path in list_files(place, pair.masks, findings)}
    samples: list[Sample] = []
    for stem, split in splits.items():
        if stem in images and stem in masks:
            samples.append(Sample(images[stem], 0, split))
        elif stem in masks:
            findings.append(Finding("no image", masks[stem]))
        else:
            findings.append(Finding("no mask", images.get(stem, f"{pair.images}/{stem}.jpg")))
    others = [path for stem, path in images.items() if stem not in splits]
    if others:
        more = f"and {len(others) - 1:,} more that are" if len(others) > 1 else ""
        detail = f"{more} in no list of {_VOC_LISTS}".strip()
        findings.append(Finding("stray", others[0], detail))
    used = tuple(masks[stem_of(sample.path, pair.images)] for sample in samples)
    return _Content(tuple(samples), used, tuple(findings))
