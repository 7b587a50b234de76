"""The training images that a network finds most like the images shown in its report."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from striate.data.listing.columns import rows_in_split
from striate.data.listing.listing import DecodedImages
from striate.errors import DataError
from striate.evaluation.rejection import read_training
from striate.evaluation.seen_images import SeenImages
from striate.model import Model
from striate.prediction.neighbors import distinct_rows, find_neighbors
from striate.progress import Progress
from striate.tasks.results import Results
from striate.tasks.sections import Gallery

#: training images beside each image
MOST = 3


@dataclass(frozen=True, slots=True)
class Near:
    """A training image that is near to an evaluated one."""

    row: int  #: of `Nearest.pixels`
    path: str
    target: str  #: in words
    similarity: float  #: cosine, -1 to 1


@dataclass(frozen=True)
class Nearest:
    """The nearest training images of some evaluated images."""

    found: Mapping[int, tuple[Near, ...]]  #: row of the evaluation -> the nearest first
    pixels: SeenImages = field(repr=False)  #: all training images, each content once


def shown_rows(results: Results) -> list[int]:
    """Return the rows of the images that a report shows as they are."""
    galleries = (
        part
        for section in results.sections()
        for part in section.parts
        if isinstance(part, Gallery)
    )
    pictures = (picture for part in galleries for picture in part.pictures)
    return sorted({picture.row for picture in pictures if not picture.overlay})


def find_nearest(
    model: Model, pixels: SeenImages, rows: Iterable[int], trained: DecodedImages
) -> Generator[Progress, None, Nearest]:
    """Return the training images whose features are nearest to those of evaluated images.

    Features are the output of the last stage before the head; those of the training images are
    cached. Copies of a training image count once. Raises DataError without a training image,
    OptionError for a network without stages, ModelError for features that are not finite.
    """
    kept = rows_in_split(trained.samples, "train")
    if not len(kept):
        raise DataError(
            "no image is in the train split, so none can be shown beside the errors; leave out "
            "--neighbors"
        )
    train = yield from read_training(model, trained)
    once = distinct_rows(trained.records.digests[kept])
    wanted = list(rows)
    queries, _ = model.features(torch.from_numpy(pixels[np.array(wanted, np.int64)]))
    near = find_neighbors(queries.float().cpu().numpy(), train.features.numpy()[once], MOST)

    def told(row: int, similarity: float) -> Near:
        place = int(kept[once[row]])
        path, target = trained.samples.path(place), trained.targets.describe(place)
        return Near(row, path, target, similarity)

    found = {
        row: tuple(map(told, rows.tolist(), values.tolist()))
        for row, rows, values in zip(wanted, near.rows, near.similarity, strict=True)
    }
    return Nearest(found, SeenImages(trained, kept[once], model.preprocess))
