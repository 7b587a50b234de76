"""Torchvision's Faster R-CNN on a ResNet-18 with a feature pyramid, trained or asked from files.

    python benchmarks/contenders/torchvision_detection.py train FOLDER WEIGHTS EPOCHS THREADS
    python benchmarks/contenders/torchvision_detection.py predict FOLDER WEIGHTS CSV THREADS

See benchmarks/detection.py. FOLDER is one of Pascal VOC. The network is made as
`fasterrcnn_resnet50_fpn` makes its own, without given weights, and trained as torchvision's
references/detection/train.py does: SGD with its rate for a batch, momentum and decay, a short
linear rise, images mirrored or not. After each epoch the boxes of the validation images are
computed; they are not scored, as that would be another library's time.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.transforms.functional import convert_image_dtype, hflip, pil_to_tensor

CELLS = ("WBC", "RBC", "Platelets")  #: 0 is the background
SIDE, BATCH = 320, 8
RATE, MOMENTUM, DECAY, RISE = 0.02 / 16 * BATCH, 0.9, 1e-4, 1e-3


class Photographs(Dataset[tuple[Tensor, dict[str, Tensor]]]):
    """Images of a split, or of all, with their boxes, mirrored or not."""

    def __init__(self, folder: Path, split: str | None, *, mirrored: bool = False) -> None:
        lists = folder / "ImageSets" / "Main"
        every = sorted(path.stem for path in (folder / "JPEGImages").glob("*.jpg"))
        self.names = (lists / f"{split}.txt").read_text().split() if split else every
        self.folder, self.boxed, self.mirrored = folder, split is not None, mirrored

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> tuple[Tensor, dict[str, Tensor]]:
        image = Image.open(self.folder / "JPEGImages" / f"{self.names[row]}.jpg").convert("RGB")
        pixels = convert_image_dtype(pil_to_tensor(image))
        target = self.read_boxes(self.names[row]) if self.boxed else {}
        if self.mirrored and torch.rand(1) < 0.5:
            pixels = hflip(pixels)
            target["boxes"][:, [0, 2]] = image.width - target["boxes"][:, [2, 0]]
        return pixels, target

    def read_boxes(self, name: str) -> dict[str, Tensor]:
        objects = list(ET.parse(self.folder / "Annotations" / f"{name}.xml").iter("object"))
        sides = ("xmin", "ymin", "xmax", "ymax")
        boxes = [[float(each.findtext(f"bndbox/{side}", "")) for side in sides] for each in objects]
        labels = [1 + CELLS.index(each.findtext("name", "")) for each in objects]
        found = torch.tensor(boxes).reshape(-1, 4)
        there = (found[:, 2:] > found[:, :2]).all(dim=1)  # it refuses an empty box
        return {"boxes": found[there], "labels": torch.tensor(labels)[there]}


def make_network() -> FasterRCNN:
    backbone = resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=torch.nn.BatchNorm2d, trainable_layers=5
    )
    return FasterRCNN(backbone, 1 + len(CELLS), min_size=SIDE, max_size=SIDE)


def load(images: Photographs, workers: int, *, shuffle: bool = False) -> DataLoader:
    return DataLoader(images, BATCH, shuffle=shuffle, num_workers=workers, collate_fn=gather)


def gather(rows: list[Any]) -> tuple[Any, ...]:
    """Images of a batch, then their targets: sizes may differ."""
    return tuple(zip(*rows, strict=True))


def train(folder: Path, weights: Path, epochs: int, workers: int) -> None:
    torch.manual_seed(0)
    images = load(Photographs(folder, "train", mirrored=True), workers, shuffle=True)
    held = load(Photographs(folder, "val"), workers)
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, RISE, total_iters=len(images) - 1)
    for _ in range(epochs):
        network.train()
        for pictures, targets in images:
            loss = sum(network(list(pictures), list(targets)).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rise.step()
        network.eval()
        with torch.inference_mode():
            found = sum(len(each["boxes"]) for pictures, _ in held for each in network(pictures))
        print(f"loss {loss.item():.3f}, {found} boxes in validation images")
    torch.save(network.state_dict(), weights)


def predict(folder: Path, weights: Path, rows: Path, workers: int) -> None:
    network = make_network().eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    images = Photographs(folder, None)
    names = iter(images.names)
    with rows.open("w", newline="") as file, torch.inference_mode():
        table = csv.writer(file)
        for pictures, _ in load(images, workers):
            for found in network(list(pictures)):
                name = next(names)
                for box, label, score in zip(*found.values(), strict=True):
                    table.writerow([name, CELLS[label - 1], f"{score:.6f}", *box.tolist()])


if __name__ == "__main__":
    what, folder, weights, last, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    workers = 0 if threads == "1" else 2
    if what == "train":
        train(Path(folder), Path(weights), int(last), workers)
    else:
        predict(Path(folder), Path(weights), Path(last), workers)
