"""What every contender shares: its arguments, its clock, and the one line it prints.

    python benchmarks/contenders/NAME.py FOLDER --network lenet5 --epochs 10 --batch 64 --seed 1
        [--weights FILE]

FOLDER holds train/CLASS/* and validation/CLASS/*. The line is the last one on standard output.
All train by SGD with momentum, without weight decay or augmentation, along the same one-cycle
learning rate, and validate after every epoch; one has a recipe of its own beside that. With a file
of weights, which has the names of torchvision or timm, all but a new last layer is frozen.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

MOMENTUM = 0.9
RISING = 0.15  #: share of the steps in which the learning rate rises
PEAKS = {"lenet5": 0.05, "resnet20": 0.1, "resnet18": 0.01, "efficientnet_lite0": 0.01}
HEAD_PEAK = 0.01  #: where only the last layer is trained; chosen on validation images


@dataclass(frozen=True)
class Task:
    """What is trained on what, the same for every contender."""

    folder: Path
    network: str  #: lenet5, resnet20, resnet18 or efficientnet_lite0
    epochs: int
    batch: int
    seed: int
    weights: Path | None = None  #: to begin with, and to freeze

    @property
    def channels(self) -> int:
        return 1 if self.network == "lenet5" else 3

    @property
    def side(self) -> int:
        """Of the image that the network sees, in pixels."""
        return 32 if self.network in ("lenet5", "resnet20") else 224

    @property
    def classes(self) -> int:
        return sum(path.is_dir() for path in (self.folder / "train").iterdir())

    @property
    def interpolation(self) -> str:
        """How images are resized: bicubic is what the weights of EfficientNet-Lite expect."""
        return "bicubic" if self.network == "efficientnet_lite0" else "bilinear"

    @property
    def learning_rate(self) -> float:
        """The peak."""
        return HEAD_PEAK if self.weights else PEAKS[self.network]


def parse() -> Task:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=PEAKS, required=True)
    for name in ("--epochs", "--batch", "--seed"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--weights", type=Path)
    return Task(**vars(parser.parse_args()))


class Clock:
    """Seconds since the process began, cut into phases; and those of each epoch's training."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self.epochs: list[float] = []
        self._cut = self._epoch = _process_began()

    def phase(self, name: str) -> None:
        """End the phase that began where the last one ended."""
        now = _now()
        self.phases[name] = self.phases.get(name, 0.0) + now - self._cut
        self._cut = now

    def epoch_begins(self) -> None:
        self._epoch = _now()

    def epoch_ends(self) -> None:
        self.epochs.append(_now() - self._epoch)


def report(
    clock: Clock,
    *,
    images: int,
    correct: int,
    n: int,
    params: int,
    packages: tuple[str, ...],
    recipe: str = "",
) -> None:
    """Print the line: one epoch trained on `images`, the last one got `correct` of `n` right.

    `recipe` says what was trained otherwise than all others do. Images per second are those of
    the median epoch after the first, training alone.
    """
    steady = statistics.median(clock.epochs[1:] or clock.epochs)
    line = {
        "correct": correct,
        "n": n,
        "params": params,
        "images_per_second": round(images / steady, 1),
        "phases": {name: round(seconds, 3) for name, seconds in clock.phases.items()},
        "versions": {name: version(name) for name in packages},
        "recipe": recipe,
    }
    print(json.dumps(line), flush=True)


def _now() -> float:
    """Seconds since the machine was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _process_began() -> float:
    """When this process began, on the clock of `_now`, to 10 ms: imports count."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")
