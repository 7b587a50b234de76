"""Frozen layers are paid once: the rest of a network trains on what its front makes of images.

The front is applied once to every image, or to a few augmented views of it, and its outputs are
kept in the cache of striate; see `data.cache.feature_rows`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import striate
from striate import tensorfile
from striate.cache_store import cache_folder, size_limit
from striate.data.augment.ranges import AugmentRanges
from striate.data.cache.feature_rows import VERSION, as_stored, load_rows, store_rows
from striate.data.cache.stream import Stream
from striate.data.features import FeatureDataset
from striate.data.loader import ImageDataset
from striate.errors import StorageError, printable
from striate.hardware import to_device
from striate.layers.fold_norms import fold_norms
from striate.progress import Progress, throttle
from striate.tasks.task import Task
from striate.zoo.spec import NetworkSpec

SAMPLE_IMAGES = 64  #: most images that tell whether float16 is enough
_BATCH = 16  #: images that pass the front together
_PASSES = 4096  #: passes of an image through the front that augmented views may take
_KINDS = ("float16", "float32")
_UNVARIED = AugmentRanges()
_LARGEST = 4096.0  #: of a sample that is kept in float16, which ends at 65,504
_CLOSE = 1e-3  #: largest change of what a task decodes, absolute and relative, that is none

#: features (n, ...) of the first images -> whether float16 is enough for them
FitsHalf = Callable[[Tensor], bool]


def code_name(spec: NetworkSpec) -> str | None:
    """Return what names the code of a network in the cache; None if nothing does."""
    return None if spec.source == "object" else json.dumps(spec.record())


def can_cache(dataset: ImageDataset, variation: AugmentRanges) -> bool:
    """Return whether features of images can stand for them in training.

    They cannot where images are mixed, where targets are masks that move with their image, and
    where inputs are made of the images.
    """
    masked = dataset.masks is not None
    if isinstance(dataset.source, Stream):
        masked = dataset.source.masks is not None
    return not (masked or variation.mixes or dataset.crop or dataset.make_pairs)


def choose_views(
    images: int, bytes_per_view: int, epochs: int, budget: int, *, augmented: bool
) -> int:
    """Return how many views of each image to compute: 1 where nothing is augmented.

    Else as many as fit into `budget` bytes and take up to 4,096 passes of an image through the
    front, so that few images have many views; at least 1 and at most `epochs`.
    """
    if not augmented:
        return 1
    most = min(epochs, _PASSES // max(1, images), budget // max(1, bytes_per_view))
    return max(1, most)


def never_half(sample: Tensor) -> bool:  # noqa: ARG001 - as every FitsHalf
    """Return False: features are kept in float32."""
    return False


def half_test(rest: nn.Module, task: Task) -> FitsHalf:
    """Return the test whether the answers of `rest` are the same for features in float16.

    What the task decodes must agree to 0.001, the largest of each row be the same, and all features
    be below 4,096, a sixteenth of the range, so that those of other images are in it.
    """

    @torch.inference_mode()
    def fits(sample: Tensor) -> bool:
        if not sample.abs().max() < _LARGEST:  # also false for NaN
            return False
        rounded = sample.half()
        fixed = copy.deepcopy(rest).eval()
        one, other = (task.decode(fixed(each)).double() for each in (sample, rounded.float()))
        same = torch.allclose(one, other, rtol=_CLOSE, atol=_CLOSE)
        return same and torch.equal(one.flatten(1).argmax(1), other.flatten(1).argmax(1))

    return fits


def compute_features(
    front: nn.Module,
    dataset: ImageDataset,
    contents: NDArray[np.uint8],
    network: str | None,
    *,
    views: int = 1,
    seed: int = 0,
    variation: AugmentRanges = _UNVARIED,
    fits_half: FitsHalf = never_half,
    cache: Path | None = None,
) -> Generator[Progress, None, FeatureDataset]:
    """Apply the front to views of all images, or read what is cached; yield progress.

    View e of an image is what `dataset.train_batches` shows of it in epoch e, unbalanced; with
    inactive `variation` it is the image itself. `contents` (N, 32) are the digests of the images.
    `network` names the code of the front, and its arguments; None: features are not cached, as
    they are where no cache can be written or would hold them.
    """
    work = _Views(front, dataset, views if variation.is_active else 1, seed, variation)
    if not len(dataset):
        values = np.zeros((work.count, 0, 0), np.float32)
    elif network is None:
        values = yield from _in_memory(work, fits_half)
    else:
        try:
            keys = {kind: work.key(contents, network, kind) for kind in _KINDS}
            values = yield from _cached(work, cache_folder(cache), keys, fits_half)
        except StorageError:
            if cache is not None:
                raise
            values = yield from _in_memory(work, fits_half)
    targets = tuple(dataset.view_targets(seed, epoch, variation) for epoch in range(work.count))
    shape = work.count, len(dataset), *values.shape[1:]
    return FeatureDataset(
        values.reshape(shape), targets, dataset.targets, dataset.preprocess, dataset.strata
    )


def _cached(
    work: _Views, folder: Path, keys: dict[str, str], fits_half: FitsHalf
) -> Generator[Progress, None, NDArray[np.floating[Any]]]:
    """Return the rows of the entry in the type that fits, built unless it is there."""
    entries = ((kind, load_rows(folder / key, len(work), kind)) for kind, key in keys.items())
    found = {kind: entry for kind, entry in entries if entry}
    if found:
        sample = next(iter(found.values())).sample
    else:
        yield work.progress(0)
        sample = work.sample()
    kind = _kind(sample, fits_half)
    if kind in found:
        return found[kind].values
    shape = len(work), *sample.shape[1:]
    needed = int(np.prod(shape)) * np.dtype(kind).itemsize
    if needed > size_limit(folder):
        return (yield from _in_memory(work, fits_half))
    home, about = folder / keys[kind], f"features of {len(work.dataset):,} images"
    yield from throttle(
        store_rows(home, shape, kind, sample, lambda row: work.after(sample, row), about)
    )
    entry = load_rows(home, len(work), kind)
    if entry is None:
        raise StorageError(f"{printable(str(home))}: removed or damaged while it was written")
    return entry.values


def _in_memory(
    work: _Views, fits_half: FitsHalf
) -> Generator[Progress, None, NDArray[np.floating[Any]]]:
    """Return the rows in memory, in the type that fits."""
    yield work.progress(0)
    sample = work.sample()
    values = np.empty((len(work), *sample.shape[1:]), _kind(sample, fits_half))
    done = 0
    for block in work.after(sample, 0):
        values[done : done + len(block)] = as_stored(block, values.dtype.name)
        done += len(block)
        yield work.progress(done)
    return values


def _kind(sample: NDArray[np.float32], fits_half: FitsHalf) -> str:
    return "float16" if fits_half(torch.from_numpy(sample)) else "float32"


@dataclass(frozen=True)
class _Views:
    """The views of the images of a dataset, and the front that is applied to them."""

    front: nn.Module
    dataset: ImageDataset
    count: int
    seed: int
    variation: AugmentRanges

    def __len__(self) -> int:
        return self.count * len(self.dataset)

    def progress(self, done: int) -> Progress:
        return Progress(done, len(self), "features")

    def key(self, contents: NDArray[np.uint8], network: str, dtype: str) -> str:
        """Return the cache key: what the features depend on."""
        weights = tensorfile.digest(self.front.state_dict())
        drawn = (self.count, self.seed, self.variation) if self.variation.is_active else ()
        drawn = (*drawn, self.dataset.square) if drawn else ()
        names = [name for name, _ in self.front.named_modules()]
        about = VERSION, striate.__version__, network, names, weights, self.dataset.preprocess
        total = hashlib.sha256(repr((*about, drawn, self.dataset.device.type, dtype)).encode())
        total.update(np.ascontiguousarray(contents).tobytes())
        return f"{total.hexdigest()[:40]}-features"

    def blocks(self, row: int) -> Iterator[NDArray[np.float32]]:
        """Yield the features of the rows from `row` on, batch by batch."""
        for epoch in range(row // len(self.dataset), self.count):
            first = max(0, row - epoch * len(self.dataset))
            for batch in self.dataset.view_batches(
                _BATCH, seed=self.seed, epoch=epoch, variation=self.variation, first=first
            ):
                yield self._features(batch.images)

    def after(self, sample: NDArray[np.float32], row: int) -> Iterator[NDArray[np.float32]]:
        """Yield the same; the sample, which is known, is the first block."""
        if row == 0:
            yield sample
            row = len(sample)
        yield from self.blocks(row)

    def sample(self) -> NDArray[np.float32]:
        """Return the features of the first images, in whole batches."""
        found: list[NDArray[np.float32]] = []
        for block in self.blocks(0):
            found.append(block)
            if len(found) * _BATCH >= min(SAMPLE_IMAGES, len(self.dataset)):
                break
        return np.concatenate(found)

    @cached_property
    def _fast(self) -> nn.Module:
        """The front as it is quickest: 1.1 times for ResNet-18, 2 for EfficientNet-Lite0."""
        return to_device(fold_norms(self.front), self.dataset.device)

    @torch.inference_mode()
    def _features(self, images: Tensor) -> NDArray[np.float32]:
        return self._fast(images).float().cpu().numpy()
