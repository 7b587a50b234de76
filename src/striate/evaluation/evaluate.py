"""Evaluation of a trained network on a folder: its preprocessed inputs and original files."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.cache.stream import gather
from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import rows_in_split
from striate.data.listing.duplicates import leaking
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS, Split
from striate.data.prepare import prepare_images, scan_images
from striate.data.shards.remote import remote_address
from striate.errors import DataError, printable
from striate.evaluation.evaluation import Evaluation, make_evaluation
from striate.evaluation.known import Known
from striate.model import Model
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress
from striate.tasks import classification
from striate.text import count_noun


@dataclass(frozen=True)
class SeenImages:
    """The evaluated images as network inputs, (size, size, channels) uint8 each."""

    decoded: DecodedImages
    rows: NDArray[np.int64]  #: rows of the image cache, in the evaluation's order

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), *self.decoded.pixels.shape[1:]

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Return a row's image, or (N, size, size, channels) for N rows, which are read at once."""
        return np.asarray(self.decoded.pixels[self.rows[rows]])


@dataclass(frozen=True)
class Originals:
    """The original image files of an evaluation, linked relative to the report page."""

    root: Path  #: base of the evaluation's paths
    page: Path  #: folder of the report page

    @classmethod
    def of(cls, data: Path, page: Path) -> Originals | None:
        """Return the originals of a folder or manifest; None for an object store."""
        if remote_address(data):
            return None
        return cls(data if data.is_dir() else data.resolve().parent, page.parent)

    def link(self, path: str) -> str:
        """Return the image's URL relative to the page; "" if it is not a separate file."""
        file = self.root / path
        return quote(os.fsencode(os.path.relpath(file, self.page))) if file.is_file() else ""

    def pixels(self, path: str, side: int) -> NDArray[np.uint8] | None:
        """Return (H, W, 1 or 3), upright, sides not much above `side`; None if there is no file."""
        if not self.link(path):
            return None
        image, _ = decode(self.root / path, path, preprocess=Preprocess(side, 3, "letterbox"))
        if image is None:
            return None
        return np.atleast_3d(np.asarray(image))


@dataclass(frozen=True)
class EvaluationRun:
    """An evaluation together with its images."""

    evaluation: Evaluation
    pixels: SeenImages
    decoded: DecodedImages


def evaluate_steps(
    model: Model, data: Path, options: EvaluateOptions, *, shown: str, known: Known | None = None
) -> Generator[Progress, None, EvaluationRun]:
    """Evaluate a network on a split of a folder, using the split fractions of its training.

    The default split is test, or all images if the training run's image list is known and most of
    these are not in it. Raises DataError when the folder has classes the network does not know, or
    no such split.
    """
    listing = scan_images(data)
    strange = sorted(set(listing.class_names) - set(model.class_names))
    if strange:
        raise DataError(
            f"{printable(str(data))}: {_listed(strange)} of its {len(listing.class_names)} "
            f"classes are not among the {len(model.class_names)} that the model was trained on: "
            f"{_listed(model.class_names)}"
        )
    images = yield from prepare_images(
        data,
        listing,
        model.preprocess,
        model.fractions,
        leaked=options.leaked,
        largest_megabytes=options.largest,
    )
    new = known is not None and not known.are(images.decoded.records)
    split = options.split or ("all" if new else "test")
    return evaluate_split(
        model, images.decoded, split, shown=shown, known=known, batch=options.batch
    )


def evaluate_split(
    model: Model,
    decoded: DecodedImages,
    split: SplitChoice,
    *,
    shown: str,
    known: Known | None,
    batch: int = 64,
) -> EvaluationRun:
    """Evaluate a network on a split of decoded images."""
    rows = rows_in_split(decoded.samples, None if split == "all" else split)
    if not len(rows):
        raise DataError(
            f"{printable(shown)}: no image is in the {split} split; {_instead(decoded)}"
        )
    label_of = {name: label for label, name in enumerate(model.class_names)}
    labels = np.array([label_of[name] for name in decoded.class_names], np.int64)
    images = decoded.samples.select(rows)
    evaluation = make_evaluation(
        probabilities=_probabilities(model, decoded, rows, batch),
        labels=labels[images.labels],
        paths=tuple(map(images.path, range(len(images)))),
        class_names=model.class_names,
        split=split,
        model=shown,
        trained_on=known and known.trained(decoded.records.select(rows)),
        leaked=0 if split == "all" else _leaked(decoded, rows),
    )
    return EvaluationRun(evaluation, SeenImages(decoded, rows), decoded)


def _instead(decoded: DecodedImages) -> str:
    """Suggest a split to use instead of an empty one."""
    counts: dict[Split, int] = {
        split: len(rows_in_split(decoded.samples, split)) for split in SPLITS
    }
    for split in ("test", "validation"):
        if counts[split]:
            return f"try --split {split}, which has {count_noun(counts[split], 'image')}"
    images = count_noun(counts["train"], "image")
    return f"its {images} are in the train split; --split all evaluates them, trained on or not"


def _leaked(decoded: DecodedImages, rows: NDArray[np.int64]) -> int:
    """Count images of a split that are also in an earlier split."""
    splits, digests = decoded.samples.splits, decoded.records.digests
    return int(leaking(splits, digests)[rows].sum())


def _probabilities(
    model: Model, decoded: DecodedImages, rows: NDArray[np.int64], batch: int
) -> NDArray[np.float32]:
    """Return probabilities (N, classes) of the given rows, each summing to 1."""
    wanted = (rows[start : start + batch] for start in range(0, len(rows), batch))
    outputs = [
        classification.probabilities(model.logits(torch.from_numpy(pixels))).cpu()
        for pixels in gather(decoded.pixels, wanted)
    ]
    return torch.cat(outputs).numpy()


def _listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    shown = ", ".join(repr(printable(name)) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
