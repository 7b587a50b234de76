"""How much of a GPU's speed is left when ResNets are fed by striate's packed images?

    python benchmarks/gpu_resnet.py --cifar PATH/cifar10-jpg.tar.gz [--batch 256] [--steps 100]
                                    [--smoke] [--save]

The same step of the same network learns from one batch that lies on the GPU, drawn by chance, and
from packed images: JPEG files of 320x240, decoded once, gathered and varied batch by batch as
`striate train` does. They take turns, three times. --smoke is a tiny run on the CPU. Prints one
JSON line; --save appends it to results/gpu_resnet.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any

import folders
import torch
from machines import keep, machine, say
from torch import nn
from turns import spread

import striate
from striate import zoo
from striate.data.augment.ranges import augment_ranges
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.loader import Batch, ImageDataset, load_split
from striate.data.prefetch import prefetch
from striate.data.readers.scan import scan
from striate.hardware import autocast, to_device
from striate.optim.optimizer import Optimizer
from striate.tasks.classification import task as classification

NETWORKS = ("resnet18", "resnet50")
TURNS, GOAL = 3, 0.9
HALF = (0.5, 0.5, 0.5)  #: mean and std that images are normalized by
FED, SYNTHETIC = "packed images", "synthetic"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, required=True, help="cifar10-jpg.tar.gz")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100, help="of a turn")
    parser.add_argument("--augment", choices=("none", "standard"), default="standard")
    parser.add_argument("--smoke", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.smoke and not torch.cuda.is_available():
        sys.exit("gpu_resnet: needs a GPU, and torch sees none here; --smoke runs on the CPU")
    if asked.save and asked.smoke:
        parser.error("--save takes a whole measurement: no --smoke")
    if not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    if asked.smoke:
        asked.batch, asked.steps = 4, 1
    line = json.dumps(measured(asked))
    print(line, flush=True)
    if asked.save:
        keep("gpu_resnet", line)


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    device, side = torch.device("cpu" if asked.smoke else "cuda"), 64 if asked.smoke else 224
    networks = NETWORKS[:1] if asked.smoke else NETWORKS
    with tempfile.TemporaryDirectory(prefix="gpu-resnet-") as temporary:
        folder = Path(temporary, "photos")
        folders.large(folder, asked.cifar, train=2 if asked.smoke else 400, validation=1)
        view = Preprocess(side, 3, "crop", HALF, HALF)
        pixels = load_split(
            decode_images(scan(folder), view, cache=Path(temporary)), "train", view, device
        )
        found = {name: compared(name, pixels, side, asked) for name in networks}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "cifar10, 320x240",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else machine()["cpu"],
        "images": len(pixels),
        "side": side,
        "batch": asked.batch,
        "augment": asked.augment,
        "n": TURNS,
        "goal": GOAL,
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "networks": found,
    }


def compared(
    name: str, pixels: ImageDataset, side: int, asked: argparse.Namespace
) -> dict[str, Any]:
    """Images a second of a network, fed and not."""
    device = pixels.device
    network = to_device(zoo.build(name, classes=10), device)
    quick = network if asked.smoke else torch.compile(network)
    optimizer = Optimizer(network, "nesterov", 5e-4)
    batch = synthetic(asked.batch, side, device)
    rates: dict[str, list[float]] = {SYNTHETIC: [], FED: []}
    for _ in range(TURNS + 1):
        for source, batches in ((SYNTHETIC, repeat(batch)), (FED, endless(pixels, asked))):
            took = seconds(quick, optimizer, islice(batches, asked.steps), device)
            rates[source].append(asked.batch * asked.steps / took)
    counted = {source: values[1:] for source, values in rates.items()}  # the first compiles
    ratio = statistics.median(counted[FED]) / statistics.median(counted[SYNTHETIC])
    say(f"{name}: {counted}, {ratio:.1%}")
    spreads = {source: spread(values) for source, values in counted.items()}
    return {"images_per_second": spreads, "ratio": round(ratio, 4)}


def synthetic(size: int, side: int, device: torch.device) -> Batch:
    images = torch.randn(size, 3, side, side, device=device)
    labels = torch.arange(size, device=device) % 10
    return Batch(images.to(memory_format=torch.channels_last), labels)


def endless(pixels: ImageDataset, asked: argparse.Namespace) -> Iterator[Batch]:
    """Whole batches of one epoch after another, each made while the one before is learned from."""
    varied = augment_ranges(asked.augment, None)
    for epoch in count():
        for batch in prefetch(
            pixels.train_batches(asked.batch, seed=0, epoch=epoch, variation=varied)
        ):
            if len(batch) == asked.batch:
                yield batch


def seconds(
    network: nn.Module, optimizer: Optimizer, batches: Iterator[Batch], device: torch.device
) -> float:
    """What the steps take until the GPU has done the last."""
    network.train()
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for batch in batches:
        with autocast("bfloat16", device):
            loss = classification.loss(network(batch.images), batch.targets)
        loss.backward()
        optimizer.step(1e-3)
        optimizer.zero_grad()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
