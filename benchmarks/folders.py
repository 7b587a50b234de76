"""The folders of images that contenders train on: FOLDER/{train,validation}/CLASS/*."""

from __future__ import annotations

import tarfile
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image


def digits(folder: Path, train: int = 400, validation: int = 100) -> None:
    """MNIST digits as PNG files of 28x28 pixels, so many of a class to train and to validate."""
    with as_file(files("striate.data") / "samples" / "digits.npz") as path:
        arrays = np.load(path)
        pixels, labels = arrays["x"], arrays["y"]
    for label in range(10):
        for index, image in enumerate(pixels[labels == label][: train + validation]):
            part = "train" if index < train else "validation"
            path = folder / part / str(label) / f"{index:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)


def cifar(folder: Path, archive: Path, train: int = 800, validation: int = 200) -> None:
    """CIFAR-10 images, so many of a class from train, and so many from test to validate.

    The archive holds cifar10/{train,test}/CLASS/NNNN.jpg; the lowest numbers are taken.
    """
    wanted = {"train": ("train", train), "test": ("validation", validation)}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.suffix != ".jpg" or path.parts[-3] not in wanted:
                continue
            part, count = wanted[path.parts[-3]]
            if int(path.stem) < count and (content := tar.extractfile(member)):
                target = folder / part / path.parts[-2] / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def large(folder: Path, archive: Path, train: int = 40, validation: int = 10) -> None:
    """Some of the same, enlarged to JPEG files of 320x240 with the grain of a camera."""
    cifar(folder, archive, train=train, validation=validation)
    chance = np.random.default_rng(0)
    for path in sorted(folder.rglob("*.jpg")):
        with Image.open(path) as image:
            enlarged = np.asarray(image.convert("RGB").resize((320, 240), Image.Resampling.BICUBIC))
        grainy = (enlarged + chance.normal(0, 6, enlarged.shape)).clip(0, 255)
        Image.fromarray(np.uint8(grainy)).save(path, quality=92)
