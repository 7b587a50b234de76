"""Features of images and their targets: what a network with trained weights makes of a folder."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from striate.data.listing.columns import rows_in_split
from striate.data.listing.samples import Split
from striate.data.loader import load_split
from striate.data.prepare import scan_images
from striate.errors import DataError, ModelError, OptionError, printable
from striate.evaluation.known import Known, run_of
from striate.evaluation.learning_curve import FeatureSet
from striate.hardware import choose_device, to_device
from striate.options import TrainOptions
from striate.progress import Progress
from striate.tasks import bind_task, kind_of
from striate.tasks.task import Task
from striate.text import count_noun
from striate.training.features import compute_features
from striate.training.load_weights import load_weights
from striate.training.prepare import PreparedData, prepare_data
from striate.training.source import ADVICE
from striate.zoo.stages import split_network, stage_names


@dataclass(frozen=True)
class Features:
    """What heads are fitted to, and judged by."""

    task: Task
    train: FeatureSet
    validation: FeatureSet
    source: str  #: what made them, and its license


def read_features(data: Path, options: TrainOptions) -> Generator[Progress, None, Features]:
    """Return the features of the training and the validation images of a folder.

    They are what the head of the network would be given; those of a map are averaged over its
    places. Raises DataError, OptionError, ModelError or StorageError.
    """
    listing = scan_images(
        data, kind_of(options.task), group=options.group, window=options.size, trainable=True
    )
    task = bind_task(options.task, listing.targets.spec)
    if task.head != "logits":
        raise OptionError(
            f"a forecast fits linear heads to features of whole images, which does not apply to "
            f"{task.name}"
        )
    dataset = yield from prepare_data(data, options)
    if dataset.source is None:
        raise OptionError(
            f"{printable(str(data))}: a forecast needs weights that have learned, but none that "
            f"fit are here; {ADVICE}, or give --weights"
        )
    front = make_front(dataset)
    front = to_device(front, choose_device(options.device)).eval()
    train = yield from read_split(front, dataset, "train")
    validation = yield from read_split(front, dataset, "validation")
    if not len(validation):
        raise DataError(
            f"{printable(str(data))}: no image is in the validation split, which judges heads"
        )
    return Features(dataset.task.fit(train.targets), train, validation, _describe_source(dataset))


def _describe_source(dataset: PreparedData) -> str:
    """Return what made the features, and how many of these images it was trained on."""
    assert dataset.source is not None
    told, known = dataset.source.told, None
    if dataset.source.model is not None:
        known = Known.of(run_of(dataset.source.weights))
    seen = known.trained(dataset.decoded.records) if known else 0
    if not seen:
        return told
    images = count_noun(seen, "image")
    return f"{told} (trained on {images} of these, so small parts look better than they are)"


def make_front(dataset: PreparedData) -> nn.Module:
    """Return the network up to its head, with the weights of the source."""
    assert dataset.source is not None
    network = dataset.view.build(dataset.task.outputs)
    load_weights(network, dataset.source, dataset.view, dataset.task, "all")
    parts = split_network(network, len(stage_names(network)) - 1)
    if parts is None:
        raise OptionError(
            f"{dataset.view.network} has no features in front of a head: its stages do not run one "
            "after another; choose another network"
        )
    return parts[0]


def read_split(
    front: nn.Module, dataset: PreparedData, split: Split
) -> Generator[Progress, None, FeatureSet]:
    """Return the features of one split on the CPU. Raises ModelError if any is not finite."""
    device = next(front.parameters()).device
    images = load_split(dataset.decoded, split, dataset.preprocess, device)
    rows = rows_in_split(dataset.decoded.samples, split)
    spec = dataset.view.network
    found = yield from compute_features(
        front, images, dataset.decoded.records.digests[rows], str(spec) if spec.ours else None
    )
    features = torch.from_numpy(found.features[0].astype("float32"))
    return FeatureSet(check_finite(pool(features), str(spec)), images.targets.cpu())


def pool(features: Tensor) -> Tensor:
    """Return features (N, D) of (N, D, ...), averaged over all places."""
    return features.flatten(2).mean(dim=2) if features.ndim > 2 else features


def check_finite(features: Tensor, network: str) -> Tensor:
    """Return the features (N, D). Raises ModelError if any is not finite."""
    odd = int((~features.isfinite()).any(dim=1).sum())
    if odd:
        raise ModelError(
            f"{network}: its features of {count_noun(odd, 'image')} are not finite; choose other "
            "weights"
        )
    return features
