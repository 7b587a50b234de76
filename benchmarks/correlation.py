"""How long does one correlation take: striate, SciPy and OpenCV, in one run?

    python benchmarks/correlation.py [--sides 512 4096] [--kernels 3 9 31 101] [--n 7] [--save]

A gray float32 image in mode "same" with zeros around it; kernels of random values and Gaussian.
The contenders take turns. A turn repeats the call for at least 20 ms; one whose first call takes
--limit seconds or more is left out, and so are longer kernels of it on the same image.
Prints one JSON line for each side; --save appends it to results/correlation.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import scipy
import scipy.ndimage
import scipy.signal
from machines import keep, machine, say

from striate.vision import correlate

Contender = Callable[[np.ndarray, np.ndarray], np.ndarray]

TURN_SECONDS = 0.02
CONTENDERS: dict[str, Contender] = {
    "striate": correlate,
    "scipy.signal.correlate2d": lambda x, k: scipy.signal.correlate2d(x, k, "same"),
    "scipy.ndimage.correlate": lambda x, k: scipy.ndimage.correlate(x, k, mode="constant"),
    "scipy.signal.fftconvolve": lambda x, k: scipy.signal.fftconvolve(x, k[::-1, ::-1], "same"),
    "scipy.signal.oaconvolve": lambda x, k: scipy.signal.oaconvolve(x, k[::-1, ::-1], "same"),
    "cv2.filter2D": lambda x, k: cv2.filter2D(x, -1, k, borderType=cv2.BORDER_CONSTANT),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sides", nargs="+", type=int, default=[512, 4096])
    parser.add_argument("--kernels", nargs="+", type=int, default=[3, 9, 31, 101])
    parser.add_argument("--n", type=int, default=7)
    parser.add_argument("--limit", type=float, default=3.0, help="seconds of a call")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    for side in asked.sides:
        line = json.dumps(compare(side, asked.kernels, asked.n, asked.limit))
        print(line, flush=True)
        if asked.save:
            keep("correlation", line)


def compare(side: int, sides: list[int], n: int, limit: float) -> dict[str, Any]:
    """Seconds of a call: median, least and most of n turns; none where it was left out."""
    image = np.random.default_rng(1).normal(size=(side, side)).astype(np.float32)
    contenders, kernels = dict(CONTENDERS), dict[str, Any]()
    for taps in sorted(sides):
        for kind in ("random", "gaussian"):
            times = race(contenders, image, kernel(kind, taps), n, limit)
            contenders = {name: CONTENDERS[name] for name in times}
            kernels[f"{taps}x{taps} {kind}"] = {name: times.get(name) for name in CONTENDERS}
            medians = {name: f"{entry['median'] * 1e3:.2f}" for name, entry in times.items()}
            say(f"{side}x{side}, {taps}x{taps} {kind}, ms: {medians}")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"{side}x{side}",
        "machine": machine(),
        "threads": cv2.getNumThreads(),
        "n": n,
        "limit": limit,
        "versions": {
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "scipy": scipy.__version__,
        },
        "kernels": kernels,
    }


def kernel(kind: str, taps: int) -> np.ndarray:
    if kind == "random":
        return np.random.default_rng(2).normal(size=(taps, taps)).astype(np.float32)
    column = cv2.getGaussianKernel(taps, -1)
    return (column @ column.T).astype(np.float32)


def race(
    contenders: dict[str, Contender], image: np.ndarray, window: np.ndarray, n: int, limit: float
) -> dict[str, dict[str, float]]:
    """Those that finished within the limit; all must agree."""
    expected = cv2.filter2D(image, -1, window, borderType=cv2.BORDER_CONSTANT)
    repeats: dict[str, int] = {}
    for name, contender in contenders.items():
        began = time.perf_counter()
        found = contender(image, window)
        if time.perf_counter() - began < limit:  # first calls load and allocate
            began = time.perf_counter()
            contender(image, window)
        seconds = time.perf_counter() - began
        assert np.abs(found - expected).max() < 1e-5 * np.abs(window).sum() * np.abs(image).max()
        if seconds < limit:
            repeats[name] = max(1, round(TURN_SECONDS / seconds))
    turns: dict[str, list[float]] = {name: [] for name in repeats}
    for _ in range(n):
        for name, times in turns.items():
            began = time.perf_counter()
            for _ in range(repeats[name]):
                contenders[name](image, window)
            times.append((time.perf_counter() - began) / repeats[name])
    return {
        name: {"median": statistics.median(times), "min": min(times), "max": max(times)}
        for name, times in turns.items()
    }


if __name__ == "__main__":
    main()
