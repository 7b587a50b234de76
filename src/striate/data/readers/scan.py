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

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import (
    MOST_CLASSES,
    SPLITS,
    Finding,
    Sample,
    Split,
    as_text,
    fold_case,
    name_fault,
    os_reason,
    quote_distinct,
)
from striate.data.readers.arrays import read_arrays
from striate.data.readers.entries import companion, opened, suffix, written
from striate.data.readers.entries import hidden as is_hidden
from striate.data.readers.manifest import read_manifest
from striate.data.readers.npz import read_npz
from striate.data.readers.split_names import splits_among
from striate.data.shards.reader import is_shards, read_shards
from striate.data.shards.remote import remote_address
from striate.errors import DataError, printable

_IMAGE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
#: suffix of a manifest or array file -> its reader
_FILES = {".csv": read_manifest, ".tsv": read_manifest, ".npz": read_npz}
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
    ".npy": "one array has no labels; save images and labels together as x and y in an .npz file",
}


class _Folder(NamedTuple):
    """Visible content of one folder, names in code-point order."""

    folders: list[str]
    files: list[str]


def scan(root: str | Path) -> Listing:
    """List the images of a folder, CSV manifest or array file with their labels; decodes nothing.

    An address such as s3://bucket/shards refers to shards.

    Raises DataError if there is nothing to list: no such folder, an empty one, an unknown file;
    and for a class name that no model file may hold.
    """
    listing, shown = _scanned(root), printable(str(root))
    if (count := len(listing.class_names)) > MOST_CLASSES:
        raise DataError(f"{shown}: {count:,} classes; at most {MOST_CLASSES:,} can be told apart")
    for name in listing.class_names:
        if fault := name_fault(name):
            called = f"a class is called {printable(repr(name), 60)}, {len(name):,} characters"
            raise DataError(f"{shown}: {called}; expected {fault}: give it another name")
    return listing


def _scanned(root: str | Path) -> Listing:
    shown = printable(str(root))
    if home := remote_address(root):
        return read_shards(Path(root), home)
    place = resolved(root)
    if not place.is_dir():
        return _FILES[Path(root).suffix.lower()](Path(root))
    if is_shards(place):
        return read_shards(place)
    if what := written(str(place), deep=0):
        raise DataError(f"{shown}: {what} of striate; give the folder of images that it came from")
    findings: list[Finding] = []
    try:
        top = _visible(str(place), "", findings)
    except OSError as error:
        raise DataError(f"{shown}: {os_reason(error)}; make the folder readable") from error
    if not top.folders and not top.files and not findings:
        raise DataError(
            f"{shown}: the folder is empty; expected a folder for each class, "
            "as in cat/1.jpg and dog/2.jpg"
        )
    if arrays := read_arrays(Path(root), top.files):
        return replace(arrays, findings=tuple(findings))
    findings += [Finding("stray", name, "a file outside the class folders") for name in top.files]
    if splits := splits_among(str(place), top.folders, shown):
        return _splits(place, splits, findings)
    findings += _clashes(top.folders)
    images = Samples.concat(
        [_class(str(place), name, label, None, findings) for label, name in enumerate(top.folders)]
    )
    class_names = tuple(map(as_text, top.folders))
    return Listing(place, "class folders", class_names, images, tuple(findings))


def scan_unlabeled(folder: Path) -> list[str]:
    """Return the candidates anywhere in a folder, relative to it, by the rules of a class folder.

    An unreadable subfolder is listed itself, after them. Raises DataError if there is no such
    folder.
    """
    findings: list[Finding] = []
    paths = [image.path for image in _class(str(folder), ".", 0, None, findings)]
    paths += [finding.path for finding in findings if finding.kind == "unreadable"]
    return [path.removeprefix("./") for path in paths]


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
    if not place.is_dir() and not (suffix in _FILES and place.is_file()):
        expected = "expected a folder of images, a CSV manifest or an .npz file"
        raise DataError(f"{shown}: {_NOT_READ.get(suffix, expected)}")
    return place


