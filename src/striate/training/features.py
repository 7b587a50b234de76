"""Frozen layers are paid once: the rest of a network trains on what its front makes of images.

The front is applied once to every image, or to a few augmented views of it, and its outputs are
kept in the cache of striate; see `data.cache.feature_rows`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
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
from striate.data.cache.feature_rows import VERSION, load_rows, store_rows
from striate.data.cache.stream import Stream
from striate.data.decoding.preprocess import Preprocess
from striate.data.loader import Batch, ImageDataset
from striate.data.order import WHOLE_BATCH, BatchShard, batch_places, draw_order
from striate.errors import StorageError, printable
from striate.progress import Progress, throttle
from striate.tasks.task import Task

SAMPLE_IMAGES = 64  #: most images that tell whether float16 is enough
_BATCH = 16  #: images that pass the front together
_PASSES = 4096  #: passes of an image through the front that augmented views may take
_KINDS = ("float16", "float32")
_UNVARIED = AugmentRanges()
_CLOSE = 1e-3  #: largest change of what a task decodes, absolute and relative, that is none

#: features (n, ...) of the first images -> whether float16 is enough for them
FitsHalf = Callable[[Tensor], bool]


@dataclass(frozen=True)
class FeatureDataset:
    """What a front makes of the images of one split; takes the place of an `ImageDataset`."""

    #: (views, N, ...) float16 or float32, memory-mapped if they are cached
    features: NDArray[np.floating[Any]] = field(repr=False)
    view_targets: tuple[Tensor, ...] = field(repr=False)  #: (N, ...) of each view, on the device
    targets: Tensor = field(repr=False)  #: (N, ...) of the images themselves, on the device
    preprocess: Preprocess  #: of the images
    strata: Tensor | None = field(default=None, repr=False)  #: as of `ImageDataset`
    crop: None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        return self.targets.device

    def train_batches(
        self,
        size: int,
        *,
        seed: int,
        epoch: int,
        variation: AugmentRanges,  # noqa: ARG002 - views are varied already
        first: int = 0,
        balanced: bool = False,
        shard: BatchShard = WHOLE_BATCH,
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch as `ImageDataset.train_batches`, of the epoch's view.

        Views take turns: epoch e has view e modulo their number, also for repeats of an image.
        """
        order, _ = draw_order(len(self), self.strata, seed, epoch, balanced=balanced)
        for here in batch_places(len(self), size, first, shard):
            yield self._gather(epoch % len(self.features), order[here])

    def eval_batches(self, size: int, shard: BatchShard = WHOLE_BATCH) -> Iterator[Batch]:
        """Yield the first view of every image once, in listing order.

        A shard takes every count-th batch.
        """
        if len(self):
            for here in torch.arange(len(self)).split(size)[shard.index :: shard.count]:
                yield self._gather(0, here)

    def _gather(self, view: int, rows: Tensor) -> Batch:
        found = torch.from_numpy(self.features[view][rows.numpy()]).float()
        if found.ndim == 4:
            found = found.contiguous(memory_format=torch.channels_last)
        targets = self.view_targets[view][rows.to(self.device)]
        return Batch(found.to(self.device, non_blocking=True), targets)


def can_cache(dataset: ImageDataset, variation: AugmentRanges) -> bool:
    """Return whether features of images can stand for them in training.

    They cannot where images are mixed, or where targets are masks that move with their image.
    """
    masked = dataset.masks is not None
    if isinstance(dataset.source, Stream):
        masked = dataset.source.masks is not None
    return not (masked or variation.mixes or dataset.crop)


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
    be finite.
    """

    @torch.inference_mode()
    def fits(sample: Tensor) -> bool:
        rounded = sample.half()
        if not rounded.isfinite().all():
            return False
        training = rest.training
        rest.eval()
        one, other = (task.decode(rest(each)).double() for each in (sample, rounded.float()))
        rest.train(training)
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
    work = _Views(front.eval(), dataset, views if variation.is_active else 1, seed, variation)
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
        values[done : done + len(block)] = block
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

    @torch.inference_mode()
    def _features(self, images: Tensor) -> NDArray[np.float32]:
        return self.front(images).float().cpu().numpy()
