"""Which share of the machine's rate of matrix products does a training step reach?

    python benchmarks/matrix_rate.py [--seconds 3] [--save]

The rate is that of torch.mm on squares, by size the best; the step is striate's own: a batch
forward, backward, and the update. Three times the multiply-adds of an image are counted for it:
forward, and backward once for images and once for weights. Both in one run, with as many threads.
Prints one JSON line; --save appends it to results/matrix_rate.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from machines import keep, machine, say
from turns import spread

import striate
from striate import zoo
from striate.hardware import autocast, choose_device, keep_freed_memory, to_device
from striate.optim.optimizer import Optimizer
from striate.options import Precision
from striate.tasks.classification import task as classification

SIDES = (1024, 2048, 4096)  #: of the squares
TYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PASSES = 3  #: forward, and backward twice
#: name -> shape of the image, classes, batch
NETWORKS = {
    "lenet5": ((1, 32, 32), 10, 64),
    "resnet20": ((3, 32, 32), 10, 128),
    "resnet18": ((3, 224, 224), 10, 32),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.save and len(asked.only) < len(NETWORKS):
        parser.error("--save takes a whole measurement: no --only")
    torch.set_num_threads(asked.threads)
    keep_freed_memory()
    device = choose_device("auto")
    rates = {name: best_square(device, kind, asked.seconds) for name, kind in TYPES.items()}
    networks = {name: steps(name, device, rates, asked.seconds) for name in asked.only}
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": device.type,
            "device": torch.cuda.get_device_name() if device.type == "cuda" else machine()["cpu"],
            "machine": machine(),
            "threads": asked.threads,
            "versions": {"striate": striate.__version__, "torch": torch.__version__},
            "rates": rates,
            "networks": networks,
        }
    )
    print(line, flush=True)
    if asked.save:
        keep("matrix_rate", line)


def best_square(device: torch.device, kind: torch.dtype, seconds: float) -> dict[str, float]:
    """Multiply-adds a second of the median product, for the side where they are most."""
    found: dict[str, float] = {"rate": 0.0}
    for side in SIDES:
        left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        took = timed(lambda a=left, b=right: torch.mm(a, b), device, seconds / len(SIDES))
        rate = side**3 / statistics.median(took)
        if rate > found["rate"]:
            found = {"rate": rate, "side": side, "n": len(took)}
    say(f"{kind}: {found}")
    return found


def steps(
    name: str, device: torch.device, rates: dict[Precision, dict[str, float]], seconds: float
) -> dict[str, Any]:
    """Steps of a network in each precision, and the share of that precision's rate."""
    shape, classes, batch = NETWORKS[name]
    network = to_device(zoo.build(name, channels=shape[0], classes=classes), device)
    macs = striate.describe(network, shape).macs
    images = torch.randn(batch, *shape, device=device).to(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % classes
    optimizer = Optimizer(network, "nesterov", 5e-4)
    found: dict[str, Any] = {"batch": batch, "macs": macs}

    def step(precision: Precision) -> None:
        with autocast(precision, device):
            loss = classification.loss(network(images), labels)
        loss.backward()
        optimizer.step(1e-4)
        optimizer.zero_grad()

    for precision in TYPES:
        took = timed(lambda: step(precision), device, seconds)  # noqa: B023 - called at once
        share = PASSES * macs * batch / statistics.median(took) / rates[precision]["rate"]
        milliseconds = spread([each * 1e3 for each in took])
        found[precision] = {"milliseconds": milliseconds, "share": round(share, 4), "n": len(took)}
    say(f"{name}: {found}")
    return found


def timed(call: Callable[[], object], device: torch.device, seconds: float) -> list[float]:
    """Seconds of each call, after two that are not counted: five at least."""
    took = list[float]()
    began = time.perf_counter()
    while len(took) < 7 or time.perf_counter() - began < seconds:
        before = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - before)
    return took[2:]


if __name__ == "__main__":
    main()
