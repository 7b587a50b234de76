"""A gallery: known images, of which the nearest is the answer for an image."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.data.cache.stream import gather
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.prepare import prepare_images, scan_images
from striate.model import Ensemble, Model, one_network
from striate.progress import Progress


def search_gallery(
    model: Model | Ensemble,
    folder: Path,
    batch: int = 64,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, Model]:
    """Return the model that answers with the nearest image of a folder of class folders.

    Images that lie in the folder itself are of one class, which has its name. Raises OptionError
    for a model that does not search, and DataError for a folder without images, and for one that
    cannot be read: who is missing in a gallery is never found.
    """
    network = one_network(model, "--gallery")
    network.task.with_gallery(np.zeros((0, 1)), (), ())
    listing = scan_images(folder, network.task.kind, loose=True, window=network.preprocess.size)
    prepared = yield from prepare_images(
        folder,
        listing,
        network.preprocess,
        network.fractions,
        largest_megabytes=largest_megabytes,
        skip_unusable=False,
    )
    decoded = prepared.decoded
    count = len(decoded.samples)
    wanted = (np.arange(start, min(start + batch, count)) for start in range(0, count, batch))
    parts = gather(decoded.pixels, None, wanted)
    vectors = np.concatenate([network.decode(pixels) for pixels, _ in parts])
    names = tuple(map(decoded.targets.describe, range(count)))
    paths = tuple(str(folder / decoded.samples.path(row)) for row in range(count))
    return replace(network, task=network.task.with_gallery(vectors, names, paths))
