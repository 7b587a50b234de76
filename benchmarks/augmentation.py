"""How long does a batch take to be varied, with a draw for each image?

    python benchmarks/augmentation.py [--repeats 15] [--threads 2] [--save]

The same changes for all: turn, shift, scale, mirror, brightness and contrast of `strong`, and for
color images saturation and hue. torchvision varies image by image, as its loaders do,
without the loading, on bytes as its documentation advises; the others vary a whole batch of
float32. All give float32, each in the layout it takes. The contenders take turns of a fifth of a
second or a batch; each batch has other draws, which are part of what is timed. Memory that is freed
is kept for the next batch, as in a training of striate's, for all of them.
Prints one JSON line for each shape; --save appends it to results/augmentation.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import torch
from machines import keep, machine, say
from torch import Tensor

from striate.data.augment import color, geometry
from striate.data.augment.plan import LEVELS, augment, uniform_samples
from striate.hardware import keep_freed_memory

SHAPES = ((512, 1, 28, 28), (128, 3, 224, 224))
STRONG = LEVELS["strong"]
SATURATION, HUE = 0.3, 18.0  #: share, and degrees: a twentieth of the circle
TURN_SECONDS = 0.2
PEERS = ("torch", "torchvision", "kornia", "opencv-python-headless")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_freed_memory()
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        for shape in SHAPES:
            line = json.dumps(compare(device, shape, asked.repeats))
            print(line, flush=True)
            if asked.save:
                keep("augmentation", line)


def compare(device: str, shape: tuple[int, ...], repeats: int) -> dict[str, Any]:
    images = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
    plain = images.contiguous()
    whole = (plain * 255).byte()
    inputs = {"striate": images, "striate, torch alone": images, "Kornia": plain}
    changes = contenders(shape[1], device)
    taken = race(changes, {name: inputs.get(name, whole) for name in changes}, repeats)
    return entry(f"{'x'.join(map(str, shape))} on {device}", device, taken, PEERS)


def race(
    changes: dict[str, Callable[[Tensor, int], Tensor]], inputs: dict[str, Tensor], repeats: int
) -> dict[str, list[float]]:
    """Seconds a batch of each contender, turn by turn; a first turn warms up."""
    taken: dict[str, list[float]] = {name: [] for name in changes}
    for turn in range(repeats + 1):
        for name, change in changes.items():
            seconds = timed(change, inputs[name], turn)
            if turn:
                taken[name].append(seconds)
    return taken


def entry(
    data: str, device: str, taken: dict[str, list[float]], peers: tuple[str, ...]
) -> dict[str, Any]:
    """What is kept of a race: times and their ratio to the first contender's, with its setting."""
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    first, *_ = medians.values()
    say(f"{data}: " + ", ".join(f"{name} {value:.4f}" for name, value in medians.items()))
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": data,
        "device": torch.cuda.get_device_name() if device == "cuda" else machine()["cpu"],
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "n": len(next(iter(taken.values()))),
        "versions": {peer: version(peer) for peer in peers},
        "contenders": {
            name: {
                "milliseconds": {
                    "median": 1000 * medians[name],
                    "min": 1000 * min(seconds),
                    "max": 1000 * max(seconds),
                },
                "ratio": medians[name] / first,
            }
            for name, seconds in taken.items()
        },
    }


def timed(change: Callable[[Tensor, int], Tensor], images: Tensor, turn: int) -> float:
    """Seconds a batch, of as many as a turn has time for.

    Of a single one, much would be the waking of threads that slept through the others' turns.
    """
    if images.is_cuda:
        torch.cuda.synchronize()
    began, seconds, batches = time.perf_counter(), 0.0, 0
    while seconds < TURN_SECONDS:
        varied = change(images, turn * 1000 + batches)
        assert varied.shape == images.shape
        if images.is_cuda:
            torch.cuda.synchronize()
        seconds, batches = time.perf_counter() - began, batches + 1
    return seconds / batches


def contenders(channels: int, device: str) -> dict[str, Callable[[Tensor, int], Tensor]]:
    ours = {"striate": striate(channels), "striate, torch alone": reference(channels)}
    return ours | {
        "torchvision v2, an image at a time": torchvision_v2(channels),
        "Kornia": kornia_batch(channels, device),
    }


def striate(channels: int) -> Callable[[Tensor, int], Tensor]:
    variation = ours(channels)
    return lambda images, turn: augment(images, uniform_samples(len(images), 0, turn), variation)


def ours(channels: int) -> Any:
    return replace(STRONG, saturation=SATURATION, hue=HUE) if channels == 3 else STRONG


def reference(channels: int) -> Callable[[Tensor, int], Tensor]:
    """What striate does on a GPU, on any device."""
    variation = ours(channels)

    def change(images: Tensor, turn: int) -> Tensor:
        uniform = uniform_samples(len(images), 0, turn)
        places = geometry.affine_maps(uniform, variation, *images.shape[2:])
        none, one = (0.0,) * channels, (1.0,) * channels
        moved = geometry.warp(images, places)
        tinted = color.apply_colors(moved, *color.color_maps(uniform, variation, none, one))
        return tinted.contiguous(memory_format=torch.channels_last)

    return change


def torchvision_v2(channels: int) -> Callable[[Tensor, int], Tensor]:
    from torchvision.transforms import v2

    scale = 1 - STRONG.scale, 1 + STRONG.scale
    change = v2.Compose(
        [
            v2.RandomAffine(
                STRONG.rotate,
                (STRONG.translate,) * 2,
                scale,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(*jitter(channels)),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return lambda images, _: torch.stack([change(image) for image in images])


def kornia_batch(channels: int, device: str) -> Callable[[Tensor, int], Tensor]:
    import kornia.augmentation as K

    scale = 1 - STRONG.scale, 1 + STRONG.scale
    changes = K.AugmentationSequential(
        K.RandomAffine(STRONG.rotate, (STRONG.translate,) * 2, scale, padding_mode="border", p=1.0),
        K.RandomHorizontalFlip(p=0.5),
        K.ColorJiggle(*jitter(channels), p=1.0),
    ).to(device)
    return lambda images, _: changes(images)


def jitter(channels: int) -> tuple[float, ...]:
    """Brightness, contrast, saturation and hue; gray images have no color."""
    tint = (SATURATION, HUE / 360) if channels == 3 else (0.0, 0.0)
    return STRONG.brightness, STRONG.contrast, *tint


if __name__ == "__main__":
    main()
