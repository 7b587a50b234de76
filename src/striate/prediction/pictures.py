"""Answers that are pictures, as files: masks, and overlays on their images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from striate import storage
from striate.data.cache.read_files import File, read_whole
from striate.data.listing.target_spec import NEEDS
from striate.errors import OptionError
from striate.plotting.ink import encode
from striate.prediction.predictor import Prediction
from striate.tasks.results import DrawnAnswer
from striate.tasks.task import Task


def check_drawn(task: Task, name: str) -> None:
    """Raise OptionError if the answers of a task are no pictures; `name` is the option."""
    if not isinstance(task.blank, DrawnAnswer):
        raise OptionError(
            f"the model answers with {NEEDS[task.kind]}, which is no picture; leave {name} out"
        )


def write_masks(folder: Path, predictions: Iterable[Prediction]) -> None:
    """Write each answer as a PNG file of the name of its image. Raises StorageError."""
    for _, answer, name in name_files(predictions):
        _write(folder / name, answer.png)


def write_overlays(folder: Path, predictions: Iterable[Prediction], largest: int) -> None:
    """Write each answer drawn over its image as a PNG file; answers for arrays are left out.

    Images are read anew, with `largest` megabytes at most. Raises StorageError.
    """
    for path, answer, name in name_files(predictions):
        if not os.path.isfile(path):  # noqa: PTH113 - a Path raises in an unreadable folder
            continue
        pixels, _ = read_whole(File(Path(path), path), largest)
        if pixels is not None:
            drawn = answer.draw(np.atleast_3d(pixels))
            _write(folder / name, encode(Image.fromarray(drawn), "png"))


def name_files(predictions: Iterable[Prediction]) -> Iterator[tuple[str, DrawnAnswer, Path]]:
    """Yield path, answer and a relative path for a file of each prediction that is a picture.

    The files lie as the images do below the folder that holds all of them, and end in .png. Of
    images that differ in their ending only, all but the first get a number. Images in memory count
    as lying in that folder.
    """
    drawn = [
        (one.path, one.answer)
        for one in predictions
        if not one.error and isinstance(one.answer, DrawnAnswer)
    ]
    places = {path: os.path.abspath(path) for path, _ in drawn if _is_place(path)}  # noqa: PTH100
    home = os.path.commonpath([Path(place).parent for place in places.values()]) if places else ""
    taken = set[Path]()
    for path, answer in drawn:
        place = os.path.relpath(places[path], home) if path in places else path
        name = first = Path(place).with_suffix(".png")
        number = 1
        while name in taken:
            number += 1
            name = first.with_stem(f"{first.stem}-{number}")
        taken.add(name)
        yield path, answer, name


def _is_place(path: str) -> bool:
    """Whether a prediction is of a file, and not of an array or image in memory."""
    return os.sep in path or os.path.lexists(path)


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage.storage_error(file.parent, error, "choose another folder") from error
    storage.write(file, content)
