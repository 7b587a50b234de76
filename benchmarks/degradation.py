"""Do more layers learn less? And what does batch normalization do for it?

    python benchmarks/degradation.py --cifar PATH/cifar10-jpg.tar.gz [--images 8000] [--epochs 12]
                                     [--save]

Plain networks and residual ones of 20 and 56 layers, as of He et al. 2016, section 4.2, each by its
recipe in benchmarks/recipes; then those of 20 layers with their batch norms taken out, by the same
recipe and by one with a tenth of its rate. So many images to train on, a quarter as many to
validate. Prints one JSON line; --save appends it to results/degradation.jsonl and draws its curves
for the documentation.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import folders
import torch
from machines import HERE, keep, machine, say
from panels import panels
from torch import nn

import striate
from striate import zoo
from striate.errors import DivergedError
from striate.training.events import Epoch

NETWORKS = ("plain20", "plain56", "resnet20", "resnet56")
TAKEN_OUT = ("plain20", "resnet20")  #: the networks that learn without norms as well
BARE, SLOW = ", no norms", ", rate / 10"  #: what the name of such a run ends with
IMAGES = HERE.parent / "docs" / "images"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, required=True, help="cifar10-jpg.tar.gz")
    parser.add_argument("--images", type=int, default=8000, help="to train on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    if asked.images < 40:
        parser.error(f"--images: 40 at least, four of a class, but {asked.images} came")
    record = measured(asked)
    print(json.dumps(record), flush=True)
    if asked.save:
        keep("degradation", json.dumps(record))
        draw(record["curves"])


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """The curves of all networks on the same images."""
    with tempfile.TemporaryDirectory(prefix="degradation-") as temporary:
        place = Path(temporary)
        os.environ["STRIATE_CACHE"] = str(place / "cache")
        count = asked.images // 10
        folders.cifar(place / "photos", asked.cifar, train=count, validation=max(1, count // 4))
        names = [*NETWORKS, *(name for base in TAKEN_OUT for name in bared(base))]
        curves = {name: curve(name, place, asked) for name in names}
        parts = {part.name: len(list(part.glob("*/*"))) for part in (place / "photos").iterdir()}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "cifar10",
        "images": parts,
        "epochs": asked.epochs,
        "seed": asked.seed,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "curves": curves,
    }


def bared(base: str) -> tuple[str, str]:
    """What the runs of a network without its norms are called."""
    return f"{base}{BARE}", f"{base}{BARE}{SLOW}"


def curve(name: str, place: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Shares wrong after each epoch, or as many epochs as were learned before it failed."""
    base = name.partition(",")[0]
    if name != base:
        zoo.CARDS[name] = without_norms(name, zoo.CARDS[base])
    recipe = HERE / "recipes" / f"{base}.toml"
    rate = tomllib.loads(recipe.read_text("utf-8"))["learning_rate"]
    found: dict[str, Any] = {"train": [], "validation": [], "seconds": 0.0, "failed": ""}
    events = striate.stream(
        place / "photos",
        recipe=recipe,
        network=name,
        epochs=asked.epochs,
        learning_rate=rate / 10 if name.endswith(SLOW) else rate,
        seed=asked.seed,
        out=place / name,
    )
    try:
        for event in events:
            if isinstance(event, Epoch):
                found["train"].append(round(1 - event.train_accuracy, 4))
                found["validation"].append(round(1 - event.validation_accuracy, 4))
                found["seconds"] = round(event.seconds, 1)
    except DivergedError as error:
        found["failed"] = str(error).partition(";")[0]
    say(f"{name}: {found}")
    return found


def without_norms(name: str, card: zoo.Card) -> zoo.Card:
    """The card of the same network with a bias in the place of each batch norm."""
    return replace(card, name=name, builder=partial(bare, card.builder))


def bare(builder: Callable[..., nn.Module], *, channels: int = 3, classes: int = 10) -> nn.Module:
    """The network with what is left of its batch norms when they do not normalize."""
    network = builder(channels=channels, classes=classes)
    for module in network.modules():
        for child, inner in list(module.named_children()):
            if isinstance(inner, nn.BatchNorm2d):
                setattr(module, child, Bias(inner.num_features))
    return network


class Bias(nn.Module):
    """Adds a number to each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> the same."""
        return x + self.bias.reshape(-1, 1, 1)


def draw(curves: dict[str, Any]) -> None:
    """One image of the depths, one of the norms."""
    norms = [name for base in TAKEN_OUT for name in (base, f"{base}{BARE}{SLOW}")]
    for file, names in (("degradation.svg", NETWORKS), ("batch-norm.svg", norms)):
        longest = max(len(curves[name]["train"]) for name in names)
        charts = {
            f"epoch, {part} images": (
                range(1, longest + 1),
                {name: curves[name][part] for name in names},
            )
            for part in ("train", "validation")
        }
        text = panels("Share wrong after each epoch", charts, "share wrong")
        (IMAGES / file).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
