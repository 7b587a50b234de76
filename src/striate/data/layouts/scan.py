"""A folder, manifest or array file -> Listing: what is there, before any picture is decoded.

Rules of the folder layouts:

- Every visible regular file inside a class folder is a candidate, at any depth under any suffix:
  its content decides later. Only well-known companions (.txt, .csv, .json, ...) are set aside.
- Hidden files and folders (`.x`, `Thumbs.db`, `@eaDir`, `__MACOSX`, ...) are no class and are not
  entered; each hidden folder is one finding, the hidden files of one folder are one together.
- No link is followed, except that the root itself may be one. What a link inside the folder leads
  to is counted where it lies, so nothing counts twice and no loop can be entered.
- Order is by code point everywhere, whatever the locale: classes are numbered as torchvision does
  it, and "10" stands before "2".
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from striate.data.columns import Pictures
from striate.data.layouts.formats import read_arrays
from striate.data.layouts.manifest import read_manifest
from striate.data.layouts.npz import read_npz
from striate.data.listing import (
    PART_WORDS,
    PARTS,
    Finding,
    Listing,
    Part,
    Picture,
    distinct,
    folded,
    reason,
)
from striate.data.shards.reading import is_shards, read_shards
from striate.data.shards.remote import address
from striate.errors import DataError, printable

#: in lower case; names that begin with a dot are hidden as well
_HIDDEN = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle"}
    | {"$recycle.bin", "system volume information", "lost+found", "__pycache__"}
)
#: suffixes of files that accompany pictures and never are one
_COMPANIONS = frozenset(
    {".cfg", ".css", ".csv", ".htm", ".html", ".ini", ".ipynb", ".js", ".json", ".jsonl", ".log"}
    | {".md", ".py", ".rst", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml"}
)
_PICTURE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
#: suffix of a manifest or array file -> its reader
_FILES = {".csv": read_manifest, ".npz": read_npz}
#: suffix of a file that is no data set -> what its owner can do
_NOT_READ = {
    **dict.fromkeys(
        (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
        "an archive; unpack it and give the folder",
    ),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".pth", ".joblib"),
        "a pickle can run any program when read, so it is not; give the pictures in a folder",
    ),
    ".npy": "one array has no labels; save pictures and labels together as x and y in an .npz file",
}


class _Folder(NamedTuple):
    """The visible content of one folder, names in code-point order."""

    folders: list[str]
    files: list[str]


def scan(root: str | Path) -> Listing:
    """List the pictures of a folder, CSV manifest or array file with their labels; decodes nothing.

    An address such as s3://bucket/shards is one of shards.

    Raises DataError when there is nothing to list: no such folder, an empty one, an unknown file.
    """
    shown = printable(str(root))
    if home := address(root):
        return read_shards(Path(root), home)
    place = resolved(root)
    if not place.is_dir():
        return _FILES[Path(root).suffix.lower()](Path(root))
    if is_shards(place):
        return read_shards(place)
    findings: list[Finding] = []
    try:
        top = _visible(str(place), "", findings)
    except OSError as error:
        raise DataError(f"{shown}: {reason(error)}; make the folder readable") from error
    if not top.folders and not top.files and not findings:
        raise DataError(
            f"{shown}: the folder is empty; expected a folder for each class, "
            "as in cat/1.jpg and dog/2.jpg"
        )
    if arrays := read_arrays(Path(root), top.files):
        return replace(arrays, findings=tuple(findings))
    findings += [Finding("stray", name, "a file outside the class folders") for name in top.files]
    if _in_parts(top.folders, shown):
        return _parts(place, top.folders, findings)
    findings += _clashes(top.folders)
    pictures = Pictures.joined(
        [
            Pictures.of(_class(str(place), name, label, None, findings))
            for label, name in enumerate(top.folders)
        ]
    )
    return Listing(place, "class folders", tuple(top.folders), pictures, tuple(findings))


def unlabelled(folder: Path) -> list[str]:
    """The candidates anywhere in a folder, relative to it, by the rules of a class folder.

    A folder inside that may not be read stands for itself, after them. Raises DataError when there
    is no such folder.
    """
    findings: list[Finding] = []
    paths = [picture.path for picture in _class(str(folder), ".", 0, None, findings)]
    paths += [finding.path for finding in findings if finding.kind == "unreadable"]
    return [path.removeprefix("./") for path in paths]


def resolved(root: str | Path) -> Path:
    """Where a folder or file of pictures lies. Raises DataError where it cannot be one."""
    if not str(root):
        raise DataError("the path is empty; expected a folder of pictures")
    shown = printable(str(root))
    try:
        place = Path(os.path.realpath(root, strict=True))
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DataError(f"{shown}: no such folder") from error
    except OSError as error:
        raise DataError(f"{shown}: {reason(error)}") from error
    suffix = Path(root).suffix.lower()
    if not place.is_dir() and not (suffix in _FILES and place.is_file()):
        expected = "expected a folder of pictures, a CSV manifest or an .npz file"
        raise DataError(f"{shown}: {_NOT_READ.get(suffix, expected)}")
    return place


def _in_parts(folders: list[str], shown: str) -> bool:
    """Whether the folders are train, validation and test; raises DataError where it is unclear."""
    words = [name for name in folders if name.lower() in PART_WORDS]
    found = [PART_WORDS[name.lower()] for name in words]
    others = [name for name in folders if name not in words]
    if "train" in found and len(set(found)) > 1 and others:
        raise DataError(
            f"{shown}: {_both(words)} are parts of the data, but {_both(others[:1])} beside them "
            "is none; move it elsewhere, or rename folders that are classes"
        )
    if not words or others:
        return False
    for part in PARTS:
        same = [name for name in words if PART_WORDS[name.lower()] == part]
        if len(same) > 1:
            raise DataError(f"{shown}: {_both(same)} both hold the {part} part; keep one of them")
    return True


def _parts(place: Path, folders: list[str], findings: list[Finding]) -> Listing:
    held = {name: _visible(str(place), name, findings) for name in folders}
    for name, inside in held.items():
        findings += [
            Finding("stray", f"{name}/{file}", "a file outside the class folders")
            for file in inside.files
        ]
    class_names = sorted({name for inside in held.values() for name in inside.folders})
    findings += _clashes(class_names)
    labels = {name: label for label, name in enumerate(class_names)}
    pictures: list[Pictures] = []
    for folder in sorted(folders, key=lambda name: PARTS.index(PART_WORDS[name.lower()])):
        part = PART_WORDS[folder.lower()]
        for name in held[folder].folders:
            found = _class(str(place), f"{folder}/{name}", labels[name], part, findings)
            pictures.append(Pictures.of(found))
    joined, layout = Pictures.joined(pictures), "train/validation/test folders"
    return Listing(place, layout, tuple(class_names), joined, tuple(findings))


def _class(
    place: str, folder: str, label: int, part: Part | None, findings: list[Finding]
) -> list[Picture]:
    """The candidates of one class folder: files before subfolders, each in code-point order."""
    pictures: list[Picture] = []
    before = len(findings)
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        content = _visible(place, inside, findings)
        findings += _clashes([*content.folders, *content.files], inside + "/")
        for name in content.files:
            path = f"{inside}/{name}"
            if _suffix(name) in _COMPANIONS:
                findings.append(Finding("stray", path, "a companion file"))
            else:
                pictures.append(Picture(path, label, part))
        if inside != folder and content == ([], []) and _suffix(inside) in _PICTURE_SUFFIXES:
            findings.append(Finding("special file", inside, "an empty folder named like a picture"))
        waiting += [f"{inside}/{name}" for name in reversed(content.folders)]
    if not pictures and all(finding.path != folder for finding in findings[before:]):
        findings.append(Finding("empty class", folder))
    return pictures


def _visible(place: str, folder: str, findings: list[Finding]) -> _Folder:
    """Read one folder; what is hidden, linked, special or unreadable becomes a finding."""
    folders: list[str] = []
    files: list[str] = []
    hidden: list[str] = []
    inside = folder + "/" if folder else ""
    try:
        with os.scandir(f"{place}/{folder}") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = entry.name
                if name.startswith(".") or name.lower() in _HIDDEN:
                    if entry.is_dir(follow_symlinks=False):
                        findings.append(Finding("hidden", inside + name, "a folder"))
                    else:
                        hidden.append(name)
                elif entry.is_symlink():
                    findings.append(_link(place, inside + name))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(name)
                else:
                    findings.append(Finding("special file", inside + name, _special(entry)))
    except OSError as error:
        if not folder:
            raise
        findings.append(Finding("unreadable", folder, reason(error)))
    if hidden:
        more = f"and {len(hidden) - 1:,} more in this folder" if len(hidden) > 1 else ""
        findings.append(Finding("hidden", inside + hidden[0], more))
    return _Folder(folders, files)


def _link(place: str, path: str) -> Finding:
    """What a link leads to; it is not followed in any case."""
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
    """A finding for each name that equals an earlier one but for case or Unicode form."""
    first: dict[str, str] = {}
    for name in names:
        kept = first.setdefault(folded(name), name)
        if kept is not name:
            yield Finding("name clash", inside + name, f"with {distinct([kept, name])[0]}")


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2].lower()


def _both(names: list[str]) -> str:
    return " and ".join(repr(name) for name in names)
