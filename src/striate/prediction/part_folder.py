"""A folder of Parquet parts that a cluster writes, on disk or in an object store.

`part-000000.parquet` and so on have the rows; readers of Parquet pass over names that begin with an
underscore. `_predicted.json` says what made them, and the images of part 0 are listed in
`_images-000000.json` until all parts are there: after a kill, the parts that are there are kept.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from striate import storage
from striate.data.shards.remote import open_store, remote_address
from striate.errors import OptionError, StorageError, printable
from striate.prediction.parquet import PARQUET
from striate.prediction.unfinished import compare_makers

_ABOUT = "_predicted.json"
_ANEW = "repeat the first command to go on, or remove it to begin anew"


@dataclass(frozen=True, slots=True)
class About:
    """What made the parts, and how many there are."""

    by: Mapping[str, str]
    parts: int | None = None  #: None until all images are listed
    images: int = 0
    failed: int | None = None  #: images without an answer; None until all parts are there


class PartFolder:
    """A folder of parts. Raises StorageError where it cannot be read or written."""

    def __init__(self, place: str) -> None:
        self.shown = printable(place)
        address = remote_address(place)
        self._disk = None if address else Path(place)
        self._store, self._root = open_store(address or Path(place).absolute().as_uri())

    def names(self) -> set[str]:
        with self._explained():
            if self._disk is not None and not self._disk.exists():
                return set()
            self._store.invalidate_cache()
            with contextlib.suppress(FileNotFoundError):
                return {Path(each).name for each in self._store.ls(self._root, detail=False)}
        return set()

    def read(self, name: str) -> bytes:
        with self._explained():
            return self._store.cat_file(f"{self._root}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file at once: it is there as a whole, or not at all."""
        with self._explained():
            if self._disk is None:
                self._store.pipe_file(f"{self._root}/{name}", content)
            else:
                storage.write(self._disk / name, content)

    def remove(self, names: Iterable[str]) -> None:
        with self._explained():
            for name in names:
                self._store.rm_file(f"{self._root}/{name}")

    def begin(self, by: Mapping[str, str], *, overwrite: bool) -> About:
        """Return what the folder has of the work of a command.

        Raises OptionError for a folder of another command, one that is finished, unless that is to
        be overwritten, or one that holds other files.
        """
        if self._disk is not None:
            storage.check_output(self._disk, ())
        if self._disk is not None and self._disk.is_file():
            raise OptionError(f"{self.shown} is a file, and this writes a folder; name another")
        names = self.names()
        if _ABOUT in names:
            about = About(**storage.parse_json(Path(self.shown, _ABOUT), self.read(_ABOUT), _ANEW))
            if about.parts is not None and about.failed is None:
                compare_makers(self.shown, about.by, by, _ANEW)
                return about
            if about.failed is not None and not overwrite:
                raise OptionError(
                    f"{self.shown} exists; replace it with --overwrite, or choose another"
                )
            self.remove(filter(_is_ours, names))
        elif names:
            raise OptionError(f"{self.shown} is a folder of other files; name a new one")
        return About(dict(by))

    def keep(self, about: About) -> None:
        """Write what made the parts; the folder is made where it is not there."""
        with self._explained():
            self._store.makedirs(self._root, exist_ok=True)
        self.write(_ABOUT, json.dumps(asdict(about)).encode())

    def finish(self, about: About, failed: int) -> None:
        """Say that all parts are there, and remove the lists of their images."""
        self.keep(replace(about, failed=failed))
        self.remove(listed(part) for part in range(about.parts or 0))

    @contextlib.contextmanager
    def _explained(self) -> Generator[None]:
        """Convert any exception of a store to StorageError; every store has its own."""
        try:
            yield
        except StorageError:
            raise
        except Exception as error:
            said = printable(str(error) or type(error).__name__, 200)
            raise StorageError(f"{self.shown}: {said}; look at the place and the key") from error


def listed(part: int) -> str:
    """Return the name of the file that lists the images of a part."""
    return f"_images-{part:06}.json"


def named(part: int) -> str:
    """Return the name of the file of a part."""
    return f"part-{part:06}{PARQUET}"


def _is_ours(name: str) -> bool:
    return name.startswith((_ABOUT, "_images-", "part-"))
