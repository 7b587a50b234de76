"""How near is `striate.summary` to the most memory that torch takes?

    python benchmarks/peak_memory.py [--batch 8] [--only vgg16 resnet50] [--save]

Each measurement is a process of its own that runs one pass: on the CPU, torch's profiler reports
every allocation; on a GPU, torch's allocator knows its peak, after a pass that is not counted.
Weights are made before. Nothing here varies from run to run but what cuDNN chooses.
Prints one JSON line for each device; --save appends it to results/peak_memory.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
from typing import Any

import torch
from machines import keep, machine, say
from torch import nn
from torch.profiler import ProfilerActivity, profile

from striate import zoo
from striate.layers import meta_init
from striate.summary.memory import estimate_memory
from striate.tasks.classification import task as classification

NETWORKS = ("vgg16", "resnet50", "densenet121", "mobilenet_v2")
PASSES = ("inference", "training")
LAYOUTS = {"channels last": torch.channels_last, "default": torch.contiguous_format}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=zoo.CARDS, default=list(NETWORKS))
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--measure", nargs=4, help="network, pass, layout and device of a process")
    asked = parser.parse_args()
    if asked.measure:
        print(measured(*asked.measure, batch=asked.batch))
        return
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        line = json.dumps(compare(device, asked.only, asked.batch))
        print(line, flush=True)
        if asked.save:
            keep("peak_memory", line)


def compare(device: str, names: list[str], batch: int) -> dict[str, Any]:
    """What striate tells and what torch takes, in bytes."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": device,
        "device": torch.cuda.get_device_name() if device == "cuda" else machine()["cpu"],
        "machine": machine(),
        "batch": batch,
        "versions": {"torch": torch.__version__},
        "networks": {name: compared(device, name, batch) for name in names},
    }


def compared(device: str, name: str, batch: int) -> dict[str, Any]:
    with meta_init():
        network = zoo.build(name)
    told = estimate_memory(network, zoo.CARDS[name].input, batch)
    passes: dict[str, Any] = {}
    for way in PASSES:
        took = {layout: in_a_process(name, way, layout, device, batch) for layout in LAYOUTS}
        passes[way] = {"told": getattr(told, way), "took": took}
        say(f"{device} {name} {way}: {passes[way]}")
    return passes


def in_a_process(name: str, way: str, layout: str, device: str, batch: int) -> int:
    program = [sys.executable, __file__, "--batch", str(batch)]
    program += ["--measure", name, way, layout, device]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


def measured(name: str, way: str, layout: str, device: str, batch: int) -> int:
    """Bytes above those of the weights, at the highest."""
    network = zoo.build(name).to(device=device, memory_format=LAYOUTS[layout])
    network.train(way == "training")
    if device == "cuda":
        run(network, name, layout, batch)
        network.zero_grad(set_to_none=True)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(network, name, layout, batch)
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watch:
        run(network, name, layout, batch)
    events = watch.profiler.kineto_results.events()
    changes = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
    total = most = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        total += change
        most = max(most, total)
    return most


def run(network: nn.Module, name: str, layout: str, batch: int) -> None:
    card, device = zoo.CARDS[name], next(network.parameters()).device
    images = torch.empty(
        (batch, *card.input), device=device, memory_format=LAYOUTS[layout]
    ).normal_()
    with torch.set_grad_enabled(network.training):
        outputs = network(images)
        if network.training:
            labels = torch.zeros(batch, dtype=torch.int64, device=device)
            classification.loss(outputs, labels).backward()


if __name__ == "__main__":
    main()
