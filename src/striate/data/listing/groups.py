"""Groups of images that stay on one side of a split: of one animal, patient or burst."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable

GROUP = "{group}"  #: what stands for the group in a pattern
#: piece of a pattern -> regular expression, which stays within a folder
_PIECES = {GROUP: "(?P<group>[^/]+?)", "{number}": "[0-9]+", "*": "[^/]*?"}
_PIECE = re.compile(r"(\*|\{[^{}]*\})")


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each image; as in scikit-learn's `groups`, those of one are never split."""

    names: tuple[str, ...]  #: in code-point order
    ids: NDArray[np.int64]  #: (N,) indices of names

    @classmethod
    def of(cls, names: Iterable[str]) -> Groups:
        """Return the groups of images, given the name of that of each; Unicode forms are equal."""
        composed = [unicodedata.normalize("NFC", name) for name in names]
        known = sorted(set(composed))
        place = {name: at for at, name in enumerate(known)}
        return cls(tuple(known), np.array([place[name] for name in composed], np.int64))

    def select(self, rows: NDArray[Any] | slice) -> Groups:
        """Return the groups of the given rows."""
        return replace(self, ids=self.ids[rows])

    @cached_property
    def digests(self) -> NDArray[np.uint8]:
        """SHA-256 of the name of each image's group, (N, 32): it decides the split."""
        named = (hashlib.sha256(name.encode("utf-8", "surrogateescape")) for name in self.names)
        table = np.frombuffer(b"".join(each.digest() for each in named), np.uint8)
        return table.reshape(-1, 32)[self.ids]


def is_pattern(group: str) -> bool:
    """Return whether groups are a part of the paths, rather than a column of a manifest."""
    return GROUP in group


def match_groups(paths: Sequence[str], pattern: str) -> tuple[list[str], list[str]]:
    """Return the group of each path that the pattern matches, and the paths that it does not.

    A pattern without a slash is of the file's name, one with a slash of the whole path, as in a
    .gitignore. `{group}` is as short as possible, `{number}` digits, `*` any text; none of them
    passes a slash. Raises OptionError for a pattern with anything else in braces.
    """
    compiled, whole = _compile(pattern), "/" in pattern
    groups, others = list[str](), list[str]()
    for path in paths:
        found = compiled.fullmatch(path if whole else path.rpartition("/")[2])
        if found:
            groups.append(found["group"])
        else:
            others.append(path)
    return groups, others


def _compile(pattern: str) -> re.Pattern[str]:
    pieces = _PIECE.split(pattern)
    strange = [piece for piece in pieces[1::2] if piece not in _PIECES]
    if strange or pieces.count(GROUP) != 1:
        what = f"{printable(strange[0])} stands" if strange else f"{GROUP} stands twice"
        raise OptionError(
            f"group: {what} in {printable(repr(pattern), 200)}; expected {GROUP} once, {{number}} "
            "for digits and * for any text, as in '{group}_*.jpg'"
        )
    return re.compile("".join(_PIECES.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)
