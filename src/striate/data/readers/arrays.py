"""Reader of MNIST-IDX and binary CIFAR files; images are loaded into memory.

Counts are checked against the file size before allocating. Pickles are never read: the Python
version of CIFAR is refused.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Sample, Split, os_reason
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, printable

LARGEST = 8 * 2**30  #: maximum bytes of pixels in memory
_MOST_GZIP = 1032  #: maximum compression ratio of gzip
_CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_PICKLED = ({"data_batch_1", "test_batch"}, {"train", "test", "meta"})


class Block(NamedTuple):
    """Images or signals of one file or array, with their labels."""

    name: str  #: precedes the "#" in image paths
    split: Split | None
    pixels: NDArray[Any]  #: (N, H, W, C) uint8, 0 to 255, or signals (N, L, C) float32
    labels: NDArray[np.int64]  #: (N,), indices of class names


def read_arrays(folder: Path, files: Collection[str]) -> Listing | None:
    """Read a folder of MNIST-IDX or binary CIFAR files; None if it has neither.

    `files` are the names in the folder. Raises DataError if a file does not match its name.
    """
    names = set(files)
    if any(re.fullmatch(r"(train|t10k)-images[-.]idx3-ubyte(\.gz)?", name) for name in names):
        return _mnist(folder, names)
    if any(re.fullmatch(r"data_batch_\d\.bin|test_batch\.bin", name) for name in names):
        return _cifar10(folder, names)
    if "fine_label_names.txt" in names and names & {"train.bin", "test.bin"}:
        return _cifar100(folder, names)
    if any(pickled <= names for pickled in _PICKLED):
        raise DataError(
            f"{printable(str(folder))}: CIFAR as pickles, which can run any program when read; "
            "download its 'binary version' instead"
        )
    return None


def join_blocks(
    source: Path, layout: str, class_names: Sequence[str], blocks: Sequence[Block]
) -> Listing:
    """Join blocks of a file or folder into one listing. Raises DataError if image sizes differ."""
    first = blocks[0]
    for block in blocks:
        if block.pixels.shape[1:] != first.pixels.shape[1:]:
            sizes = f"{_size(first)} in {first.name}, but {_size(block)} in {block.name}"
            what = f"{_inputs(first)}s are {sizes}"
            raise DataError(f"{printable(str(source))}: {what}; make them one size")
    images = Samples.of(
        Sample(f"{block.name}#{row}", label, block.split)
        for block in blocks
        for row, label in enumerate(block.labels.tolist())
    )
    alone = len(blocks) == 1
    arrays = first.pixels if alone else np.concatenate([block.pixels for block in blocks])
    place = source.resolve()
    root = place if place.is_dir() else place.parent
    targets = ClassTargets.of(class_names, images)
    return Listing(root, layout, targets, images, arrays=arrays, inputs=_inputs(first))


def _inputs(block: Block) -> str:
    return "image" if block.pixels.ndim == 4 else "signal"


def check_labels(file: Path, labels: NDArray[np.int64], classes: int) -> None:
    """Raises DataError naming the first image whose label is out of range."""
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        row = int(wrong[0])
        what = f"image {row:,} has label {labels[row]}, expected 0 to {classes - 1}"
        raise _damaged(file, f"{what}; the file is damaged or of another data set")


def _mnist(folder: Path, names: set[str]) -> Listing:
    blocks: list[Block] = []
    splits: tuple[tuple[str, Split], ...] = (("train", "train"), ("t10k", "test"))
    for prefix, split in splits:
        images = _either(names, f"{prefix}-images", "idx3-ubyte")
        if images is None:
            continue
        labels = _either(names, f"{prefix}-labels", "idx1-ubyte")
        if labels is None:
            missing = folder / f"{prefix}-labels-idx1-ubyte"
            raise _damaged(missing, f"no such file; it holds the labels of {images}")
        pixels = _idx(folder / images, 3)[..., np.newaxis]
        numbers = _idx(folder / labels, 1).astype(np.int64)
        if len(pixels) != len(numbers):
            counts = f"{len(numbers):,} labels, but {len(pixels):,} images in {images}"
            raise _damaged(folder / labels, f"{counts}; download both again")
        check_labels(folder / labels, numbers, 10)
        blocks.append(Block(images, split, pixels, numbers))
    return join_blocks(folder, "MNIST-IDX", [str(digit) for digit in range(10)], blocks)


def _either(names: set[str], stem: str, ending: str) -> str | None:
    """Return the first existing file name among the common MNIST variants.

    None if there is none.
    """
    choices = (f"{stem}{mark}{ending}{zipped}" for zipped in ("", ".gz") for mark in "-.")
    return next((name for name in choices if name in names), None)


def _idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file, (N,) labels or (N, H, W) images; the header is big-endian."""
    zipped = file.suffix == ".gz"
    start = 4 + 4 * dimensions
    try:
        most = min(LARGEST, file.stat().st_size * (_MOST_GZIP if zipped else 1))
        with gzip.open(file) if zipped else file.open("rb") as stream:
            header = stream.read(start)
            if len(header) < start:
                raise _damaged(file, f"ends after {len(header)} bytes; download it again")
            magic, *shape = struct.unpack(f">{1 + dimensions}I", header)
            if magic != 0x800 + dimensions:
                expected = f"expected {0x800 + dimensions:,}, the mark of its kind"
                raise _damaged(file, f"starts with the number {magic:,}, {expected}")
            count = math.prod(shape)
            if count == 0:
                raise _damaged(file, f"its header says {_times(shape)}, which is nothing")
            body = stream.read(count + 1) if count <= most else b""
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(file, "not a whole gzip file; download it again") from error
    except OSError as error:
        raise _damaged(file, os_reason(error)) from error
    if len(body) != count:
        follow = "more" if len(body) > count else f"{len(body):,}" if count <= most else "fewer"
        what = f"its header says {_times(shape)}, {count:,} bytes, but {follow} follow"
        raise _damaged(file, f"{what}; download it again")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _cifar10(folder: Path, names: set[str]) -> Listing:
    batches = (name for name in sorted(names) if re.fullmatch(r"data_batch_\d\.bin", name))
    blocks = [_cifar(folder, name, "train", 1, 10) for name in batches]
    if "test_batch.bin" in names:
        blocks.append(_cifar(folder, "test_batch.bin", "test", 1, 10))
    meta = "batches.meta.txt"
    class_names = _lines(folder / meta, 10) if meta in names else _CIFAR10
    return join_blocks(folder, "CIFAR-10", class_names, blocks)


