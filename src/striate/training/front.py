"""Training behind frozen stages: images pass them once, and the rest trains on what comes out."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

import torch
from torch import nn

from striate.cache_store import cache_folder, size_limit
from striate.data.augment.ranges import AugmentRanges
from striate.data.listing.columns import rows_in_split
from striate.data.listing.samples import Split
from striate.data.loader import ImageDataset
from striate.errors import StorageError
from striate.progress import Progress
from striate.tasks.task import Loss
from striate.training.features import (
    FeatureDataset,
    can_cache,
    choose_views,
    compute_features,
    half_test,
)
from striate.training.forward_backward import make_updates
from striate.training.memory import free_memory
from striate.training.prepare import PreparedData
from striate.training.step import Training
from striate.zoo.stages import split_network

_SHARE = 4  #: part of free memory, and of the cache, that features may take: a fourth


def pass_once(
    training: Training,
    dataset: PreparedData,
    train: ImageDataset,
    validation: ImageDataset,
    loss: Loss,
) -> Generator[Progress, None, Training]:
    """Return the training of what is not frozen, on features where these can stand for images."""
    freezing, network, task = training.freezing, training.model.network, training.model.task
    if not freezing.stages:
        return training
    freezing.begin_epoch(network, 0)
    thawed = training if freezing.thaw_at else None
    halves = split_network(network, len(freezing.stages))
    if halves is None or not can_cache(train, task.ranges(training.recipe.augment_ranges)):
        updates = make_updates(task, network, loss, training.execution)
        return replace(training, updates=updates, thawed=thawed)
    front, rest = halves
    views = training.recipe.options.views or _views(training, front, train)
    training = replace(training, recipe=replace(training.recipe, views=views))
    began = time.monotonic()
    trained, validated = yield from _features(training, dataset, train, validation, front, rest)
    return replace(
        training,
        front=len(freezing.stages),
        front_seconds=time.monotonic() - began,
        train=trained,
        validation=validated,
        updates=make_updates(task, rest, loss, training.execution),
        thawed=thawed,
    )


def _features(
    training: Training,
    dataset: PreparedData,
    train: ImageDataset,
    validation: ImageDataset,
    front: nn.Module,
    rest: nn.Module,
) -> Generator[Progress, None, tuple[FeatureDataset, FeatureDataset]]:
    """Return what the front makes of the images, computed with all cores."""
    recipe, task, spec = training.recipe, training.model.task, training.model.spec
    variation, samples = task.ranges(recipe.augment_ranges), dataset.decoded.samples
    name = None if spec.source == "object" else f"{spec} {spec.sha256}"

    def made(images: ImageDataset, split: Split, views: int, ranges: AugmentRanges):  # noqa: ANN202
        contents = dataset.decoded.records.digests[rows_in_split(samples, split)]
        return compute_features(
            front, images, contents, name, views=views, seed=recipe.options.seed,
            variation=ranges, fits_half=half_test(rest, task),
        )  # fmt: skip

    torch.set_num_threads(recipe.whole_threads)
    with training.group.local_main_first("features"):
        trained = yield from made(train, "train", recipe.views or 1, variation)
        validated = yield from made(validation, "validation", 1, AugmentRanges())
    torch.set_num_threads(recipe.threads)
    return trained, validated


def _views(training: Training, front: nn.Module, train: ImageDataset) -> int:
    """Return how many views of each image pass the front."""
    recipe, variation = training.recipe, training.model.task.ranges(training.recipe.augment_ranges)
    epochs = (training.freezing.thaw_at or recipe.epochs + 1) - 1
    needed, active = _bytes(front, train), variation.is_active
    return choose_views(len(train), needed, epochs, _budget(), augmented=active)


@torch.inference_mode()
def _bytes(front: nn.Module, train: ImageDataset) -> int:
    """Return the bytes of a view of all images behind the front, in half precision."""
    image = next(train.eval_batches(1)).images
    return 2 * front.eval()(image).numel() * len(train)


def _budget() -> int:
    """Return the bytes that features may take: a fourth of free memory, and of the cache."""
    try:
        cached = size_limit(cache_folder(None))
    except StorageError:
        cached = 0
    free = free_memory(torch.device("cpu")) or cached
    return min(free, cached or free) // _SHARE
