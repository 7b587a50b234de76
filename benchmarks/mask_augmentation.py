"""What does a mask cost that is varied together with its image?

    python benchmarks/mask_augmentation.py [--repeats 15] [--threads 2] [--save]

64 images of 3x224x224 and a mask of each, with the changes and the turns of augmentation.py.
torchvision varies a pair at a time, as its loaders do, with `tv_tensors.Mask` and the
ignore value beyond the edge. Masks hold regions, as real ones do.
Prints a JSON line for each device; --save appends it to results/mask_augmentation.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

import torch
from augmentation import STRONG, entry, jitter, ours, race
from machines import keep
from torch import Tensor

from striate.data.augment.plan import apply_plan, make_plan, move_masks, uniform_samples
from striate.data.listing.samples import IGNORE
from striate.hardware import keep_freed_memory

COUNT, SIDE, CLASSES, REGION = 64, 224, 11, 28
PEERS = ("torch", "torchvision", "opencv-python-headless")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_freed_memory()
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        images = torch.rand(COUNT, 3, SIDE, SIDE, device=device)
        masks = regions().to(device)
        changes = {
            "striate, images alone": striate(None),
            "striate": striate(masks),
            "torchvision v2, a pair at a time": torchvision_v2(masks),
        }
        last = images.contiguous(memory_format=torch.channels_last)
        inputs = dict(zip(changes, (last, last, (images * 255).byte()), strict=True))
        data = f"{COUNT}x3x{SIDE}x{SIDE} and masks on {device}"
        line = json.dumps(entry(data, device, race(changes, inputs, asked.repeats), PEERS))
        print(line, flush=True)
        if asked.save:
            keep("mask_augmentation", line)


def regions() -> Tensor:
    """Masks of squares of a random class each."""
    tiles = torch.randint(CLASSES, (COUNT, SIDE // REGION, SIDE // REGION), dtype=torch.uint8)
    return tiles.repeat_interleave(REGION, dim=1).repeat_interleave(REGION, dim=2)


def striate(masks: Tensor | None) -> Callable[[Tensor, int], Tensor]:
    def change(images: Tensor, turn: int) -> Tensor:
        uniform = uniform_samples(len(images), 0, turn)
        plan = make_plan(uniform, ours(3), images.shape[1:])
        if masks is not None:
            move_masks(masks, plan)
        return apply_plan(images, plan)

    return change


def torchvision_v2(masks: Tensor) -> Callable[[Tensor, int], Tensor]:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    both = v2.Compose(
        [
            v2.RandomAffine(
                STRONG.rotate,
                (STRONG.translate,) * 2,
                (1 - STRONG.scale, 1 + STRONG.scale),
                interpolation=v2.InterpolationMode.BILINEAR,
                fill={tv_tensors.Image: 0, tv_tensors.Mask: IGNORE},
            ),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(*jitter(3)),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )

    def change(images: Tensor, _turn: int) -> Tensor:
        pairs = zip(images, masks, strict=True)
        moved = [both(tv_tensors.Image(one), tv_tensors.Mask(mask)) for one, mask in pairs]
        torch.stack([mask for _, mask in moved])
        return torch.stack([image for image, _ in moved])

    return change


if __name__ == "__main__":
    main()
