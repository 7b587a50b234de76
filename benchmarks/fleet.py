"""How many images a second does a core of a fleet answer, and what do a billion of them cost?

    python benchmarks/fleet.py [--images 640] [--rounds 3] [--save]

JPEGs of 640x480 pixels and a ResNet-18 of 1,000 classes at 224 pixels, with random weights: by
PyTorch, by onnxruntime, and in 8 bits by OpenVINO. Every core has a worker of its own, as
`striate predict --on ray` has, and all work at once; loading the model is not counted. Prints one
JSON line; --save appends it to results/fleet.jsonl, and benchmarks/tables.py makes the table of
core hours and costs of it. About 5 minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from machines import HERE, busy_seconds, keep, machine, say
from predict_speed import SIZES, make, network
from turns import environment, spread

from striate.deployment.body import trace_body
from striate.deployment.onnx_file import assemble
from striate.deployment.quantize import calibrate
from striate.deployment.target import Contents
from striate.model_file import save

CALIBRATED = 32  #: images of noise that set the ranges of 8 bits
ENGINES = {
    "PyTorch, float32": ("model.safetensors", "torch"),
    "onnxruntime, float32": ("float32.onnx", "onnxruntime"),
    "OpenVINO, 8 bits": ("int8.onnx", "openvino"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-") as temporary:
        home = Path(temporary)
        write_models(home)
        make(home / "small", *SIZES["small"], count=asked.images)
        turns: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
        for number in range(asked.rounds):
            for name, (model, engine) in ENGINES.items():
                turn = measured(home, model, engine)
                say(f"{number + 1}/{asked.rounds} {name}: {turn['per_second']:.1f} images/s and "
                    f"core, {turn['per_cpu_second']:.1f} a CPU second, others took "
                    f"{turn['others']:.0%}")  # fmt: skip
                turns[name].append(turn)
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "{}x{}".format(*SIZES["small"]),
            "network": "resnet18",
            "images": asked.images,
            "machine": machine(),
            "threads": len(os.sched_getaffinity(0)),
            "others": round(max(turn["others"] for each in turns.values() for turn in each), 3),
            "n": asked.rounds,
            "versions": {name: version(name) for name in ("onnxruntime", "openvino", "torch")},
            "engines": {
                name: {
                    key: spread([turn[key] for turn in each])
                    for key in ("per_second", "per_cpu_second", "load_seconds")
                }
                for name, each in turns.items()
            },
        }
    )
    print(line)
    if asked.save:
        keep("fleet", line)


def write_models(home: Path) -> None:
    model = network()
    save(model, home / "model.safetensors")
    body = trace_body(model)
    (home / "float32.onnx").write_bytes(assemble(Contents(body, model)))
    shape = CALIBRATED, *model.preprocess.row_shape
    rows = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    made = calibrate(body, np.split(rows, CALIBRATED // 8)).quantize()
    (home / "int8.onnx").write_bytes(assemble(Contents(made, model, "int8")))


def measured(home: Path, model: str, engine: str) -> dict[str, float]:
    """A worker on each core, all at once: images a second of one, on average."""
    program = [sys.executable, str(HERE / "contenders" / "fleet_worker.py")]
    arguments = [str(home / model), engine, str(home / "small")]
    one_thread = environment(str(home)) | {"OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [*program, *arguments, str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=one_thread,
            text=True,
        )
        for core in sorted(os.sched_getaffinity(0))
    ]
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline() != "ready\n":
            sys.exit(f"a worker of {engine} failed")
    began, busy = time.monotonic(), busy_seconds()
    told = [json.loads(worker.communicate("go\n")[0]) for worker in workers]
    seconds, busy = time.monotonic() - began, busy_seconds() - busy
    images, own = (sum(each[name] for each in told) for name in ("images", "cpu_seconds"))
    return {
        "per_second": statistics.mean(each["images"] / each["seconds"] for each in told),
        "per_cpu_second": images / own,
        "load_seconds": statistics.mean(each["load_seconds"] for each in told),
        "others": max(0.0, busy - own) / (seconds * (os.cpu_count() or 1)),
    }


if __name__ == "__main__":
    main()
