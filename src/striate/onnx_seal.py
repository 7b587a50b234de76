"""The metadata of an ONNX file, and its seal, without a runtime.

The seal is the SHA-256 of the file with 64 zeros in the digest's place: a runtime answers wrongly,
without a word, where a weight is damaged.
"""

from __future__ import annotations

import hashlib

BLANK = "0" * 64  #: stands for the digest while it is computed
DIGEST = "sha256"  #: key of the metadata
_GRAPH, _METADATA = 7, 14  # fields of ModelProto
_LENGTH_DELIMITED, _VARINT = 2, 0


def seal(content: bytes) -> bytes:
    """Return a serialized model whose digest is `BLANK` with its digest in that place."""
    place, _ = _find_digest(content)
    digest = hashlib.sha256(content).hexdigest()
    return content[:place] + digest.encode() + content[place + len(BLANK) :]


def unseal(content: bytes) -> tuple[dict[str, str], str]:
    """Return the metadata of a serialized model, and its digest. Raises ValueError.

    The error says what is wrong with it.
    """
    try:
        metadata = _read_metadata(content)
        place, digest = _find_digest(content)
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError("it was not written by striate export, or is cut off") from error
    whole, view = hashlib.sha256(), memoryview(content)  # copies of large files take time
    for part in (view[:place], BLANK.encode(), view[place + len(BLANK) :]):
        whole.update(part)
    if whole.hexdigest() != digest:
        raise ValueError("damaged: its bytes do not match the SHA-256 recorded in it")
    return metadata, digest


def _read_metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a serialized model. Raises ValueError or IndexError for no model."""
    entries = [_fields(content, begin, end) for begin, end in _find_metadata(content)]
    return {content[slice(*key)].decode(): content[slice(*text)].decode() for key, text in entries}


def _find_digest(content: bytes) -> tuple[int, str]:
    """Return where the digest stands, and what it is. Raises KeyError if there is none."""
    for begin, end in _find_metadata(content):
        key, text = _fields(content, begin, end)
        if content[slice(*key)] == DIGEST.encode() and text[1] - text[0] == len(BLANK):
            return text[0], content[slice(*text)].decode()
    raise KeyError(DIGEST)


def _find_metadata(content: bytes) -> list[tuple[int, int]]:
    """Return begin and end of each entry of the metadata; all else is passed over."""
    found, place, graphs = list[tuple[int, int]](), 0, 0
    while place < len(content):
        number, kind, place = _tag(content, place)
        if kind == _VARINT:
            _, place = _varint(content, place)
            continue
        if kind != _LENGTH_DELIMITED:
            raise ValueError(f"no ONNX model: a field of kind {kind}")
        length, place = _varint(content, place)
        if place + length > len(content):
            raise ValueError("cut off")
        graphs += number == _GRAPH
        if number == _METADATA:
            found.append((place, place + length))
        place += length
    if graphs != 1:
        raise ValueError("no ONNX model: it has no graph")
    return found


def _fields(content: bytes, begin: int, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where key and value of an entry of the metadata stand."""
    spans, place = list[tuple[int, int]](), begin
    for wanted in (1, 2):
        number, kind, place = _tag(content, place)
        length, place = _varint(content, place)
        if (number, kind) != (wanted, _LENGTH_DELIMITED) or place + length > end:
            raise ValueError("no entry of metadata")
        spans.append((place, place + length))
        place += length
    return spans[0], spans[1]


def _tag(content: bytes, place: int) -> tuple[int, int, int]:
    value, place = _varint(content, place)
    return value >> 3, value & 7, place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("no ONNX model: a number without end")
