"""Images without targets: any folder of images, and the images of any other layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import SPLITS, Finding, Sample, Split
from striate.data.listing.split_names import split_of
from striate.data.readers.mask_folders import find_mask_folders
from striate.data.readers.walk import Folder, list_files
from striate.data.targets.images import NoTargets


def read_images(place: Path, top: Folder, findings: Sequence[Finding]) -> Listing:
    """List the images anywhere in a folder, whatever the names of its subfolders.

    Where it holds nothing but folders that are called as splits, images are of these. Masks are
    left out. `findings` are those of the folder itself.
    """
    found, masks = list(findings), find_mask_folders(place, top.folders)
    splits: list[tuple[Split, str]] = [
        (split, name) for name in top.folders if (split := split_of(name))
    ]
    if splits and len(splits) == len(top.folders) and not top.files:
        splits.sort(key=lambda each: SPLITS.index(each[0]))
        listed = [_list(place, name, split, masks, found) for split, name in splits]
        layout = "train/validation/test folders"
    else:
        found.clear()  # they are found again
        listed, layout = [_list(place, ".", None, masks, found)], "folder of images"
    images = Samples.concat(listed)
    return Listing(place, layout, NoTargets.of(len(images)), images, tuple(found))


def without_targets(listing: Listing) -> Listing:
    """Return the images of a listing, each of them once, and forget their targets."""
    if isinstance(listing.targets, NoTargets):
        return listing
    same = replace(listing.samples, labels=np.zeros(len(listing.samples), np.uint32))
    return replace(listing, targets=NoTargets.of(len(same)), samples=same)


def _list(
    place: Path,
    folder: str,
    split: Split | None,
    masks: Sequence[str],
    findings: list[Finding],
) -> Samples:
    """Return the candidates anywhere in a folder but among the masks, relative to `place`."""
    found, beside = list[Finding](), tuple(f"{mask}/" for mask in masks)
    listed = [path.removeprefix("./") for path in list_files(str(place), folder, found)]
    findings += (replace(each, path=each.path.removeprefix("./")) for each in found)
    return Samples.of(Sample(path, 0, split) for path in listed if not path.startswith(beside))
