"""How fast does each engine run a model, against PyTorch as `predict` runs it?

    python benchmarks/engines.py resnet18 --size 224 --rounds 3

A network with random weights is made ready for each engine as `predict --engine` does. Rounds
alternate between the engines; batches are of 1 and of 32 preprocessed images. A round is the best
of some calls: images a second by the clock, and by the processor's time. With `--threads 1` the
latter is steady beside other work.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.deployment.body import example_rows
from striate.deployment.ready import load_ready
from striate.hardware import to_device
from striate.model import Model
from striate.model_file import load, save
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

ENGINES = ("onnxruntime", "openvino")
BATCHES = {1: 12, 32: 3}  # images -> calls in a round


def make(name: str, size: int, file: Path) -> None:
    """Write a model of ten classes with random weights."""
    torch.manual_seed(0)
    network = to_device(zoo.build(name, channels=3, classes=10), "cpu").eval()
    task = bind_task(None, TargetSpec("label", tuple("0123456789")))
    view = Preprocess(size, 3, "crop", (0.5,) * 3, (0.25,) * 3)
    save(Model(network, NetworkSpec.of(name), task, view, SplitFractions(0.1, 0.1)), file)


def best(engine: Any, rows: Any, calls: int) -> tuple[float, float]:
    """Images a second by the clock and by the processor, of the quickest call."""
    found = []
    for _ in range(calls):
        clock, processor = time.perf_counter(), time.process_time()
        engine.decode_and_reject(rows)
        found.append((time.perf_counter() - clock, time.process_time() - processor))
    return tuple(len(rows) / min(each) for each in zip(*found, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="?", default="resnet18")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STRIATE_CACHE"] = folder
        file = Path(folder) / "model.safetensors"
        make(asked.network, asked.size, file)
        engines: dict[str, Any] = {"torch": load(file)}
        for name in ENGINES:
            begun = time.perf_counter()
            engines[name] = load_ready(file, name, asked.threads)
            print(f"{name}: made ready in {time.perf_counter() - begun:.1f} s")
        for batch, calls in BATCHES.items():
            rows = example_rows(engines["torch"], batch).numpy()
            measured = {name: [best(engine, rows, 1)] for name, engine in engines.items()}
            for _ in range(asked.rounds):
                for name, engine in engines.items():
                    measured[name].append(best(engine, rows, calls))
            for name, (_, *rounds) in measured.items():
                told = []
                pairs = list(zip(rounds, measured["torch"][1:], strict=True))
                for place, what in enumerate(("clock", "processor")):
                    rates = [each[place] for each in rounds]
                    ratios = [a[place] / b[place] for a, b in pairs]
                    told.append(
                        f"{median(rates):.1f} images a second by the {what}, {median(ratios):.2f} "
                        f"times PyTorch ({min(ratios):.2f} to {max(ratios):.2f})"
                    )
                print(f"batch {batch}, {name}: {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
