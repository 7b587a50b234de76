"""Embedding: images as vectors, the output of the stages of a network before its head."""

from __future__ import annotations

import io
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from striate import storage
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.listing.columns import NO_SPLIT
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS
from striate.data.loader import MakePairs, load_split
from striate.data.prepare import prepare_images, scan_as_trained
from striate.errors import OptionError, printable
from striate.model import Model
from striate.prediction.parquet import check_parquet
from striate.progress import Progress
from striate.tasks.task import Task
from striate.text import count_noun
from striate.training.features import code_name, compute_features
from striate.zoo.stages import Pool, split_head, stage_names


@dataclass(frozen=True)
class Embedding:
    """Images as vectors: what a network makes of them before its head."""

    features: NDArray[np.float32] = field(repr=False)  #: (N, D)
    #: (N,) indices of `class_names`; -1 where the images have other targets than a class
    labels: NDArray[np.int64] = field(repr=False)
    splits: NDArray[np.uint8] = field(repr=False)  #: (N,) indices of SPLITS, or NO_SPLIT
    paths: tuple[str, ...] = field(repr=False)  #: N, relative to the folder of images
    class_names: tuple[str, ...]  #: of the images, not of the network; none without labels

    def __len__(self) -> int:
        return len(self.features)

    def __str__(self) -> str:
        values = count_noun(self.features.shape[1], "feature")
        return f"{count_noun(len(self), 'image')}, {values} each"

    def to_json(self) -> dict[str, Any]:
        """Return the sizes, JSON-ready."""
        images, features = self.features.shape
        return {"images": images, "features": features, "class_names": list(self.class_names)}

    @property
    def split_names(self) -> tuple[str, ...]:
        """The split of each image; "" for one that is in none."""
        return tuple("" if row == NO_SPLIT else SPLITS[row] for row in self.splits.tolist())


def embed_images(
    model: Model,
    data: Path,
    stage: str | None = None,
    *,
    leave_out: Path | None = None,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, Embedding]:
    """Apply the stages of a model, all but the head or up to `stage`, to the images of a folder.

    Images are preprocessed as in the training of the model and split as then, but for those that
    the file `leave_out` names; features are cached. Those of a folder without class folders are of
    one class. Raises DataError if no image can be used, OptionError for a stage that does not
    exist.
    """
    _, found = yield from embed_decoded(
        model, data, stage, leave_out=leave_out, largest_megabytes=largest_megabytes
    )
    return found


def embed_decoded(
    model: Model,
    data: Path,
    stage: str | None = None,
    *,
    leave_out: Path | None = None,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, tuple[DecodedImages, Embedding]]:
    """Return the images of a folder too, as the network sees them; all as `embed_images`."""
    front = make_front(model, stage)
    listing = scan_as_trained(
        data, None, model.fractions, leave_out, loose=True, window=model.preprocess.size
    )
    prepared = yield from prepare_images(
        data, listing, model.preprocess, model.fractions, largest_megabytes=largest_megabytes
    )
    decoded = prepared.decoded
    device = next(model.network.parameters()).device
    images = load_split(decoded, None, model.preprocess, device, make_pairs=_alone(model.task))
    with model.spec.explained():
        found = yield from compute_features(
            front, images, decoded.records.digests, code_name(model.spec)
        )
    samples, labeled = decoded.samples, decoded.targets.spec.kind == "label"
    labels = samples.labels.astype(np.int64)
    return decoded, Embedding(
        np.array(found.features[0], np.float32),
        labels if labeled else np.full_like(labels, -1),
        samples.splits,
        tuple(sample.path for sample in samples),
        decoded.class_names if labeled else (),
    )


def _alone(task: Task) -> MakePairs:
    """Return what makes the network's input of an image, and no target."""
    return lambda images, keys: (task.prepare(images), keys)


def make_front(model: Model, stage: str | None = None) -> nn.Module:
    """Return all stages but the head, or up to and including `stage`, then pooled: (N, D).

    Raises OptionError for a stage that does not exist, and for a network without stages.
    """
    *stages, _ = stage_names(model.network) or ("",)
    if stage is not None and stage not in stages:
        raise OptionError(
            f"stage must be one of {', '.join(stages)}, the stages of {model.network_name} before "
            f"its head, but {printable(repr(stage), 100)} came"
        )
    if stage is None:
        stage = model.task.code_stage(stages)
    count = None if stage is None else stages.index(stage) + 1
    front, _ = split_head(model.network, model.network_name, count)
    return nn.Sequential(front, Pool())


def write(path: Path, embedding: Embedding) -> None:
    """Write an .npz or a .parquet file, atomically.

    The .npz holds features, labels, splits, paths and class_names, arrays without objects; the
    table path, split, label, and f0, f1, ... Raises OptionError for another suffix or without
    pyarrow, StorageError when it cannot be written.
    """
    storage.check_suffix(path, (".npz", ".parquet"))
    check_parquet(path, "an .npz file")
    parquet = path.suffix.lower() == ".parquet"
    storage.write(path, _as_parquet(embedding) if parquet else _as_npz(embedding))


def _as_npz(embedding: Embedding) -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        features=embedding.features,
        labels=embedding.labels,
        splits=np.array(embedding.split_names, np.str_),
        paths=np.array(embedding.paths, np.str_),
        class_names=np.array(embedding.class_names, np.str_),
    )
    return file.getvalue()


def _as_parquet(embedding: Embedding) -> bytes:
    import pyarrow as pa  # lazy: an extra of 50 MB
    from pyarrow import parquet

    names = embedding.class_names
    columns = {
        "path": [_valid(path) for path in embedding.paths],
        "split": list(embedding.split_names),
        "label": [_valid(names[at]) if at >= 0 else "" for at in embedding.labels.tolist()],
    }
    numbers = {f"f{at}": values for at, values in enumerate(embedding.features.T)}
    file = io.BytesIO()
    parquet.write_table(pa.table({**columns, **numbers}), file)
    return file.getvalue()


def _valid(name: str) -> str:
    """Return a name as UTF-8 text, which Parquet needs, with bytes that are none replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