def _splits(place: Path, splits: Mapping[str, Split], findings: list[Finding]) -> Listing:
    held = {name: _split(str(place), name, findings) for name in splits}
    class_names = sorted({name for _, inside in held.values() for name in inside.folders})
    findings += _clashes(class_names)
    labels = {name: label for label, name in enumerate(class_names)}
    images: list[Samples] = []
    for name in sorted(splits, key=lambda name: SPLITS.index(splits[name])):
        home, inside = held[name]
        for folder in inside.folders:
            inner = f"{home}/{folder}"
            images.append(_class(str(place), inner, labels[folder], splits[name], findings))
    joined, layout = Samples.concat(images), "train/validation/test folders"
    return Listing(place, layout, tuple(map(as_text, class_names)), joined, tuple(findings))


def _split(place: str, name: str, findings: list[Finding]) -> tuple[str, _Folder]:
    """Return the parent of a split's class folders, and its content."""
    within = opened(f"{place}/{name}")
    home = name if within is None else within[0].removeprefix(f"{place}/")
    inside = _visible(place, home, findings)
    findings += [
        Finding("stray", f"{home}/{file}", "a file outside the class folders")
        for file in inside.files
    ]
    return home, inside


def _class(
    place: str, folder: str, label: int, split: Split | None, findings: list[Finding]
) -> Samples:
    """Return the candidates of a class folder: files before subfolders, in code-point order."""
    images: list[Sample] = []
    before = len(findings)
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        content = _visible(place, inside, findings)
        findings += _clashes([*content.folders, *content.files], inside + "/")
        for name in content.files:
            path = f"{inside}/{name}"
            if companion(name):
                findings.append(Finding("stray", path, "a companion file"))
            else:
                images.append(Sample(path, label, split))
        if inside != folder and content == ([], []) and suffix(inside) in _IMAGE_SUFFIXES:
            findings.append(Finding("special file", inside, "an empty folder named like an image"))
        waiting += [f"{inside}/{name}" for name in reversed(content.folders)]
    if not images and all(finding.path != folder for finding in findings[before:]):
        findings.append(Finding("empty class", folder))
    return Samples.of(images)


def _visible(place: str, folder: str, findings: list[Finding]) -> _Folder:
    """Read a folder; hidden, linked, special or unreadable entries become findings."""
    folders: list[str] = []
    files: list[str] = []
    hidden: list[str] = []
    inside = folder + "/" if folder else ""
    try:
        with os.scandir(f"{place}/{folder}") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = entry.name
                if is_hidden(name):
                    if entry.is_dir(follow_symlinks=False):
                        findings.append(Finding("hidden", inside + name, "a folder"))
                    else:
                        hidden.append(name)
                elif set_aside := _set_aside(place, inside + name, entry):
                    findings.append(set_aside)
                else:
                    (folders if entry.is_dir(follow_symlinks=False) else files).append(name)
    except OSError as error:
        if not folder:
            raise
        findings.append(Finding("unreadable", folder, os_reason(error)))
    if hidden:
        more = f"and {len(hidden) - 1:,} more in this folder" if len(hidden) > 1 else ""
        findings.append(Finding("hidden", inside + hidden[0], more))
    return _Folder(folders, files)


def _set_aside(place: str, path: str, entry: os.DirEntry[str]) -> Finding | None:
    """Return the finding for an entry that is neither a folder nor a possible image; else None."""
    if entry.is_symlink():
        return _link(place, path)
    if entry.is_dir(follow_symlinks=False):
        what = written(f"{place}/{path}")
        return Finding("output", path, what) if what else None
    regular = entry.is_file(follow_symlinks=False)
    return None if regular else Finding("special file", path, _special(entry))


def _link(place: str, path: str) -> Finding:
    """Return the finding for a link, by its target; links are never followed."""
    link = Path(place, path)
    try:
        target = os.path.realpath(link, strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Finding("loop", path, "to itself")
        return Finding("dangling link", path, f"to {link.readlink()}")
    if target == place:
        return Finding("loop", path, "to the folder itself")
    if target.startswith(place.rstrip("/") + "/"):
        return Finding("loop", path, f"to {os.path.relpath(target, place)}")
    return Finding("outside link", path, f"to {target}")


def _special(entry: os.DirEntry[str]) -> str:
    mode = entry.stat(follow_symlinks=False).st_mode
    return (
        "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    )


def _clashes(names: Iterable[str], inside: str = "") -> Iterator[Finding]:
    """Yield a finding for each name that equals an earlier one up to case or Unicode form."""
    first: dict[str, str] = {}
    for name in names:
        kept = first.setdefault(fold_case(name), name)
        if kept is not name:
            yield Finding("name clash", inside + name, f"with {quote_distinct([kept, name])[0]}")
