"""Search by image: the images of a folder that a network finds most like a given one."""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from striate.data.cache.read_files import read_files
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.errors import DataError, OptionError, printable
from striate.look.panels import Panel, lay_out
from striate.look.sheet import Sheet
from striate.model import Model
from striate.prediction.embedding import embed_decoded, make_front
from striate.prediction.inputs import Made, sources
from striate.prediction.neighbors import distinct_rows, find_neighbors
from striate.progress import Progress
from striate.text import count_noun, shorten_middle

_ACROSS, _SIDE, _LONGEST = 5, 150, 24  #: panels in a row, units of an image, letters of a line


def find_similar(
    model: Model, data: Path, image: Any, most: int = 9, *, stage: str | None = None
) -> Generator[Progress, None, Sheet]:
    """Draw an image and the `most` images of a folder whose features point most nearly its way.

    Of the features before the head, or of `stage`, by exact search; copies of a file count once,
    and one with the content of `image` is found too. `image` is a path, an array or a PIL image.
    Arrays: `rows` and `similarity` (k,), the cosine, -1 to 1, and `paths`. Raises DataError for an
    image that cannot be read, OptionError for several, and what `embed_images` raises.
    """
    if most < 1:
        raise OptionError(f"at least 1 image has to be asked for, but {most} came")
    pixels, shown = read_one(image, model.preprocess)
    decoded, embedding = yield from embed_decoded(model, data, stage)
    with torch.inference_mode(), model.spec.explained():
        inputs = model.inputs(torch.from_numpy(pixels[None]))
        query = make_front(model, stage).eval()(inputs).float().cpu().numpy()
    once = distinct_rows(decoded.records.digests)
    near = find_neighbors(query, embedding.features[once], most)
    rows, similarity = once[near.rows[0]], near.similarity[0]
    panels = [
        Panel(_picture(pixels), "searched for", (shorten_middle(Path(shown).name, _LONGEST),))
    ]
    for row, value in zip(rows.tolist(), similarity.tolist(), strict=True):
        target = shorten_middle(decoded.targets.describe(row), _LONGEST)
        name = shorten_middle(Path(embedding.paths[row]).name, _LONGEST)
        panels.append(Panel(_picture(decoded.pixels[row]), target, (name, f"{value:.3f}")))
    title = f"What {model.network_name} finds alike"
    note = (
        f"The {count_noun(len(rows), 'nearest image')} of {len(once):,}, by the cosine of features "
        f"{'before the head' if stage is None else f'after {stage}'} (1: the same direction)"
    )
    lines = [panels[at : at + _ACROSS] for at in range(0, len(panels), _ACROSS)]
    paths = np.array([embedding.paths[row] for row in rows.tolist()], np.str_)
    arrays = {"rows": rows, "similarity": similarity, "paths": paths}
    return Sheet(lay_out(lines, title, note, _SIDE), arrays, f"{title}. {note}.")


def read_one(image: Any, preprocess: Preprocess) -> tuple[NDArray[np.uint8], str]:
    """Return the pixels (size, size, channels) of one image, as a network sees it, and its name.

    Raises DataError for a file that cannot be used, OptionError for several images.
    """
    found = list(islice(sources([image]), 2))
    if len(found) != 1:
        raise OptionError("one image is searched for at a time, but several came")
    (source,) = found
    if isinstance(source, Made):
        return preprocess.to_array(source.image).copy(), source.shown
    ((read,),) = read_files(
        [source], preprocess, batch=1, workers=1, largest_megabytes=LARGEST_MEGABYTES
    )
    if read.pixels is None:
        (reason, *_) = read.record.findings
        detail = f": {reason.detail}" if reason.detail else ""
        raise DataError(f"{printable(source.shown)} cannot be used: {reason.kind}{detail}")
    return read.pixels.copy(), source.shown


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    values = np.asarray(pixels)
    return Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
