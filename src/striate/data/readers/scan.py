"""Lists a folder, manifest or array file without decoding any image.

Rules of the folder layouts:

- Every visible regular file inside a class folder is a candidate, at any depth, with any suffix;
  its content is checked later. Only known companion files (.txt, .csv, .json, ...) are excluded.
- Hidden files and folders (`.x`, `Thumbs.db`, `@eaDir`, `__MACOSX`, ...) are not classes and not
  entered; each hidden folder is one finding, the hidden files of one folder are one together.
- Links are not followed, except that the root itself may be one. The target of a link inside the
  folder is listed at its own location, so nothing counts twice and loops are impossible.
- Output of striate (runs, shards, decoded images) is never a class.
- Order is by code point, whatever the locale: classes are numbered as in torchvision, and "10"
  precedes "2".
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from striate.data.listing.columns import Samples
from striate.data.listing.groups import GROUP, Groups, is_pattern, match_groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import (
    MOST_CLASSES,
    Finding,
    Sample,
    as_text,
    name_fault,
    os_reason,
)
from striate.data.readers.arrays import read_arrays
from striate.data.readers.bed import read_regions
from striate.data.readers.box_folders import read_box_folders, read_coco_file
from striate.data.readers.box_table import read_box_table
from striate.data.readers.class_folders import read_class_folders
from striate.data.readers.entries import written
from striate.data.readers.heart_records import read_heart_records
from striate.data.readers.images_alone import read_images, without_targets
from striate.data.readers.label_folders import unite_copies
from striate.data.readers.leave_out import without_listed
from striate.data.readers.manifest import read_manifest
from striate.data.readers.mask_folders import read_mask_folders
from striate.data.readers.npy_folder import read_array_folder
from striate.data.readers.npz import read_npz
from striate.data.readers.picture_pairs import read_picture_pairs
from striate.data.readers.sequence_table import is_sequence_table, read_sequence_table
from striate.data.readers.sequences import (
    is_sequence_file,
    read_sequence_file,
    read_sequence_folder,
)
from striate.data.readers.signal_table import (
    is_signal_table,
    read_signal_table,
    read_signal_tables,
)
from striate.data.readers.signals import as_signals, find_inputs
from striate.data.readers.walk import Folder, list_files, read_folder
from striate.data.shards.reader import is_shards, read_shards
from striate.data.shards.remote import remote_address
from striate.data.signals.wfdb import HEADER
from striate.data.targets.classes import ClassTargets
from striate.data.targets.open_classes import OpenTargets
from striate.errors import DataError, OptionError, printable
from striate.text import count_noun

#: suffixes of manifests and array files
FILES = (".csv", ".tsv", ".parquet", ".npz", ".json")
#: suffix of an unsupported file -> advice
_NOT_READ = {
    **dict.fromkeys(
        (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
        "an archive; unpack it and give the folder",
    ),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".pth", ".joblib"),
        "a pickle can run any program when read, so it is not read; give the images in a folder",
    ),
    **dict.fromkeys(
        (".xlsx", ".xls", ".ods", ".numbers"),
        "a workbook; save its sheet as 'CSV UTF-8' and give that file",
    ),
    **dict.fromkeys(
        (".jsonl", ".xml", ".txt"),
        "no manifest; expected a CSV file with the columns path and label, labels or numbers",
    ),
    HEADER: "one record; give the folder that it is in",
    ".npy": "one array has no labels; save images and labels together as x and y in an .npz file",
}


def scan(
    root: str | Path,
    kind: str | None = None,
    *,
    leave_out: Path | None = None,
    group: str | None = None,
    loose: bool = False,
    window: int | None = None,
) -> Listing:
    """List the images of a folder, manifest or array file with their targets; decodes nothing.

    An address such as s3://bucket/shards refers to shards. `kind` of targets is preferred where
    the data allow several. Images that the file `leave_out` names are left out. `group` names the
    group of each image: a column of a manifest, or a pattern of their paths, as in {group}_*.jpg.

    Raises DataError if there is nothing to list: no such folder, an empty one, an unknown file;
    for a class name that no model file may hold, and for an image without a group; OptionError for
    groups that these data cannot have. With `loose`, the images of a folder without class folders
    are of one class, which has the name of the folder. A `window` is of so many samples around each
    beat of a heart record.
    """
    column = None if not group or is_pattern(group) else group
    listing, shown = _scanned(root, kind, column, window), printable(str(root))
    if loose and not listing.samples and (place := resolved(root)).is_dir():
        listing = _loose(place)
    listing = as_signals(listing)
    if column is not None and listing.samples.groups is None:
        raise OptionError(
            f"{shown}: --group {printable(column)} names a column, but only a manifest has "
            f"columns; of paths write {GROUP} where the group stands, as in '{GROUP}_*.jpg'"
        )
    if leave_out is not None:
        listing = without_listed(listing, leave_out)
    listing = _of_kind(listing, kind)
    if group and column is None:
        listing = _grouped(listing, group, shown)
    spec = listing.targets.spec
    if (count := len(spec.names)) > MOST_CLASSES:
        what = f"{count:,} {spec.nouns}"
        raise DataError(f"{shown}: {what}; at most {MOST_CLASSES:,} can be told apart")
    for name in spec.names:
        if fault := name_fault(name):
            called = (
                f"a {spec.noun} is called {printable(repr(name), 60)}, {len(name):,} characters"
            )
            raise DataError(f"{shown}: {called}; expected {fault}: give it another name")
    return listing


def _of_kind(listing: Listing, kind: str | None) -> Listing:
    """Return the listing with targets of a kind that it can have beside its own."""
    if kind == "image":
        return without_targets(listing)
    if kind == "labels" and isinstance(listing.targets, ClassTargets):
        return unite_copies(listing)
    if kind == "open" and isinstance(listing.targets, ClassTargets):
        return replace(listing, targets=OpenTargets.of(listing.class_names, listing.samples))
    return listing


def _loose(place: Path) -> Listing:
    """List the images of a folder as those of one class."""
    findings = list[Finding]()
    images = Samples.of(Sample(path, 0, None) for path in _loose_paths(place, findings))
    targets = ClassTargets.of((as_text(place.name),), images)
    return Listing(place, "class folders", targets, images, tuple(findings))


def _loose_paths(place: Path, findings: list[Finding]) -> list[str]:
    """Return the candidates anywhere in a folder, relative to it."""
    return [path.removeprefix("./") for path in list_files(str(place), ".", findings)]


def _grouped(listing: Listing, pattern: str, shown: str) -> Listing:
    """Return the listing with the groups that a pattern finds in the paths. Raises DataError."""
    paths = [image.path for image in listing.samples]
    groups, others = match_groups(paths, pattern)
    if others:
        raise DataError(
            f"{shown}: {printable(pattern)!r} names no group for {len(others):,} of its "
            f"{count_noun(len(paths), 'image')}, such as {printable(others[0])};\nexpected one for "
            "each: correct the pattern, rename them, or name groups in a column of a manifest"
        )
    return replace(listing, samples=listing.samples.with_groups(Groups.of(groups)))


def _scanned(root: str | Path, kind: str | None, column: str | None, window: int | None) -> Listing:
    shown = printable(str(root))
    if home := remote_address(root):
        return read_shards(Path(root), home)
    place = resolved(root)
    if not place.is_dir():
        return _read_file(Path(root), kind, column)
    if is_shards(place):
        return read_shards(place)
    if what := written(str(place), deep=0):
        raise DataError(f"{shown}: {what} of striate; give the folder of images that it came from")
    findings: list[Finding] = []
    top = _top(place, kind, shown, findings)
    arrays = read_arrays(Path(root), top.files)
    if arrays := arrays or read_array_folder(place, top.folders, top.files):
        return replace(arrays, findings=tuple(findings))
    if kind == "image":
        return read_images(place, top, findings)
    if signals := _read_signals(place, top, window):
        return replace(signals, findings=(*findings, *signals.findings))
    if not top.folders and (tables := read_signal_tables(place, top.files, kind, column)):
        return replace(tables, findings=tuple(findings))
    if beside := _read_beside(place, top, kind):
        return replace(beside, findings=(*findings, *beside.findings))
    findings += [Finding("stray", name, "a file outside the class folders") for name in top.files]
    return read_class_folders(place, top, findings, shown)


def _top(place: Path, kind: str | None, shown: str, findings: list[Finding]) -> Folder:
    """Return what is in a folder. Raises DataError if it cannot be read or is empty."""
    try:
        top = read_folder(str(place), "", findings)
    except OSError as error:
        raise DataError(f"{shown}: {os_reason(error)}; make the folder readable") from error
    if not top.folders and not top.files and not findings:
        folders = "a folder for each class, as in cat/1.jpg and dog/2.jpg"
        wanted = "images" if kind == "image" else folders
        raise DataError(f"{shown}: the folder is empty; expected {wanted}")
    return top


def _read_file(file: Path, kind: str | None, column: str | None) -> Listing:
    """List the images of a manifest or array file."""
    suffix = file.suffix.lower()
    if is_sequence_file(file.name):
        return read_sequence_file(file)
    if suffix == ".npz":
        return read_npz(file)
    if suffix == ".json":
        return read_coco_file(file)
    asked = kind == "boxes"
    if (asked or kind is None) and (boxes := read_box_table(file, column, asked=asked)):
        return boxes
    if suffix in (".csv", ".tsv") and is_sequence_table(file):
        return read_sequence_table(file, kind, column)
    if suffix in (".csv", ".tsv") and is_signal_table(file):
        return read_signal_table(file, kind, column)
    return read_manifest(file, kind, column)


def _read_signals(place: Path, top: Folder, window: int | None) -> Listing | None:
    """List a folder of heart records, sequences, or regions of a genome; None if it has none."""
    if regions := read_regions(place, top.files):
        return regions
    inside = find_inputs(str(place), top.folders)
    if inside == "record" or any(name.endswith(HEADER) for name in top.files):
        return read_heart_records(place, window)
    if inside == "sequence" or any(map(is_sequence_file, top.files)):
        folders = top.folders if inside == "sequence" else ()
        return read_sequence_folder(place, folders, top.files)
    return None


def _read_beside(place: Path, top: Folder, kind: str | None) -> Listing | None:
    """List a folder whose images have targets, masks or boxes beside them; None without any."""
    if kind == "pair":
        return read_picture_pairs(place, top.folders, top.files)
    readers = {"mask": read_mask_folders, "boxes": read_box_folders}
    for each in sorted(readers, key=lambda each: each != kind):
        asked = each in (kind, "mask") or kind is None
        if asked and (found := readers[each](place, top.folders, top.files)):
            return found
    return None


def resolved(root: str | Path) -> Path:
    """Resolve the path of a folder or file of images. Raises DataError if it cannot be one."""
    if not str(root):
        raise DataError("the path is empty; expected a folder of images")
    shown = printable(str(root))
    try:
        place = Path(os.path.realpath(root, strict=True))
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DataError(f"{shown}: no such folder") from error
    except OSError as error:
        raise DataError(f"{shown}: {os_reason(error)}") from error
    suffix = Path(root).suffix.lower()
    known = suffix in FILES or is_sequence_file(place.name)
    if not place.is_dir() and not (known and place.is_file()):
        expected = "expected a folder of images, a CSV manifest or an .npz file"
        raise DataError(f"{shown}: {_NOT_READ.get(suffix, expected)}")
    return place