def _cifar100(folder: Path, names: set[str]) -> Listing:
    splits: tuple[Split, ...] = ("train", "test")
    blocks = [
        _cifar(folder, f"{split}.bin", split, 2, 100) for split in splits if f"{split}.bin" in names
    ]
    return join_blocks(folder, "CIFAR-100", _lines(folder / "fine_label_names.txt", 100), blocks)


def _cifar(folder: Path, name: str, split: Split, labels: int, classes: int) -> Block:
    """Read records of one or two label bytes, of which the last is used, and (3, 32, 32) pixels."""
    file = folder / name
    record = labels + 3 * 32 * 32
    try:
        size = file.stat().st_size
        if size == 0 or size % record or size > LARGEST:
            raise _damaged(
                file, f"{size:,} bytes, expected a multiple of {record:,}; download it again"
            )
        rows = np.fromfile(file, np.uint8, size).reshape(-1, record)
    except OSError as error:
        raise _damaged(file, os_reason(error)) from error
    numbers = rows[:, labels - 1].astype(np.int64)
    check_labels(file, numbers, classes)
    pixels = rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Block(name, split, np.ascontiguousarray(pixels), numbers)


def _lines(file: Path, expected: int) -> list[str]:
    """Read class names, one per line."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _damaged(file, "not UTF-8 text; download it again") from error
    except OSError as error:
        raise _damaged(file, os_reason(error)) from error
    names = [line.strip() for line in lines if line.strip()]
    if len(set(names)) != expected or len(names) != expected:
        what = f"{len(set(names))} different class names in {len(names)} lines, expected {expected}"
        raise _damaged(file, f"{what}; download it again")
    return names


def _damaged(file: Path, what: str) -> DataError:
    return DataError(f"{printable(str(file))}: {what}")


def _times(shape: Sequence[int]) -> str:
    return " x ".join(f"{side:,}" for side in shape)


def _size(block: Block) -> str:
    return _times(block.pixels.shape[1:])
