"""Answers that are pictures, as files: masks, and overlays on their images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate import storage
from striate.data.cache.read_files import File, read_whole
from striate.errors import DataError, OptionError, printable
from striate.plotting.ink import encode
from striate.prediction.inputs import Made
from striate.prediction.predictor import Prediction
from striate.tasks.answers import Answers
from striate.tasks.results import DrawnAnswer, PictureAnswer
from striate.text import count_noun


def check_drawn(task: Answers, name: str) -> None:
    """Raise OptionError if the answers of a task are no pictures; `name` is the option.

    Overlays can also be drawn of answers that are none.
    """
    if not isinstance(task.blank, DrawnAnswer if name == "overlays" else PictureAnswer):
        raise OptionError(
            f"the model answers with {task.gives}, which is no picture; leave {name} out"
        )


def check_folder(folder: Path, names: Iterable[Path], inputs: Iterable[Path], option: str) -> None:
    """Raise OptionError if files of these names in a folder would be inputs or replace files.

    That is if the folder is one of the inputs or lies inside one, or holds such a file.
    """
    shown, home = printable(str(folder)), folder.resolve()
    for source in inputs:
        if os.path.isdir(source) and home.is_relative_to(source.resolve()):  # noqa: PTH112
            raise OptionError(
                f"{shown}: {option} would lie among the images of {printable(str(source))}; "
                "name a new folder outside of it"
            )
    if taken := [name for name in names if os.path.lexists(folder / name)]:
        first, more = printable(str(taken[0])), len(taken) - 1
        others = f" and {count_noun(more, 'more file')}" if more else ""
        raise OptionError(
            f"{shown}: {option} would overwrite {first}{others} there; name a new folder"
        )


def write_masks(folder: Path, predictions: Sequence[Prediction], names: Sequence[Path]) -> None:
    """Write each answer as a PNG file of its name in a folder. Raises StorageError."""
    for one, name in zip(predictions, names, strict=True):
        if not one.error and isinstance(one.answer, PictureAnswer):
            _write(folder / name, one.answer.png)


def write_overlays(
    folder: Path,
    predictions: Sequence[Prediction],
    names: Sequence[Path],
    images: Sequence[File | Made],
    largest: int,
) -> None:
    """Write each answer drawn over its image as a PNG file of its name in a folder.

    Images of files are read anew, with `largest` megabytes at most. Raises StorageError; DataError,
    after the others are written, for an image that cannot be read again as it was predicted.
    """
    lost = list[str]()
    for one, name, image in zip(predictions, names, images, strict=True):
        if one.error or not isinstance(one.answer, DrawnAnswer):
            continue
        made = isinstance(image, Made)
        pixels = np.asarray(image.image) if made else read_whole(image, largest)[0]
        if pixels is None or _differs(pixels, one.answer):
            lost.append(image.shown)
            continue
        drawn = one.answer.draw(np.atleast_3d(pixels))
        _write(folder / name, encode(Image.fromarray(drawn), "png"))
    if lost:
        raise DataError(
            f"{printable(lost[0])}: could not be read again as it was predicted, so it has no "
            f"overlay; {count_noun(len(lost), 'overlay')} of {len(names):,} missing"
        )


def _differs(pixels: NDArray[np.uint8], answer: DrawnAnswer) -> bool:
    """Return whether an answer is a picture neither as large as the image nor a multiple of it."""
    if not isinstance(answer, PictureAnswer):
        return False
    size, made = pixels.shape[1::-1], Image.open(BytesIO(answer.png)).size
    times = made[0] // size[0]
    return made != tuple(times * side for side in size)


def name_files(images: Iterable[str]) -> list[Path]:
    """Return a relative path for the picture of each image, by the paths of the images.

    The files lie as the images do below the folder that holds all of them, and end in .png. Of
    images that differ in their ending only, all but the first get a number. Images in memory count
    as lying in that folder.
    """
    shown = list(images)
    places = {path: os.path.abspath(path) for path in shown if _is_place(path)}  # noqa: PTH100
    home = os.path.commonpath([Path(place).parent for place in places.values()]) if places else ""
    names = dict[Path, None]()  # in order
    for path in shown:
        place = os.path.relpath(places[path], home) if path in places else path
        name = first = Path(place).with_suffix(".png")
        number = 1
        while name in names:
            number += 1
            name = first.with_stem(f"{first.stem}-{number}")
        names[name] = None
    return list(names)


def _is_place(path: str) -> bool:
    """Whether a prediction is of a file, and not of an array or image in memory."""
    return os.sep in path or os.path.lexists(path)


def _write(file: Path, content: bytes) -> None:
    if os.path.lexists(file):
        shown = printable(str(file))
        raise storage.StorageError(f"{shown}: exists already; name a folder that holds none")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage.storage_error(file.parent, error, "choose another folder") from error
    storage.write(file, content)
