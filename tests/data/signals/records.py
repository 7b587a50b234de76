"""Writes heart records as WFDB has them, by its published formats."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CODES = {symbol: code for code, symbol in enumerate("NLRaVFJASEj/Q", 1)} | {"+": 28, "r": 41}
GAIN, BASELINE = 200, 1024


def pack(steps: NDArray[np.int64], kind: str) -> bytes:
    """Samples in the order of time, those of a time side by side, as bytes of a format."""
    flat = steps.reshape(-1)
    if kind != "212":
        zero, dtype = {"16": (0, "<i2"), "32": (0, "<i4"), "61": (0, ">i2"), "80": (128, "u1"),
                       "160": (2**15, "<u2"), "24": (0, "<i4")}[kind]  # fmt: skip
        raw = (flat + zero).astype(dtype).tobytes()
        return b"".join(raw[at : at + 3] for at in range(0, len(raw), 4)) if kind == "24" else raw
    pairs = np.pad(flat, (0, len(flat) % 2)).reshape(-1, 2) % 4096
    rows = [(a % 256, a // 256 + b // 256 * 16, b % 256) for a, b in pairs.tolist()]
    return b"".join(map(bytes, rows))


def annotate(marks: Sequence[tuple[int, str]]) -> bytes:
    """Annotations: samples and symbols."""
    words, last = bytearray(), 0
    for sample, symbol in marks:
        if sample - last > 1023:
            long = sample - last
            words += struct.pack("<HHH", 59 << 10, long >> 16, long & 65535)
            last = sample
        words += struct.pack("<H", CODES[symbol] << 10 | sample - last)
        if symbol == "+":
            words += struct.pack("<H", 63 << 10 | 3) + b"(N\0\0"
        last = sample
    return bytes(words) + b"\0\0"


def write_record(
    file: Path,
    steps: NDArray[np.int64],
    marks: Sequence[tuple[int, str]],
    *,
    kind: str = "212",
    rate: int = 100,
    leads: Sequence[str] = ("MLII", "V1"),
) -> Path:
    """Write header, samples (L, leads) in steps of the converter, and annotations."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sums = (steps.sum(axis=0) + 2**15) % 2**16 - 2**15
    lines = [f"{file.name} {len(leads)} {rate} {len(steps)}"]
    lines += [
        f"{file.name}.dat {kind} {GAIN}({BASELINE})/mV 12 0 {column[0]} {total} 0 {lead}"
        for column, total, lead in zip(steps.T.tolist(), sums.tolist(), leads, strict=True)
    ]
    header = file.with_name(f"{file.name}.hea")
    header.write_text("\n".join([*lines, "# made by a seed"]) + "\n")
    file.with_name(f"{file.name}.dat").write_bytes(pack(steps, kind))
    file.with_name(f"{file.name}.atr").write_bytes(annotate(marks))
    return header


def make_steps(seed: int, length: int = 1000, leads: int = 2, bits: int = 11) -> NDArray[np.int64]:
    most = 2 ** (bits - 1)
    return np.random.default_rng(seed).integers(1 - most, most, (length, leads))


def write_patients(
    root: Path, numbers: Sequence[int], *, every: int = 100, rate: int = 100
) -> Path:
    """Records whose beats are wide where ventricular, `every` samples apart."""
    time = np.arange(2000)
    for number in numbers:
        random = np.random.default_rng(number)
        marks = [(at, "NV"[random.integers(2)]) for at in range(every, 1950, every)]
        trace = random.normal(0, 0.05, 2000)
        for at, symbol in marks:
            trace += np.exp(-(((time - at) / (12 if symbol == "V" else 3)) ** 2))
        steps = np.rint(trace[:, None] * GAIN + BASELINE).astype(np.int64)
        write_record(root / f"{number}", steps, marks, rate=rate, leads=("MLII",))
    return root
