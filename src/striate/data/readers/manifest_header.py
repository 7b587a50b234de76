"""Header of a manifest: what each column is for.

The columns `path` (or `image`, `image_path`) and `split` (or `part`, `subset`, `partition`) have
fixed names. The target is

- a class an image, in a column `label`; other columns are ignored;
- several labels an image, in a column `labels`, whose names are separated by `;` or `|`;
- a mask an image, whose path is in a column `mask` (or `masks`, `mask_path`);
- else in all other columns: 0 or 1 for each label, or numbers. Their cells tell which. Columns
  without a heading or called `id` or `index`, as tables are exported with, are ignored.

A kind of targets that is asked for is preferred where the columns allow it. A column that is named
as that of groups is no target.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Literal, NamedTuple

from striate.data.readers.manifest_folder import wrong

#: columns of the target: `label`, `labels`, `mask`, or all others
Target = Literal["label", "labels", "mask", "columns"]

#: headings of an image's path; a later one only applies without the earlier ones
PATH_COLUMNS = ("path", "image", "image_path")
_MASK_COLUMNS = ("mask", "masks", "mask_path")
_COLUMNS = ("path", "label", "labels", "split", "part")
#: the second pair only applies without the first
_SPLIT_COLUMNS = (("split", "part"), ("subset", "partition"))
_NUMBERED = re.compile(r"labels?[ _-]?\d+")  #: heading of one of several labels, no near-miss
#: headings of columns that only number the rows; pandas writes the first and the last
_NUMBERING = ("", "id", "index", "unnamed: 0")


class Roles(NamedTuple):
    """Column index of each value."""

    path: int
    split: int | None
    group: int | None
    target: Target
    targets: tuple[int, ...]
    names: tuple[str, ...]  #: headings of `targets`
    width: int  #: values per row
    between: str  #: name of the delimiter: "comma"


def find_roles(
    file: Path, header: list[str], between: str, kind: str | None, group: str | None = None
) -> Roles:
    """Return what the columns are for, `group` that of groups. Raises DataError for line 1."""
    names = [name.strip().lower() for name in header]
    if any(name.startswith("\udcff") or "\0" in name for name in names):
        raise wrong(file, 1, "not UTF-8; save the manifest as 'CSV UTF-8'")
    grouped = None if group is None else find_group(file, names, group)
    for name in names:
        near = difflib.get_close_matches(name, _COLUMNS, n=1, cutoff=0.8)
        if near and near[0] not in names and not _NUMBERED.fullmatch(name):
            raise wrong(file, 1, f"no column is called {name!r}; did you mean {near[0]!r}?")
    named = ([name for name in names if name in pair] for pair in _SPLIT_COLUMNS)
    splits = next(filter(None, named), [])
    path = next((name for name in PATH_COLUMNS if name in names), "path")
    fixed = (path, *_COLUMNS)
    others = [
        at for at, name in enumerate(names)
        if name not in (*fixed, *splits, *_NUMBERING) and at != grouped and kind != "image"
    ]  # fmt: skip
    masks = [name for name in names if name in _MASK_COLUMNS]
    target = _target(file, header, names, others, kind)
    known = [name for name in names if name in fixed]
    if target == "columns":
        known += [names[at] for at in others]
    elif target == "mask":
        known += masks
    twice = len(splits) > 1 or (target == "mask" and len(masks) > 1)
    if twice or len(set(known)) < len(known):
        shown = [name for name in names if name in known]
        raise wrong(file, 1, f"a column stands twice in {','.join(shown)!r}; keep one of the two")
    heading = masks[0] if target == "mask" else target
    places = tuple(others) if target == "columns" else (names.index(heading),)
    split = names.index(splits[0]) if splits else None
    headings = tuple(header[at].strip() for at in places)
    return Roles(names.index(path), split, grouped, target, places, headings, len(names), between)


def find_group(file: Path, names: list[str], group: str) -> int:
    """Return the place of the column that names groups. Raises DataError."""
    wanted = group.strip().lower()
    if names.count(wanted) == 1:
        return names.index(wanted)
    if wanted in names:
        raise wrong(file, 1, f"the column {group!r} stands twice; keep one of the two")
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {','.join(names)!r}"
    raise wrong(file, 1, f"no column is called {group!r}, as --group asks for; {hint}")


def _target(
    file: Path, header: list[str], names: list[str], others: list[int], kind: str | None
) -> Target:
    masked = not set(names).isdisjoint(_MASK_COLUMNS)
    pathless = set(names).isdisjoint(PATH_COLUMNS)
    if kind == "image" and not pathless:
        return "columns"
    if pathless or not ({"label", "labels"} & set(names) or others):
        found = repr(",".join(header)) if header else "nothing"
        raise wrong(
            file, 1, f"expected the columns 'path,label' or 'path,label,split', found {found}"
        )
    if kind == "mask" and masked:
        return "mask"
    if kind == "numbers" and others:
        return "columns"
    if {"label", "labels"} <= set(names) and kind not in ("label", "labels"):
        raise wrong(
            file,
            1,
            "the columns 'label' and 'labels' both stand there; keep one, or say which is meant "
            "with --task classification or --task multilabel",
        )
    if "labels" in names and ("label" not in names or kind == "labels"):
        return "labels"
    if "label" in names and not (kind == "labels" and others):
        return "label"
    return "mask" if masked and kind != "labels" else "columns"
