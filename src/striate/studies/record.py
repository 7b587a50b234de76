"""The record of a study: what fixes it, and what it found so far, in `study.json`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate import storage
from striate.data.listing.listing import DecodedImages
from striate.errors import OptionError, printable
from striate.text import shorten
from striate.training.record import image_lines

_ELSEWHERE = "choose another folder with --out"
_MOST = 60  #: characters of a value in a message


def fingerprint(decoded: DecodedImages) -> str:
    """Return the SHA-256 of path, target, split and content of all images."""
    digest = hashlib.sha256()
    for line in image_lines(decoded):
        digest.update(line.encode("ascii"))
    return digest.hexdigest()


@dataclass(frozen=True)
class Study:
    """The folder of a study. It can be moved with all that is in it."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path, kind: str, images: str, options: Mapping[str, Any]) -> Study:
        """Begin a study in exactly this folder, or go on with the one that is there.

        `kind` names the command, `images` is their `fingerprint`; all of it, JSON-ready, fixes the
        study. Raises OptionError if the folder holds another study or other files, StorageError if
        it cannot be made or its record is damaged.
        """
        study = cls(folder)
        fixed = json.loads(json.dumps({"study": kind, "images": images, "options": options}))
        if os.path.lexists(study.file):
            study._check_same(fixed)
            return study
        try:
            folder.mkdir(parents=True, exist_ok=True)
            storage.remove_partials(folder)
            others = sorted({file.name for file in folder.iterdir()} - {"lock"})
        except OSError as error:
            raise storage.storage_error(folder, error, _ELSEWHERE) from error
        if others:
            raise OptionError(
                f"{printable(str(folder))}: expected the folder of a study or none, but it holds "
                f"{printable(others[0])}; {_ELSEWHERE}"
            )
        study.write(fixed)
        return study

    @property
    def file(self) -> Path:
        return self.folder / "study.json"

    def lock(self) -> AbstractContextManager[None]:
        """Lock the study for writing. Raises BusyError if another process holds the lock."""
        return storage.lock(self.folder / "lock", f"the study {printable(str(self.folder))}")

    def read(self) -> dict[str, Any]:
        """Return the record. Raises StorageError naming the damaged line."""
        return storage.read_json(self.file, "put back a copy of it, or repeat the study elsewhere")

    def write(self, record: Mapping[str, Any]) -> None:
        """Replace the record; after a kill it is the old one or the new one."""
        text = json.dumps(record, indent=2, ensure_ascii=True, allow_nan=False)
        storage.write(self.file, text + "\n")

    def add(self, **found: Any) -> None:
        """Add to the record what was found."""
        self.write({**self.read(), **found})

    def _check_same(self, fixed: Mapping[str, Any]) -> None:
        record, shown = self.read(), printable(str(self.folder))
        if record.get("study") != fixed["study"]:
            raise OptionError(
                f"{shown}: holds a study by `striate {printable(str(record.get('study')))}`, but "
                f"`striate {fixed['study']}` came; {_ELSEWHERE}"
            )
        then, now = record.get("options", {}), fixed["options"]
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                raise OptionError(
                    f"{shown}: holds a study with {name} {_shown(then.get(name))}, but "
                    f"{_shown(now.get(name))} came; repeat its command, or {_ELSEWHERE}"
                )
        if record.get("images") != fixed["images"]:
            raise OptionError(
                f"{shown}: the images are not those the study began with; put them back, or "
                f"{_ELSEWHERE}"
            )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return printable(shorten("none" if value is None else str(value), _MOST))
