"""Reading of folders: possible images and subfolders; all else becomes a finding."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.samples import Finding, fold_case, os_reason, quote_distinct
from striate.data.readers.entries import companion, suffix, written
from striate.data.readers.entries import hidden as is_hidden
from striate.data.signals.signal_file import SUFFIXES

_IMAGE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


class Folder(NamedTuple):
    """Visible content of one folder, names in code-point order."""

    folders: list[str]
    files: list[str]


def list_files(
    place: str, folder: str, findings: list[Finding], *, signals: bool = False
) -> list[str]:
    """Return the candidates in a folder of `place`: files before subfolders, by code point.

    What is none becomes a finding. Of `signals`, files of their suffixes are candidates.
    """
    files: list[str] = []
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        content = read_folder(place, inside, findings)
        findings += find_clashes([*content.folders, *content.files], inside + "/")
        for name in content.files:
            path = f"{inside}/{name}"
            if companion(name) and not (signals and suffix(name) in SUFFIXES):
                findings.append(Finding("stray", path, "a companion file"))
            else:
                files.append(path)
        if inside != folder and content == ([], []) and suffix(inside) in _IMAGE_SUFFIXES:
            findings.append(Finding("special file", inside, "an empty folder named like an image"))
        waiting += [f"{inside}/{name}" for name in reversed(content.folders)]
    return files


def read_folder(place: str, folder: str, findings: list[Finding]) -> Folder:
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
                elif finding := set_aside(place, inside + name, entry):
                    findings.append(finding)
                else:
                    (folders if entry.is_dir(follow_symlinks=False) else files).append(name)
    except OSError as error:
        if not folder:
            raise
        findings.append(Finding("unreadable", folder, os_reason(error)))
    if hidden:
        more = f"and {len(hidden) - 1:,} more in this folder" if len(hidden) > 1 else ""
        findings.append(Finding("hidden", inside + hidden[0], more))
    return Folder(folders, files)


def set_aside(place: str, path: str, entry: os.DirEntry[str]) -> Finding | None:
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


def find_clashes(names: Iterable[str], inside: str = "") -> Iterator[Finding]:
    """Yield a finding for each name that equals an earlier one up to case or Unicode form."""
    first: dict[str, str] = {}
    for name in names:
        kept = first.setdefault(fold_case(name), name)
        if kept is not name:
            yield Finding("name clash", inside + name, f"with {quote_distinct([kept, name])[0]}")
