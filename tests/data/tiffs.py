"""TIFFs of any tags for tests, written by the specification alone."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

Values = np.ndarray[Any, np.dtype[Any]]
_KIND = {1: "u", 2: "i", 3: "f"}


def tiff(
    values: Values,
    bits: int,
    *,
    photometric: int = 1,
    form: int = 1,
    order: str = "<",
    planes: bool = False,
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
    compression: int = 1,
    predictor: int = 1,
    reverse: bool = False,
    extra: tuple[int, ...] = (),
    color_map: tuple[int, ...] = (),
    more: dict[int, tuple[int, ...]] | None = None,
    big: bool = False,
) -> bytes:
    """A page of values (H, W) or (H, W, samples), as whole numbers or floats of so many bits."""
    values = values[..., None] if values.ndim == 2 else values
    height, width, samples = values.shape
    across, down = tile or (width, rows or height)
    layers = np.split(values, samples, axis=2) if planes else [values]
    chunks: list[bytes] = []
    for layer in layers:
        for y in range(0, height, down):
            for x in range(0, width, across):
                part = layer[y : y + down, x : x + across]
                if tile:
                    room = ((0, down - part.shape[0]), (0, across - part.shape[1]), (0, 0))
                    part = np.pad(part, room)
                raw = b"".join(_row(line, bits, form, order, predictor) for line in part)
                chunks.append(_packed(raw, compression, reverse=reverse))
    tags: dict[int, tuple[int, ...]] = {
        256: (width,), 257: (height,), 258: (bits,) * samples, 259: (compression,),
        262: (photometric,), 266: (2 if reverse else 1,), 277: (samples,),
        284: (2 if planes else 1,), 317: (predictor,), 339: (form,) * samples,
        **({322: (across,), 323: (down,)} if tile else {278: (down,)}),
        **({338: extra} if extra else {}), **({320: color_map} if color_map else {}),
        **(more or {}),
    }  # fmt: skip
    return _file(tags, chunks, 324 if tile else 273, order, big=big)


def _file(
    tags: dict[int, tuple[int, ...]], chunks: list[bytes], places: int, order: str, *, big: bool
) -> bytes:
    lengths = {273: 279, 324: 325}[places]
    kind, wide, head = (16, "Q", 16) if big else (4, "I", 8)
    tags = {**tags, places: (0,) * len(chunks), lengths: tuple(map(len, chunks))}
    inline = 8 if big else 4
    room = struct.calcsize(order + wide)

    def laid(start: int) -> bytes:
        at = [start + sum(map(len, chunks[:number])) for number in range(len(chunks))]
        tags[places] = tuple(at)
        table, far = b"", b""
        end = head + (8 if big else 2) + (20 if big else 12) * len(tags) + room
        for tag in sorted(tags):
            short = tag not in (places, lengths)
            number = "H" if short else wide
            raw = struct.pack(f"{order}{len(tags[tag])}{number}", *tags[tag])
            if len(raw) > inline:
                entry = struct.pack(order + wide, end + len(far))
                far += raw
            else:
                entry = raw.ljust(inline, b"\0")
            table += struct.pack(f"{order}HH{wide}", tag, 3 if short else kind, len(tags[tag]))
            table += entry
        mark = b"II" if order == "<" else b"MM"
        if big:
            begin = mark + struct.pack(f"{order}HHHQQ", 43, 8, 0, head, len(tags))
        else:
            begin = mark + struct.pack(f"{order}HIH", 42, head, len(tags))
        return begin + table + bytes(room) + far

    return laid(len(laid(0))) + b"".join(chunks)


def _row(line: Values, bits: int, form: int, order: str, predictor: int) -> bytes:
    """A line (W, samples) of values as bytes."""
    if bits in (8, 16, 32, 64):
        exact = line.astype(f"{_KIND[form]}{bits // 8}")
        if predictor == 3:
            planes = exact.astype(f">f{bits // 8}").reshape(-1, 1).view(np.uint8).T
            mixed = planes.reshape(-1, line.shape[1])
            return _differences(mixed).tobytes()
        if predictor == 2:
            exact = _differences(exact.view(f"u{bits // 8}"))
        return exact.astype(exact.dtype.newbyteorder(order)).tobytes()
    if bits % 8 == 0:
        word = "little" if order == "<" else "big"
        return b"".join(int(value).to_bytes(bits // 8, word) for value in line.reshape(-1))
    text = "".join(f"{int(value):0{bits}b}" for value in line.reshape(-1))
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _differences(values: Values) -> Values:
    found = values.copy()
    found[1:] = values[1:] - values[:-1]
    return found


def _packed(raw: bytes, compression: int, *, reverse: bool) -> bytes:
    if compression in (8, 32946):
        raw = zlib.compress(raw)
    if compression == 32773:
        parts = (raw[at : at + 128] for at in range(0, len(raw), 128))
        raw = b"".join(bytes([len(part) - 1]) + part for part in parts)
    if compression == 5:
        raw = _lzw(raw)
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw) if reverse else raw


def _lzw(raw: bytes) -> bytes:
    """Codes of nine bits only: the table is cleared before it would need ten."""
    codes: list[int] = []
    for at in range(0, len(raw), 200):
        codes += [256, *raw[at : at + 200]]
    text = "".join(f"{code:09b}" for code in [*codes, 257])
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")
