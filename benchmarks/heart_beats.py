"""Made heart beats: the records that benchmarks/task_data.py calls heart-beats.

70 patients of a minute each, one lead at 360 Hz, whose waves, rates, noise and drift of the
baseline differ; 80 % of the beats are normal, the others supraventricular (early, another P wave),
ventricular (early and wide, no P wave) and fusions of the two. They are written as WFDB records
with annotations, and are no substitute for real ones.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE, SECONDS, GAIN = 360, 60, 200
PATIENTS = {"train": 40, "validation": 10, "test": 20}
SHARES = {"N": 0.8, "A": 0.06, "V": 0.1, "F": 0.04}
CODES = {"N": 1, "V": 5, "F": 6, "A": 8}
EARLY = {"N": 1.0, "A": 0.7, "V": 0.65, "F": 0.9}  #: of the usual time since the last beat
#: place in seconds, height in millivolts and width in seconds of P, Q, R, S and T
NORMAL = np.array([[-0.17, 0.15, 0.025], [-0.03, -0.1, 0.008], [0, 1, 0.011], [0.03, -0.25, 0.009],
                   [0.27, 0.3, 0.05]])  # fmt: skip
WIDE = np.array([[-0.17, 0, 0.025], [-0.05, 0, 0.01], [0, 1.1, 0.035], [0.1, -0.5, 0.045],
                 [0.33, -0.3, 0.06]])  # fmt: skip


def make_records(folder: Path, seed: int) -> Path:
    """Write the records of made patients into folders of splits."""
    number = 0
    for split, count in PATIENTS.items():
        for _ in range(count):
            write_record(folder / split / f"{number:02}", *make_patient((seed, number)))
            number += 1
    return folder


def make_patient(seed: tuple[int, int]) -> tuple[NDArray[np.int64], list[tuple[int, str]]]:
    """Return the samples of a record, and its beats."""
    random = np.random.default_rng(seed)
    own = np.exp(random.normal(0, [0.05, 0.25, 0.2], (5, 3)))
    pause, time = random.uniform(0.62, 1.05), np.arange(RATE * SECONDS) / RATE
    trace = random.normal(0, random.uniform(0.02, 0.07), len(time))
    trace += 0.15 * np.sin(2 * np.pi * (random.uniform(0.15, 0.35) * time + random.random()))
    beats, at = list[tuple[int, str]](), 1.0
    while at < SECONDS - 1:
        symbol = str(random.choice(list(SHARES), p=list(SHARES.values())))
        at += pause * EARLY[symbol] * np.exp(random.normal(0, 0.04))
        shape = {"V": WIDE, "F": (NORMAL + WIDE) / 2}.get(symbol, NORMAL) * own
        if symbol == "A":
            shape[0, :2] *= 0.8, -0.5
        for place, height, width in shape * np.exp(random.normal(0, 0.05, (5, 3))):
            near = slice(max(0, int((at + place - 0.4) * RATE)), int((at + place + 0.4) * RATE))
            trace[near] += height * np.exp(-(((time[near] - at - place) / width) ** 2) / 2)
        beats.append((round(at * RATE), symbol))
    return np.rint(trace * GAIN).astype(np.int64), beats


def write_record(file: Path, steps: NDArray[np.int64], beats: list[tuple[int, str]]) -> None:
    """Write header, samples in format 16, and annotations."""
    file.parent.mkdir(parents=True, exist_ok=True)
    total = (int(steps.sum()) + 2**15) % 2**16 - 2**15
    lead = f"{file.name}.dat 16 {GAIN}/mV 16 0 {steps[0]} {total} 0 MLII"
    file.with_suffix(".hea").write_text(f"{file.name} 1 {RATE} {len(steps)}\n{lead}\n")
    file.with_suffix(".dat").write_bytes(steps.astype("<i2").tobytes())
    places = [0, *(at for at, _ in beats)]
    words = [CODES[symbol] << 10 | at - before
             for (at, symbol), before in zip(beats, places, strict=False)]  # fmt: skip
    file.with_suffix(".atr").write_bytes(struct.pack(f"<{len(words) + 1}H", *words, 0))
