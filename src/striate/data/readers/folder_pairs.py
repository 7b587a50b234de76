"""Folders of images beside folders of what belongs to them: names, stems, splits and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from striate.data.listing.samples import Split, os_reason
from striate.data.listing.split_names import split_of
from striate.data.readers.walk import read_folder
from striate.errors import DataError, printable

#: names of folders of images, folded; an earlier one is preferred
IMAGES = ("images", "image", "imgs", "img", "jpegimages", "701_stillsraw_full", "pictures")
_SUFFIX = re.compile(r"\.(jpe?g|png)$", re.IGNORECASE)  #: in lists, which hold stems
_DEEP = 2  #: folders that hold nothing but the next one


def unwrap(place: str, folders: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the folder that holds more than one other, with a slash, and its subfolders."""
    home = ""
    while len(folders) == 1 and home.count("/") < _DEEP:
        home = f"{home}{folders[0]}/"
        folders = read_folder(place, home.rstrip("/"), []).folders
    return home, folders


def stem_of(path: str, folder: str) -> str:
    """Return a path without its suffix, relative to a folder."""
    inside = path.removeprefix(f"{folder}/")
    parent, slash, name = inside.rpartition("/")
    return parent + slash + (name.rpartition(".")[0] or name)


def inner_splits(folder: str, paths: Iterable[str]) -> Mapping[str, Split | None]:
    """Return path -> split, as subfolders say, if every image lies in one that is called so."""
    tops = {path: path.removeprefix(f"{folder}/").rpartition("/")[0] for path in paths}
    splits: dict[str, Split | None] = {}
    for path, top in tops.items():
        splits[path] = split_of(top.partition("/")[0])
    return splits if all(splits.values()) else dict.fromkeys(splits)


def read_lists(folder: Path) -> dict[str, Split | None]:
    """Return stem -> split, from train.txt, val.txt and test.txt, or without them trainval.txt."""
    found: dict[str, Split | None] = {}
    given = [name for name in ("train", "val", "test") if (folder / f"{name}.txt").is_file()]
    for name in given if set(given) - {"test"} else ["trainval", *given]:
        file = folder / f"{name}.txt"
        try:
            words = [line.split() for line in file.read_text("utf-8-sig").splitlines()]
        except FileNotFoundError as error:
            expected = "expected train.txt and val.txt, or trainval.txt"
            raise DataError(f"{printable(str(folder))}: {expected}, with a stem a line") from error
        except (OSError, UnicodeDecodeError) as error:
            reason = os_reason(error) if isinstance(error, OSError) else "not UTF-8"
            raise DataError(f"{printable(str(file))}: {reason}") from error
        split = None if name == "trainval" else split_of(name)
        for stem in (_SUFFIX.sub("", line[0]) for line in words if line):
            if stem in found:
                raise DataError(
                    f"{printable(str(file))}: {stem!r} stands in two lists; keep one of them"
                )
            found[stem] = split
    return found
