"""Files hashed while written, including tar files."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path
from typing import IO, Any, Self

from striate.errors import StorageError
from striate.storage import storage_error

BLOCK = tarfile.BLOCKSIZE


class HashedTar:
    """File synced to disk when its block ends, with its size and SHA-256 so far."""

    def __init__(self, path: Path) -> None:
        self.path, self.size, self.sha256 = path, 0, hashlib.sha256()

    def __enter__(self) -> Self:
        try:
            self._file: IO[bytes] = self.path.open("wb")
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as failure:
            raise self._failed(failure) from failure

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise self._failed(error) from error
        self.sha256.update(data)
        self.size += len(data)

    def member(self, name: str, data: bytes) -> int:
        """Append a tar member; return the byte offset of its content."""
        about = tarfile.TarInfo(name)
        about.size, about.mode = len(data), 0o644
        self.write(about.tobuf(tarfile.USTAR_FORMAT))
        start = self.size
        self.write(data + bytes(padded_size(len(data)) - len(data)))
        return start

    def end(self) -> None:
        """Write the end-of-archive marker of a tar file."""
        self.write(bytes(2 * BLOCK))

    def summary(self) -> list[Any]:
        """Name, bytes and SHA-256."""
        return [self.path.name, self.size, self.sha256.hexdigest()]

    def _failed(self, error: OSError) -> StorageError:
        return storage_error(self.path, error, "make room, or choose another place with --to")


def padded_size(size: int) -> int:
    """Return the bytes that a member's content takes in a tar file, with padding."""
    return -(-size // BLOCK) * BLOCK
