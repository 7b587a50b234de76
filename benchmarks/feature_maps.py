"""How long do all feature maps of a network take, from an image in a file to pictures in files?

    python benchmarks/feature_maps.py [--network resnet18] [--side 224] [--rounds 5] [--save]

An image of smooth noise, a network with random weights: neither changes the work. `striate` is
`look` with a loaded model: it decodes the image in a process of its own, and writes a
sheet with all channels of each layer, with its scale and its silent channels. The peers begin with
the decoded image: `torchvision` is `save_image` of a grid of the same maps, `matplotlib` what
tutorials do, an axis for each of the first channels of a layer. All run in turns, and the first
turn is not counted. `process` is the command `striate look` in a new process, which has to import
PyTorch and load the model. Peers that are not installed are left out. Prints one JSON line: seconds
of each round, and those of all processors, with processes that were begun; --save appends it to
results/feature_maps.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from class_maps import define_operators
from invariance import make_model, make_photos
from machines import keep, machine
from torch import Tensor

import striate
from striate.look.feature_maps import read_maps
from striate.look.layers import watch_layers
from striate.look.subject import find_inputs
from striate.model import Model
from striate.model_file import save
from striate.verbs.look import look

CHANNELS = 64  #: most that matplotlib draws of a layer: an axis each takes long
PEERS = ("torchvision", "matplotlib")
Writer = Callable[[Path], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        line = json.dumps(measure(asked.network, asked.side, asked.rounds, Path(folder)))
    print(line, flush=True)
    if asked.save:
        keep("feature_maps", line)


def measure(network: str, side: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Run every contender in turns, each into new folders."""
    model = make_model(network, side)
    image = next(make_photos(folder / "photos", 1, side).rglob("*.jpg"))
    _operators = define_operators()
    contenders = make_contenders(model, image, folder)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    files: dict[str, list[int]] = {}
    for number in range(rounds + 1):
        for name, write in contenders.items():
            out = folder / f"{name}-{number}"
            began = time.perf_counter(), processor_seconds()
            write(out)
            if number:  # the first turn reads what later ones find in memory
                seconds[name].append(round(time.perf_counter() - began[0], 3))
                processor[name].append(round(processor_seconds() - began[1], 3))
            files[name] = [file.stat().st_size for file in out.iterdir()]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"{network}, an image of {side}x{side}",
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "versions": {
            "striate": striate.__version__,
            "torch": torch.__version__,
            **{name: importlib.metadata.version(name) for name in PEERS if name in contenders},
        },
        "files": {name: len(sizes) for name, sizes in files.items()},
        "megabytes": {name: round(sum(sizes) / 1e6, 1) for name, sizes in files.items()},
        "seconds": seconds,
        "processor_seconds": processor,
    }


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def make_contenders(model: Model, image: Path, folder: Path) -> dict[str, Writer]:
    """Return what writes the maps of an image into a folder, by name."""
    file = folder / "model.safetensors"
    save(model, file)
    network, inputs = find_inputs(model, image)
    layers = tuple(read_maps(network, inputs, ("all",)))

    def run(out: Path) -> None:
        command = [sys.executable, "-m", "striate", "look", str(file), str(image)]
        command += ["--show", "maps", "--layers", "all", "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True)

    def plain_maps() -> dict[str, Tensor]:
        with torch.inference_mode(), watch_layers(network, layers) as watched:
            network(inputs)
            return {name: outputs[-1][0] for name, outputs in watched.items()}

    made: dict[str, Writer] = {
        "striate": lambda out: look(model, image, show="maps", layers="all", out=out),
        "process": run,
        "torchvision": lambda out: write_grids(plain_maps(), out),
        "matplotlib": lambda out: write_figures(plain_maps(), out),
    }
    return {n: w for n, w in made.items() if n not in PEERS or importlib.util.find_spec(n)}


def write_grids(maps: dict[str, Tensor], out: Path) -> None:
    from torchvision.utils import save_image

    out.mkdir()
    for name, each in maps.items():
        across = int(np.ceil(len(each) ** 0.5))
        save_image(each[:, None], out / f"{name}.png", nrow=across, normalize=True)


def write_figures(maps: dict[str, Tensor], out: Path) -> None:
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    out.mkdir()
    for name, each in maps.items():
        shown = each[:CHANNELS].numpy()
        across = int(np.ceil(len(shown) ** 0.5))
        figure, axes = plt.subplots(across, across, figsize=(10, 10), squeeze=False)
        for axis in axes.flat:
            axis.axis("off")
        for axis, one in zip(axes.flat, shown, strict=False):
            axis.imshow(one, cmap="gray")
        figure.suptitle(name)
        figure.savefig(out / f"{name}.png")
        plt.close(figure)


if __name__ == "__main__":
    main()
