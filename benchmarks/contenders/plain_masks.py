"""A plain loop that trains segmentation: a dataset of files, a DataLoader, a U-Net and AdamW.

    python benchmarks/contenders/plain_masks.py FOLDER EPOCHS THREADS

See benchmarks/plain_loops.py. The network is striate's own, built by `striate.build`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import striate

SIDE, BATCH, RATE, IGNORED = 128, 8, 0.003, 255


class Scenes(Dataset[tuple[Tensor, Tensor]]):
    """Pictures and their masks, mirrored or not in training."""

    def __init__(self, folder: Path, classes: int, *, mirrored: bool) -> None:
        self.images = sorted((folder / "images").iterdir())
        self.masks = sorted((folder / "masks").iterdir())
        self.classes, self.mirrored = classes, mirrored

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.images[number]).convert("RGB").resize((SIDE, SIDE))
        mask = Image.open(self.masks[number]).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        if self.mirrored and random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            mask = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        codes = torch.from_numpy(np.array(mask)).long()
        codes[codes >= self.classes] = IGNORED
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255, codes


def main(folder: str, epochs: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    names = Path(folder, "classes.txt").read_text().splitlines()
    classes = sum("(ignore)" not in name for name in names)  # these stand last
    train, validation = (
        DataLoader(
            Scenes(Path(folder, part), classes, mirrored=part == "train"),
            BATCH,
            shuffle=part == "train",
            num_workers=0 if int(threads) == 1 else 2,
        )
        for part in ("train", "val")
    )
    network = striate.build("unet(width=16)", channels=3, classes=classes)
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    for _ in range(int(epochs)):
        network.train()
        for images, masks in train:
            loss = F.cross_entropy(network(images), masks, ignore_index=IGNORED)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        right = counted = 0
        with torch.no_grad():
            for images, masks in validation:
                known = masks != IGNORED
                right += int((network(images).argmax(1) == masks)[known].sum())
                counted += int(known.sum())
        print(f"validation {right / counted:.1%} of the pixels")


if __name__ == "__main__":
    main(*sys.argv[1:])
