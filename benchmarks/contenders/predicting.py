"""Predict every image of a folder into found.csv, as a library is meant to be used.

    python benchmarks/contenders/predicting.py LIBRARY FOLDER [--model FILE [OPTION ...]]

All run a ResNet-18 of 1,000 classes at 224 pixels, on images whose short side is made 224 and whose
center is kept, with the batch and the workers that the library takes by itself. FOLDER holds a
folder of JPEGs. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

SIDE, CLASSES, PARAMS = 224, 1000, 11_689_512
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TIMM_CONFIG = ("input_size", "mean", "std", "interpolation", "crop_pct")
LOADER_BATCH, LOADER_WORKERS = 64, 2


def striate(folder: Path, model: str, options: list[str]) -> tuple[str, ...]:
    """`striate predict MODEL FOLDER --out found.csv`."""
    from striate.cli import main

    assert main(["predict", model, str(folder), "--out", "found.csv", *options]) == 0
    return ("striate", "torch", "pillow")


def timm(folder: Path, *_: Any) -> tuple[str, ...]:
    """What timm's inference.py does, with its defaults: batches of 256, two workers."""
    import torch
    from timm.data import create_dataset, create_loader, resolve_data_config
    from timm.models import create_model

    model = create_model("resnet18", num_classes=CLASSES, pretrained=False).eval()
    asked = {"crop_pct": 1.0, "interpolation": "bilinear"}
    config = resolve_data_config(asked, model=model)
    dataset = create_dataset("", root=str(folder))
    loader = create_loader(
        dataset,
        batch_size=256,
        use_prefetcher=False,
        num_workers=2,
        device=torch.device("cpu"),
        **{name: config[name] for name in TIMM_CONFIG},
    )
    found: list[tuple[float, int]] = []
    with torch.inference_mode():
        for images, _ in loader:
            shares, labels = model(images).softmax(-1).topk(1)
            found += zip(shares[:, 0].tolist(), labels[:, 0].tolist(), strict=True)
    write(dataset.filenames(basename=False), found)
    return ("timm", "torch", "pillow")


def pytorch(folder: Path, *_: Any) -> tuple[str, ...]:
    """A loop over a DataLoader with torchvision's transforms."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import models, transforms

    paths = sorted(folder.rglob("*.jpg"))
    steps = [transforms.Resize(SIDE), transforms.CenterCrop(SIDE), transforms.ToTensor()]
    prepare = transforms.Compose([*steps, transforms.Normalize(MEAN, STD)])

    class Files(Dataset[Any]):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> Any:
            with Image.open(paths[index]) as image:
                return prepare(image.convert("RGB"))

    model = models.resnet18().eval()
    loader = DataLoader(Files(), batch_size=LOADER_BATCH, num_workers=LOADER_WORKERS)
    found: list[tuple[float, int]] = []
    with torch.inference_mode():
        for images in loader:
            shares, labels = model(images).softmax(1).max(1)
            found += zip(shares.tolist(), labels.tolist(), strict=True)
    write(paths, found)
    return ("torchvision", "torch", "pillow")


def ultralytics(folder: Path, *_: Any) -> tuple[str, ...]:
    """`yolo classify predict`, given torchvision's network: its own are others."""
    import torch
    from torch import nn
    from torchvision import models
    from ultralytics.models.yolo.classify import ClassificationPredictor

    class Network(nn.Module):
        """What its predictor asks of a network."""

        def __init__(self) -> None:
            super().__init__()
            self.body = models.resnet18()
            self.names = {label: str(label) for label in range(CLASSES)}
            self.stride, self.yaml, self.task = torch.tensor([32.0]), {"channels": 3}, "classify"

        def fuse(self, **_: Any) -> nn.Module:
            return self

        def forward(self, images: Any, **_: Any) -> Any:
            return self.body(images).softmax(1)

    asked = {"imgsz": SIDE, "device": "cpu", "save": False, "verbose": False}
    predictor = ClassificationPredictor(overrides=asked)
    source = str(folder / "*" / "*.jpg")
    results = list(predictor(source=source, model=Network().eval(), stream=True))
    write(
        [one.path for one in results],
        [(float(one.probs.top1conf), one.probs.top1) for one in results],
    )
    return ("ultralytics", "torch", "opencv-python")


def keras(folder: Path, *_: Any) -> tuple[str, ...]:
    """`image_dataset_from_directory` and `Model.predict`, on TensorFlow."""
    from keras import Model, layers, utils
    from keras_bodies import resnet18

    body = resnet18()
    pooled = layers.GlobalAveragePooling2D()(body.output)
    model = Model(body.input, layers.Dense(CLASSES, activation="softmax")(pooled))
    images = utils.image_dataset_from_directory(
        folder,
        labels=None,
        image_size=(SIDE, SIDE),
        crop_to_aspect_ratio=True,
        shuffle=False,
        verbose=False,
    )
    paths = images.file_paths
    scaled = images.map(lambda batch: (batch / 255.0 - MEAN) / STD).prefetch(-1)
    shares = model.predict(scaled, verbose=0)
    write(paths, zip(shares.max(1).tolist(), shares.argmax(1).tolist(), strict=True))
    return ("keras", "tensorflow-cpu")


def write(paths: Iterable[str | Path], found: Iterable[tuple[float, int]]) -> None:
    with Path("found.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "class", "probability"))
        for path, (share, label) in zip(paths, found, strict=True):
            rows.writerow((path, label, f"{share:.6f}"))


LIBRARIES: dict[str, Callable[..., tuple[str, ...]]] = {
    each.__name__: each for each in (striate, timm, pytorch, ultralytics, keras)
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", nargs=argparse.REMAINDER, default=[""])
    asked = parser.parse_args()
    model, *options = asked.model
    packages = LIBRARIES[asked.library](asked.folder, model, options)
    with Path("found.csv").open() as file:
        rows = sum(1 for _ in csv.DictReader(file))
    print(json.dumps({"images": rows, "versions": {name: known(name) for name in packages}}))


def known(package: str) -> str:
    if package == "striate":
        import striate

        return striate.__version__
    return version(package)


if __name__ == "__main__":
    main()
