"""A plain loop that trains super-resolution: a dataset of files, a DataLoader, EDSR and AdamW.

    python benchmarks/contenders/plain_enlarging.py FOLDER EPOCHS THREADS

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

SIDE, WINDOW, BATCH, RATE = 128, 64, 16, 0.001


class Photographs(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of a small and a large picture: windows, mirrored or not, or whole photographs."""

    def __init__(self, folder: Path, *, windows: bool) -> None:
        self.files, self.windows = sorted(folder.rglob("*.jpg")), windows

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.files[number]).convert("RGB")
        edge = min(image.size)
        left, top = ((side - edge) // 2 for side in image.size)
        image = image.crop((left, top, left + edge, top + edge)).resize((SIDE, SIDE))
        if self.windows:
            x, y = (random.randint(0, SIDE - WINDOW) for _ in range(2))
            image = image.crop((x, y, x + WINDOW, y + WINDOW))
            if random.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        half = image.width // 2
        small = image.resize((half, half), Image.Resampling.BICUBIC)
        return as_tensor(small), as_tensor(image)


def as_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def main(folder: str, epochs: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    workers = 0 if int(threads) == 1 else 2
    train, validation = (
        DataLoader(
            Photographs(Path(folder, part), windows=part == "train"),
            BATCH,
            shuffle=part == "train",
            num_workers=workers,
        )
        for part in ("train", "validation")
    )
    network = striate.build("edsr(width=32,blocks=4)")
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    for _ in range(int(epochs)):
        for small, large in train:
            loss = F.mse_loss(network(small), large)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            errors = [F.mse_loss(network(small), large).item() for small, large in validation]
        print(f"validation {-10 * np.log10(np.mean(errors)):.2f} dB")


if __name__ == "__main__":
    main(*sys.argv[1:])
