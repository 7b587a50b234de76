"""What does decoding at a fraction of the size save, and what does it change?

    python benchmarks/scaled_decoding.py [--save]

JPEGs of quality 90 with structure at every scale, decoded for a network that sees 224 pixels: as
striate does it, which lets the decoder halve the image as often as leaves every side long enough,
and whole. Processor time of one image on one core, from its bytes to 224x224 pixels; the
difference is the mean over all values, of 255. Prints one JSON line; --save appends it to
results/scaled_decoding.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL
from machines import keep, machine
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess

SIZES = ((4000, 3000), (1600, 1200), (500, 375))
VIEW = Preprocess(224, 3)
REPEATS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", action="store_true")
    save = parser.parse_args().save
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "JPEG",
            "machine": machine(),
            "n": REPEATS,
            "versions": {"pillow": PIL.__version__},
            "sizes": {f"{width}x{height}": compared(width, height) for width, height in SIZES},
        }
    )
    print(line)
    if save:
        keep("scaled_decoding", line)


def compared(width: int, height: int) -> dict[str, Any]:
    data = jpeg(width, height)
    scaled, whole = pixels(data, VIEW), pixels(data, None)
    difference = np.abs(scaled.astype(int) - whole.astype(int)).mean()
    return {
        "bytes": len(data),
        "difference": float(difference),
        "scaled": milliseconds(lambda: pixels(data, VIEW)),
        "whole": milliseconds(lambda: pixels(data, None)),
    }


def pixels(data: bytes, wanted: Preprocess | None) -> NDArray[np.uint8]:
    image, _ = decode(data, "a.jpg", preprocess=wanted)
    assert image is not None
    return VIEW.to_array(image)


def jpeg(width: int, height: int) -> bytes:
    """Blots of every size, each half as strong as those twice as large."""
    random, total = np.random.default_rng(7), np.zeros((height, width, 3), np.float32)
    for level in range(9):
        small = random.integers(0, 256, (3 * 2**level, 4 * 2**level, 3), dtype=np.uint8)
        blots = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(blots, np.float32) * 0.5 ** (level + 1)
    with io.BytesIO() as file:
        Image.fromarray(total.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
        return file.getvalue()


def milliseconds(job: Callable[[], object]) -> dict[str, float]:
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.process_time()
        job()
        times.append(1e3 * (time.process_time() - began))
    return {"median": statistics.median(times), "min": min(times), "max": max(times)}


if __name__ == "__main__":
    main()
