"""Safetensors files with a JSON description and a checksum.

The format of model files and checkpoints. The metadata holds the description as JSON and the
SHA-256 of the file with 64 zeros in the digest's place: safetensors itself has no checksum, so a
flipped bit in a weight would load without an error.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from striate import storage
from striate.errors import ModelError, StorageError, printable

_BLANK = "0" * 64
_SEAL = '"sha256":"{}"'  # as in the header; in the description quotes are escaped
_LARGEST_HEADER = 4_000_000  # bytes
_MOST_TENSORS = 20_000
_FOREIGN = {
    b"PK\x03\x04": "a zip archive, as torch.save writes: it may hold a pickle, which can run code",
    b"\x80": "a pickle, which can run code when it is read",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"\x1f\x8b": "a gzip archive",
}


class RefusedError(ModelError):
    """The file is foreign or damaged; `reason` says why."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = printable(reason, 300)
        super().__init__(
            f"{printable(str(path))}: not a striate model: {self.reason}; "
            "give a model.safetensors of a run"
        )


def write(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and description atomically. Raises StorageError."""
    storage.write(path, seal(tensors, description))


def seal(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> bytes:
    """Return the bytes of the file; tensors are copied to the CPU."""
    plain, memories = dict[str, Tensor](), set[int]()
    for name, tensor in tensors.items():
        plain[name] = tensor.detach().cpu().contiguous()
        memory = plain[name].untyped_storage().data_ptr()
        if memory in memories:  # shared weights, which safetensors rejects
            plain[name] = plain[name].clone()
        memories.add(memory)
    metadata = {"striate": json.dumps(description, allow_nan=False), "sha256": _BLANK}
    blob = safetensors.torch.save(plain, metadata)
    return _resealed(blob, _BLANK, hashlib.sha256(blob).hexdigest())


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and bytes, independent of device and layout."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read description and tensors of a file written by `write`.

    Raises ModelError with the reason when it is foreign or damaged, StorageError when it cannot be
    read. Nothing in the file is ever executed.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading from a pipe would block forever
            raise RefusedError(path, "not a regular file")
        blob = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    metadata = _header(path, blob).get("__metadata__", {})
    digest, text = metadata.get("sha256"), metadata.get("striate")
    marked = isinstance(digest, str) and digest.isascii() and len(digest) == len(_BLANK)
    if not (marked and isinstance(text, str)):
        raise RefusedError(path, "safetensors, but not written by striate: it has no description")
    if hashlib.sha256(_resealed(blob, digest, _BLANK)).hexdigest() != digest:
        raise RefusedError(path, "damaged: its bytes do not match the SHA-256 recorded in it")
    try:
        description = json.loads(text, object_pairs_hook=_without_repeats)
        tensors = safetensors.torch.load(blob)
    except Exception as error:  # safetensors may raise anything on a forged header
        raise RefusedError(path, f"damaged: {error}") from error
    if not isinstance(description, dict):
        raise RefusedError(path, "its description is not a table")
    return description, tensors


def is_ours(path: Path) -> bool:
    """Return whether a file begins like one written by `write`; False if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            return b'"striate"' in file.read(min(length, _LARGEST_HEADER))
    except OSError:
        return False


def _resealed(blob: bytes, old: str, new: str) -> bytes:
    return blob.replace(_SEAL.format(old).encode(), _SEAL.format(new).encode(), 1)


def _header(path: Path, blob: bytes) -> dict[str, Any]:
    length = int.from_bytes(blob[:8], "little")
    if len(blob) < 10 or length > len(blob) - 8 or blob[8:9] != b"{":
        # Checked only now: the length field of a valid file may look like a foreign magic number.
        plain = f"{len(blob):,} bytes that are not a safetensors file"
        marks = (what for magic, what in _FOREIGN.items() if blob.startswith(magic))
        raise RefusedError(path, next(marks, plain))
    if length > _LARGEST_HEADER:
        raise RefusedError(path, f"its header has {length:,} bytes, more than {_LARGEST_HEADER:,}")
    try:
        header = json.loads(blob[8 : 8 + length], object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            path, f"its header is not JSON as safetensors has it: {error}"
        ) from error
    if len(header) > _MOST_TENSORS:
        raise RefusedError(path, f"it holds {len(header):,} tensors, more than {_MOST_TENSORS:,}")
    if not isinstance(header.get("__metadata__", {}), dict):
        raise RefusedError(path, "its metadata is not a table")
    return header


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name stands in it twice")
    return table


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{printable(str(path))}: {(error.strerror or 'unreadable').lower()}")
