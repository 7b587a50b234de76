"""How much faster are networks in 8 bits than eager PyTorch?

    python benchmarks/int8.py [--networks resnet18,resnet50,mobilenet_v2] [--rounds 7] [--save]

Networks with random weights at 224x224 pixels, in batches of 32 and 1: eager PyTorch in float32
(inference mode, channels first, normalized pixels given), and onnxruntime and OpenVINO in float32
and in 8 bits, which are given bytes and normalize them. All have as many threads as there are
cores. Every round runs each of them once after another, or for a fifth of a second; ratios are of
the same round. A busy machine flatters or hurts; its share is written beside. Prints one JSON line;
--save appends it to results/int8.jsonl. About a minute a network on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import torch
from machines import busy_seconds, keep, machine, say
from torch import Tensor, nn

from striate import zoo
from striate.deployment.quantize import calibrate
from striate.runtimes import open_openvino, open_session

SIDE, BATCHES, CALIBRATED = 224, (32, 1), 32
LEAST_SECONDS = 0.2  #: of a turn
PAUSE = 0.1  #: before a turn, in which threads of the one before stop waiting for work
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GOALS = {"resnet18": 6, "resnet50": 10, "mobilenet_v2": 15}  #: times eager PyTorch, batch 32
EAGER = "PyTorch float32"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default=",".join(GOALS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": f"{SIDE}x{SIDE}",
            "machine": machine(),
            "threads": torch.get_num_threads(),
            "n": asked.rounds,
            "versions": {
                each.__name__: each.__version__ for each in (torch, onnxruntime, openvino)
            },
            "networks": {name: measured(name, asked.rounds) for name in asked.networks.split(",")},
        }
    )
    print(line)
    if asked.save:
        keep("int8", line)


def measured(name: str, rounds: int) -> dict[str, Any]:
    torch.manual_seed(0)
    network = zoo.CARDS[name].builder().eval()
    body = traced(Fed(network), (SIDE, SIDE, 3))
    rows = np.random.default_rng(0).integers(0, 256, (CALIBRATED, SIDE, SIDE, 3), dtype=np.uint8)
    made = calibrate(body, np.split(rows, CALIBRATED // 8)).quantize()
    files = {"float32": body.SerializeToString(), "int8": made.SerializeToString()}
    sizes = {kind: len(file) for kind, file in files.items()}
    turns = {str(batch): compared(name, network, files, batch, rounds) for batch in BATCHES}
    return {"bytes": sizes, "goal": GOALS.get(name), "batches": turns}


class Fed(nn.Module):
    """A network that is given bytes (N, H, W, 3)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("scale", 1 / (255 * torch.tensor(STD)).view(1, 3, 1, 1))
        self.register_buffer("shift", -(torch.tensor(MEAN) / torch.tensor(STD)).view(1, 3, 1, 1))

    def forward(self, rows: Tensor) -> Tensor:
        pixels = rows.permute(0, 3, 1, 2).float().contiguous()
        return self.network(pixels * self.scale + self.shift).softmax(1)


def traced(network: nn.Module, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A network that is given bytes (N, H, W, C) as a graph."""
    rows = torch.zeros((2, *shape), dtype=torch.uint8)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            network.eval(),
            (rows,),
            dynamo=True,
            input_names=["rows"],
            dynamic_shapes={"rows": {0: torch.export.Dim("batch", min=1, max=1024)}},
            opset_version=18,
            verbose=False,
        )
    return made.model_proto


def compared(
    name: str, network: nn.Module, files: dict[str, bytes], batch: int, rounds: int
) -> dict[str, Any]:
    """Milliseconds of an image by each, and how many times as fast as eager PyTorch it is."""
    rows = np.random.default_rng(1).integers(0, 256, (batch, SIDE, SIDE, 3), dtype=np.uint8)
    images = torch.randn(batch, 3, SIDE, SIDE)
    runs: dict[str, Callable[[], object]] = {EAGER: lambda: network(images)}
    for kind, file in files.items():
        session, compiled = open_session(file), open_openvino(file)
        runs[f"onnxruntime {kind}"] = lambda it=session: it.run(None, {"rows": rows})
        runs[f"OpenVINO {kind}"] = lambda it=compiled: it(rows)
    times: dict[str, list[float]] = {each: [] for each in runs}
    begun, busy, own = time.monotonic(), busy_seconds(), time.process_time()
    with torch.inference_mode():
        for run in runs.values():
            run()
        for _ in range(rounds):
            for each, run in runs.items():
                times[each].append(1e3 * seconds(run) / batch)
    others = busy_seconds() - busy - (time.process_time() - own)
    share = max(0.0, others) / ((time.monotonic() - begun) * (os.cpu_count() or 1))
    say(f"{name}, batch {batch}: {share:.0%} of the machine was others'")
    found = {
        each: {
            "ms": spread(took),
            "times": spread([slow / fast for slow, fast in zip(times[EAGER], took, strict=True)]),
        }
        for each, took in times.items()
    }
    for each, entry in found.items():
        say(f"  {each:22}{entry['ms']['median']:9.2f} ms {entry['times']['median']:7.2f} times")
    return {"others": share, "engines": found}


def seconds(run: Callable[[], object]) -> float:
    """Of one call, the mean of as many as fit."""
    time.sleep(PAUSE)
    begun, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - begun < LEAST_SECONDS:
        run()
        calls += 1
    return (time.perf_counter() - begun) / calls


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    main()
