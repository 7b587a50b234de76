"""How long does training on signals take from files, against a plain PyTorch loop?

    python benchmarks/signal_speed.py --network lenet5_1d --pairs 3

Heart beats are made by a seed and written as class folders of CSV and NPY files. The loop is what
people write: a dataset that reads a file when it is asked for it, a DataLoader, the same network,
optimizer, batch, epochs and split, normalized by the mean and standard deviation of the training
signals, and judged on the validation signals after every epoch. With `--memory` it reads all files
once, before the first epoch. `striate.train` does the same, and also checks the data, keeps
checkpoints, varies the signals and writes its report; its cache is empty. Pairs alternate; seconds
are of the processor and of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import striate
from striate import zoo

KINDS = ("early", "normal", "wide")
BATCH, RATE = 64, 0.02


def make(root: Path, count: int, length: int) -> None:
    """Write beats of three kinds into folders train and validation."""
    random, at = np.random.default_rng(0), np.arange(length)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        split = "validation" if number % 7 == 6 else "train"
        middle = length * (0.3 if kind == "early" else 0.5) + random.normal(0, 3)
        wave = np.exp(-(((at - middle) / (16 if kind == "wide" else 6)) ** 2))
        signal = (wave + random.normal(0, 0.1, length)).astype(np.float32)
        file = root / split / kind / f"{number:05}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if number % 2:
            np.save(file.with_suffix(".npy"), signal)
        else:
            np.savetxt(file.with_suffix(".csv"), signal, fmt="%.6g")


def read(file: Path) -> NDArray[np.float32]:
    return np.load(file) if file.suffix == ".npy" else np.loadtxt(file, dtype=np.float32)


class Files(Dataset[tuple[Tensor, int]]):
    """The signals of a split, read when they are asked for."""

    def __init__(self, root: Path, *, memory: bool) -> None:
        self.files = sorted(root.rglob("*.*"))
        self.labels = [KINDS.index(file.parent.name) for file in self.files]
        self.kept = list(map(read, self.files)) if memory else None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        signal = read(self.files[row]) if self.kept is None else self.kept[row]
        return torch.from_numpy(signal)[None], self.labels[row]


def loop(root: Path, network: str, length: int, epochs: int, *, memory: bool) -> float:
    """Train with a plain loop; return the accuracy on validation signals."""
    torch.manual_seed(0)
    train, held = (Files(root / split, memory=memory) for split in ("train", "validation"))
    values = torch.stack([train[row][0] for row in range(len(train))])
    mean, std = values.mean(), values.std()
    sizes = {"size": length} if zoo.card(network).needs_size else {}
    model = zoo.build(network, channels=1, classes=len(KINDS), **sizes)
    steps = epochs * -(-len(train) // BATCH)
    optimizer = torch.optim.SGD(model.parameters(), RATE, 0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    right = 0
    for _ in range(epochs):
        model.train()
        for signals, labels in DataLoader(train, BATCH, shuffle=True):
            loss = nn.functional.cross_entropy(model((signals - mean) / std), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            right = sum(
                int((model((signals - mean) / std).argmax(1) == labels).sum())
                for signals, labels in DataLoader(held, 256)
            )
    return right / len(held)


def ours(root: Path, network: str, epochs: int) -> float:
    """Train with an empty cache; return the accuracy on validation signals."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["STRIATE_CACHE"] = f"{place}/cache"
        run = striate.train(root, network=network, epochs=epochs, batch=BATCH, learning_rate=RATE,
                            out=f"{place}/run", threads=torch.get_num_threads())  # fmt: skip
        return max(epoch.validation["accuracy"] for epoch in run.epochs())


def timed(work: Callable[[], float]) -> dict[str, float]:
    began, clock = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    accuracy = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor = used.ru_utime + used.ru_stime - began.ru_utime - began.ru_stime
    return {
        "processor": round(processor, 2),
        "clock": round(time.perf_counter() - clock, 2),
        "accuracy": round(accuracy, 4),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    asked.add_argument("--network", default="lenet5_1d")
    asked.add_argument("--signals", type=int, default=6000)
    asked.add_argument("--length", type=int, default=187)
    asked.add_argument("--epochs", type=int, default=10)
    asked.add_argument("--pairs", type=int, default=3)
    asked.add_argument("--memory", action="store_true", help="the loop reads its files once")
    given = asked.parse_args()
    root = Path(tempfile.mkdtemp())
    try:
        make(root, given.signals, given.length)
        ratios = list[tuple[float, float]]()
        for _ in range(given.pairs):
            plain = timed(
                lambda: loop(root, given.network, given.length, given.epochs, memory=given.memory)
            )
            own = timed(lambda: ours(root, given.network, given.epochs))
            ratios.append((plain["processor"] / own["processor"], plain["clock"] / own["clock"]))
            print(json.dumps({**vars(given), "loop": plain, "striate": own}), flush=True)
        for name, values in zip(("processor", "clock"), zip(*ratios, strict=True), strict=True):
            spread = f"{min(values):.2f} to {max(values):.2f}"
            print(f"{name}: the loop takes {median(values):.2f} times as long ({spread})")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
