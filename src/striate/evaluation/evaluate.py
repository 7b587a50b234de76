"""Evaluation of a trained network on a folder: its preprocessed inputs and original files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.data.augment.keys import fixed_keys
from striate.data.cache.stream import gather
from striate.data.decoding.preprocess import Preprocess
from striate.data.full_masks import FullMask, find_mask_files
from striate.data.listing.columns import rows_in_split
from striate.data.listing.duplicates import leaking, leaking_groups
from striate.data.listing.listing import DecodedImages
from striate.data.listing.renames import read_renames, rename
from striate.data.listing.samples import SPLITS, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.prepare import prepare_images, scan_as_trained
from striate.errors import DataError, printable
from striate.evaluation.known import Known
from striate.evaluation.seen_images import SeenImages
from striate.model import Ensemble, Model, Pairs
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress
from striate.tasks.results import About, Results
from striate.tasks.task import Task
from striate.text import count_noun

if TYPE_CHECKING:
    from striate.evaluation.invariance_result import Invariance
    from striate.evaluation.nearest import Nearest
    from striate.evaluation.rejection_result import RejectionResult

#: the same images, decoded in each of a model's views
Views = tuple[DecodedImages, ...]


class Answering(Protocol):
    """What evaluation needs of a model: `Model`, `Ensemble`, or one that is exported."""

    @property
    def task(self) -> Task: ...
    @property
    def preprocess(self) -> Preprocess: ...

    @property
    def decode_and_reject(self) -> Callable[..., tuple[NDArray[Any], NDArray[np.bool_]]]:
        """Returns what the task decodes of images in each view, and which are rejected."""
        ...

    @property
    def decode_pairs(self) -> Callable[..., tuple[NDArray[Any], Pairs]]:
        """Returns what is decoded of inputs made of images in each view, and the pairs."""
        ...


@dataclass(frozen=True)
class EvaluationRun:
    """The results of an evaluation together with its model and images."""

    model: Model | Ensemble  #: whose task decides as the options say
    stored: Task  #: of it, what belongs in its file: with a threshold only if it is to be saved
    results: Results
    pixels: SeenImages
    decoded: DecodedImages  #: as of the first of the model's views
    nearest: Nearest | None = None  #: training images beside those of the report
    #: (N,) whether each image is rejected; None: the model rejects none
    rejected: NDArray[np.bool_] | None = None
    rejection: RejectionResult | None = None  #: what becomes of it and of foreign images
    distorted: Invariance | None = None  #: on distorted images


def check_groups(model: Model | Ensemble, decoded: DecodedImages, split: Split, data: Path) -> None:
    """Raise DataError if images of a training in groups have none, as renamed ones."""
    if model.fractions.group and decoded.samples.groups is None:
        raise DataError(
            f"{printable(str(data))}: the model was trained on images in groups, "
            f"{printable(model.fractions.group)}, which these do not have, so its {split} images "
            "cannot be told;\n--split all evaluates all of them, trained on or not"
        )


def decode_views(
    model: Model | Ensemble, data: Path, options: EvaluateOptions, left_out: Path | None
) -> Generator[Progress, None, Views]:
    """Decode and split the images of a folder that the model can be judged by."""
    size = model.views[0].size
    listing = scan_as_trained(data, model.task.kind, model.fractions, left_out, window=size)
    if options.rename:
        named = rename(listing.targets, read_renames(options.rename))
        listing = replace(listing, targets=named)
    listing.targets.spec.check_known(model.task.spec, printable(str(data)))
    if options.rename or listing.masks is not None:  # masks are numbered while they are decoded
        listing = replace(listing, targets=listing.targets.aligned(model.task.spec))
    decoded = list[DecodedImages]()
    for view in model.views:
        images = yield from prepare_images(
            data,
            listing,
            view,
            model.fractions,
            leaked=options.leaked,
            largest_megabytes=options.largest,
        )
        decoded.append(images.decoded)
    return tuple(decoded)


def evaluate_split(
    model: Model | Ensemble,
    decoded: Views,
    split: SplitChoice,
    root: Path,
    *,
    shown: str,
    known: Known | None,
    batch: int = 64,
) -> EvaluationRun:
    """Evaluate a network on a split of decoded images, whose paths are relative to `root`."""
    rows = rows_in_split(decoded[0].samples, None if split == "all" else split)
    if not len(rows):
        raise DataError(
            f"{printable(shown)}: no image is in the {split} split; {_instead(decoded[0])}"
        )
    return evaluate_rows(model, decoded, rows, split, root, shown=shown, known=known, batch=batch)


def evaluate_rows(
    model: Model | Ensemble,
    decoded: Views,
    rows: NDArray[np.int64],
    split: SplitChoice,
    root: Path,
    *,
    shown: str,
    known: Known | None,
    batch: int = 64,
) -> EvaluationRun:
    """Evaluate a network on some rows of decoded images, which are of `split`."""
    spec = model.task.spec
    inputs = model.views[0].inputs
    about = describe_rows(decoded[0], rows, split, spec, shown=shown, known=known, inputs=inputs)
    flags = list[NDArray[np.bool_]]()
    results = model.task.evaluate(answer_rows(model, decoded, rows, root, batch, flags), about)
    rejected = None if model.rejection is None else np.concatenate(flags)
    seen = SeenImages(decoded[0], rows)
    return EvaluationRun(model, model.task, results, seen, decoded[0], rejected=rejected)


def describe_rows(
    first: DecodedImages,
    rows: NDArray[np.int64],
    split: SplitChoice,
    spec: TargetSpec,
    *,
    shown: str,
    known: Known | None,
    inputs: str = "image",
) -> About:
    """Say what some rows of decoded images are; if they are test images of the run, count that."""
    images, records = first.samples.select(rows), first.records.select(rows)
    return About(
        model=shown,
        split=split,
        paths=tuple(map(images.path, range(len(images)))),
        trained_on=known and known.trained(records),
        leaked=0 if split == "all" else _leaked(first, rows),
        tests=known.count_test(records) if known else None if split == "test" else 0,
        near_leaked=0 if split == "all" else int(first.near_leaked()[rows].sum()),
        grouped=images.groups is not None,
        names=first.targets.aligned(spec).spec.names,
        inputs=inputs,
    )


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
    """Count images of a split that have a copy, or an image of their group, in an earlier one."""
    found = leaking(decoded.samples.splits, decoded.records.digests)
    return int((found | leaking_groups(decoded.samples))[rows].sum())


def answer_rows(
    model: Answering,
    decoded: Views,
    rows: NDArray[np.int64],
    root: Path,
    batch: int,
    flags: list[NDArray[np.bool_]] | None = None,
) -> Iterator[tuple[NDArray[Any], Any]]:
    """Yield the decoded outputs and the targets of each batch of the given rows.

    Which images of a batch are rejected is appended to `flags`.
    """
    first = decoded[0]
    targets = first.targets.aligned(model.task.spec).judged(model.preprocess, first.records)
    wanted = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    work = zip(*(gather(view.pixels, view.masks, iter(wanted)) for view in decoded), strict=True)
    for some, seen in zip(wanted, work, strict=True):
        if model.task.self_supervised:
            keys = fixed_keys(first.records.digests[some])
            yield model.decode_pairs(*(pixels for pixels, _ in seen), keys=keys)
            continue
        true: Any = targets[some]
        masks, files = seen[0].masks, first.targets.files
        if masks is not None and files and files.codes.of_pictures:
            true = Pairs(*map(_as_pictures, (seen[0].pixels, masks)))
        elif masks is not None:
            files = find_mask_files(first, some, root)
            true = list(map(FullMask, masks, files, repeat(model.preprocess, len(some))))
        answers, rejected = model.decode_and_reject(*(pixels for pixels, _ in seen))
        if flags is not None:
            flags.append(rejected)
        yield answers, true


def _as_pictures(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, H, W, C) bytes -> (N, C, H, W) from 0 to 1."""
    return (np.moveaxis(rows, 3, 1) / 255).astype(np.float32)
