"""Answers images as a worker of a fleet does, on one core.

    python benchmarks/contenders/fleet_worker.py MODEL ENGINE FOLDER CORE

Prints a line when its model is loaded, waits for one on standard input, and prints a JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path


def main(model: str, engine: str, folder: str, core: str) -> None:
    os.sched_setaffinity(0, {int(core)})
    began = time.monotonic()
    from striate.options import PredictOptions
    from striate.verbs.answering import make_predictor

    options = PredictOptions.read({"engine": engine, "device": "cpu"})
    predictor = replace(make_predictor(Path(model), options, threads=1), threads=1)
    paths = sorted(Path(folder).rglob("*.jpg"))
    list(predictor.predict(paths[: predictor.batch]))
    loaded = time.monotonic() - began
    print("ready", flush=True)
    sys.stdin.readline()
    began, before = time.monotonic(), cpu_seconds()
    failed = sum(bool(prediction.error) for prediction in predictor.predict(paths))
    seconds = time.monotonic() - began
    assert failed == 0
    told = {"images": len(paths), "seconds": seconds, "load_seconds": loaded}
    print(json.dumps(told | {"cpu_seconds": cpu_seconds() - before}))


def cpu_seconds() -> float:
    """Of this process and of those that decoded for it, which have ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main(*sys.argv[1:])
