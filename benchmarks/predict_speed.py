"""How long does predicting a folder of photographs take, beside other libraries?

    python benchmarks/predict_speed.py [--small 1000] [--large 300] [--repeats 3] [--save]
        [--ours "NAME=MODEL OPTION ..."] ...

JPEGs of 640x480 and of 12 megapixels with structure at every scale, one ResNet-18 of 1,000 classes
with random weights at 224 pixels, from the command to a CSV file: each contender is a process of
its own, imports included, with the batch and workers that it takes by itself; they take turns,
after a round that is not counted. --ours adds a contender of another model file or engine, as in
"striate, OpenVINO=model.onnx --engine openvino". Prints a JSON line for each size; --save appends
it to results/predict_speed.jsonl. About 20 minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contenders.predicting import CLASSES, LIBRARIES, MEAN, PARAMS, SIDE, STD
from machines import keep, machine, say
from PIL import Image
from turns import Turn, spread, take_turn

from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.model import Model
from striate.model_file import save
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

SIZES = {"small": (640, 480), "large": (4000, 3000)}
DISTINCT = 20  #: images; the others are links to them
QUALITY = 92


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--ours", nargs="*", default=[], help="NAME=MODEL OPTION ...")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="predict-speed-") as temporary:
        model = Path(temporary, "model.safetensors")
        save(network(), model)
        programs = {name: ["--model", str(model)] * (name == "striate") for name in asked.only}
        for each in asked.ours:
            name, _, words = each.partition("=")
            programs[name] = ["--model", *words.split()]
        for kind in SIZES:
            folder = Path(temporary, kind)
            make(folder, *SIZES[kind], count=getattr(asked, kind))
            line = json.dumps(measure(kind, folder, programs, asked.repeats))
            print(line, flush=True)
            if asked.save:
                keep("predict_speed", line)


def network() -> Model:
    torch.manual_seed(0)
    made = zoo.build("resnet18", classes=CLASSES)
    assert sum(values.numel() for values in made.parameters()) == PARAMS
    names = tuple(f"{label:03}" for label in range(CLASSES))
    task = bind_task(None, TargetSpec("label", names))
    view = Preprocess(SIDE, 3, "crop", MEAN, STD)
    return Model(made.eval(), NetworkSpec.of("resnet18"), task, view, SplitFractions(0.1, 0.1))


def make(folder: Path, width: int, height: int, count: int) -> None:
    """Make a folder in a folder, with so many JPEGs."""
    home = folder / "images"
    home.mkdir(parents=True)
    for number in range(count):
        path, first = (home / f"{at:06}.jpg" for at in (number, number % DISTINCT))
        if number < DISTINCT:
            photograph(width, height, seed=number).save(path, quality=QUALITY)
        else:
            path.hardlink_to(first)


def photograph(width: int, height: int, seed: int) -> Image.Image:
    """An image with structure at every scale, which a camera's JPEG of this size is as large as."""
    chance, side, share = np.random.default_rng(seed), 4, 1.0
    made = np.zeros((height, width, 3), np.float32)
    while side < width:
        grain = chance.normal(size=(max(2, height * side // width), side, 3))
        grain = (0.8 * grain.mean(2, keepdims=True) + 0.35 * grain).astype(np.float32)
        channels = (Image.fromarray(np.ascontiguousarray(grain[..., at])) for at in range(3))
        sized = [each.resize((width, height), Image.Resampling.BICUBIC) for each in channels]
        made += share * np.stack([np.asarray(each) for each in sized], 2)
        side, share = 2 * side, 0.8 * share
    pixels = (made - made.mean()) / made.std() * 52 + 118
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def measure(
    kind: str, folder: Path, programs: dict[str, list[str]], repeats: int
) -> dict[str, Any]:
    turns: dict[str, list[Turn]] = {name: [] for name in programs}
    count = len(list(folder.glob("*/*")))
    for repeat in range(repeats + 1):
        for name, model in programs.items():
            library = name if name in LIBRARIES else "striate"
            turn = take_turn("predicting.py", [library, str(folder), *model])
            assert turn.line["images"] == count, turn.line
            say(f"{kind} {repeat}/{repeats} {name}: {turn.seconds:.1f} s, "
                f"{turn.cpu_seconds:.1f} of the CPU, others took {turn.others:.0%}")  # fmt: skip
            turns[name] += [turn] * (repeat > 0 or repeats == 0)
    first = statistics.median(turn.seconds for turn in next(iter(turns.values())))
    pictures = folder / "images"
    size = statistics.mean(path.stat().st_size for path in pictures.iterdir())
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": kind,
        "pixels": SIZES[kind],
        "images": count,
        "kilobytes": round(size / 1e3),
        "network": "resnet18",
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "others": round(max(turn.others for each in turns.values() for turn in each), 3),
        "n": repeats,
        "contenders": {name: told(each, count, first) for name, each in turns.items()},
    }


def told(turns: list[Turn], images: int, first: float) -> dict[str, Any]:
    """Medians with their range; `ratio` is seconds over those of the first contender."""
    return {
        "versions": turns[0].line["versions"],
        "seconds": spread([turn.seconds for turn in turns]),
        "ratio": round(statistics.median(turn.seconds for turn in turns) / first, 3),
        "cpu_seconds": spread([turn.cpu_seconds for turn in turns]),
        "images_per_second": spread([images / turn.seconds for turn in turns]),
        "peak_megabytes": spread([turn.peak_bytes / 1e6 for turn in turns]),
    }


if __name__ == "__main__":
    main()
