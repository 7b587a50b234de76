"""Classification of folder entries: hidden files, companion files, striate's own output."""

from __future__ import annotations

import os
import re

from striate.cache_store import default_folder
from striate.data.listing.samples import fold_case
from striate.data.listing.split_names import FILLER
from striate.data.shards.format import ABOUT, shard_name

#: lower case; names that begin with a dot are hidden too
_HIDDEN = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle"}
    | {"$recycle.bin", "system volume information", "lost+found", "__pycache__"}
)
#: suffixes of companion files, which are never images
_COMPANIONS = frozenset(
    {".cfg", ".css", ".csv", ".htm", ".html", ".ini", ".ipynb", ".js", ".json", ".jsonl", ".lock"}
    | {".log", ".md", ".npy", ".npz", ".partial", ".py", ".rst", ".safetensors", ".toml", ".tsv"}
    | {".txt", ".xml", ".yaml", ".yml"}
)
#: marker files of folders written by striate -> description
_WRITTEN = (
    (("options.json", "pictures.jsonl"), "a run"),
    (("environment.json", "data_report.json"), "a run that was not begun"),
    (("records.npy", "index.json"), "decoded images"),
    ((ABOUT,), "shards"),
    ((shard_name(0),), "shards"),
)
_DEEP = 3  #: maximum folder depth between a folder of runs only, and its runs
_FILLERS = re.compile(rf"(?:(?:{FILLER})[\W\d_]*+)+")


def hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _HIDDEN


def companion(name: str) -> bool:
    return suffix(name) in _COMPANIONS


def suffix(name: str) -> str:
    return "." + name.rpartition(".")[2].lower()


def written(folder: str, deep: int = _DEEP) -> str:
    """Return what striate wrote into a folder that holds nothing else; "" for any other folder."""
    for files, what in _WRITTEN:
        if all(os.path.isfile(f"{folder}/{file}") for file in files):  # noqa: PTH113 - many times
            return what
    if folder == os.path.realpath(default_folder()):
        return "decoded images"
    found = ""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if hidden(entry.name) or companion(entry.name):
                    continue
                deeper = deep and entry.is_dir(follow_symlinks=False)
                found = written(entry.path, deep - 1) if deeper else ""
                if not found:
                    return ""
    except OSError:
        return ""
    return found


def opened(folder: str) -> tuple[str, list[str]] | None:
    """Return the parent of a folder's subfolders and their names; None if it holds images itself.

    A folder that only wraps one of the same or a generic name, such as "images", is skipped.
    """
    names = _subfolders(folder)
    while names and len(names) == 1 and _wraps(folder.rpartition("/")[2], names[0]):
        inner = f"{folder}/{names[0]}"
        below = _subfolders(inner)
        if not below:
            break
        folder, names = inner, below
    return None if names is None else (folder, names)


def _subfolders(folder: str) -> list[str] | None:
    """Return the subfolder names.

    None if a file may be an image, or if the folder is unreadable.
    """
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if hidden(entry.name) or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
                elif not companion(entry.name):
                    return None
    except OSError:
        return None
    return names


def _wraps(outer: str, inner: str) -> bool:
    return fold_case(outer) == fold_case(inner) or bool(_FILLERS.fullmatch(fold_case(inner)))
