"""Proof that an exported model answers as the model does, on images of its owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.signals.signal_input import SignalInput
from striate.deployment.restoring import find_restoring
from striate.model import Ensemble, Model
from striate.onnx_model import OnnxModel
from striate.prediction.full_size import choose_whole
from striate.prediction.predictor import Predictor
from striate.prediction.signals import GivenSignal
from striate.tasks.results import ListedAnswer

TOLERANCE = 1e-4  #: of an output, in shares of the larger of it and 1
_BATCH = 32


@dataclass(frozen=True)
class Compared:
    """How far the answers of two engines are apart."""

    images: int
    largest_difference: float  #: of an output, in shares of the larger of it and 1
    different: tuple[str, ...]  #: images with another answer

    @property
    def agreement(self) -> float:
        """Share of the images with the same answer."""
        return 1 - len(self.different) / max(1, self.images)

    @property
    def agrees(self) -> bool:
        """Whether all answers are the same, and no output is off by more than `TOLERANCE`."""
        return not self.different and self.largest_difference <= TOLERANCE

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "images": self.images,
            "largest_difference": self.largest_difference,
            "agreement": self.agreement,
            "different": list(self.different),
        }


@dataclass(frozen=True)
class Found:
    """What an engine decodes of an image, and whether it is none of the names."""

    decoded: NDArray[Any]
    rejected: bool = False

    def cells(self, model: Model | Ensemble) -> list[list[str]]:
        """Return the answer in words; its numbers are compared as outputs already."""
        answer = (model.task.reject if self.rejected else model.task.answer)(self.decoded, 1)
        rows = answer.csv_rows() if isinstance(answer, ListedAnswer) else (answer.csv_cells(),)
        return [[cell for cell in row if not _is_number(cell)] for row in rows]


#: an image as it is called, what one engine finds of it, and what the other does
Pair = tuple[str, Found, Found]


def compare(model: Model | Ensemble, pairs: Iterable[Pair]) -> Compared:
    """Compare what is decoded of images, and the answers that are made of it."""
    images, largest, different = 0, 0.0, list[str]()
    for shown, wanted, found in pairs:
        images += 1
        apart, same = np.inf, False
        if wanted.decoded.shape == found.decoded.shape:
            apart = _difference(wanted.decoded, found.decoded)
            same = found.cells(model) == wanted.cells(model)
        largest = max(largest, apart)
        different += [shown] * (not same)
    return Compared(images, largest, tuple(different))


def pair_rows(
    model: Model | Ensemble, exported: OnnxModel, rows: NDArray[Any], shown: Sequence[str]
) -> Iterator[Pair]:
    """Yield what both decode of images (N, size, size, channels) that are preprocessed already."""
    whole = choose_whole(model) if model.task.own_size else None
    for at in range(0, len(rows), _BATCH):
        part, names = rows[at : at + _BATCH], shown[at : at + _BATCH]
        if whole is not None:
            yield from ((name, Found(whole.decode(each)), Found(exported.decode(each)))
                        for name, each in zip(names, part, strict=True))  # fmt: skip
            continue
        both = (zip(*each.decode_and_reject(part), strict=True) for each in (model, exported))
        for name, wanted, found in zip(names, *both, strict=True):
            yield name, Found(*wanted), Found(*found)


def pair_files(
    model: Model | Ensemble, exported: OnnxModel, files: Iterable[Path], *, scaled: bool = True
) -> Iterator[Pair]:
    """Yield what the model decodes of files, and the graph of their whole pixels or signals.

    `scaled` says whether large JPEGs are decoded for the graph as they are for the model, at a
    scale of 1/2 to 1/8. Files that cannot be read are left out.
    """
    (view,) = model.views
    if isinstance(view, SignalInput):
        yield from _pair_signals(model, view, exported, files)
        return
    whole = choose_whole(model) if model.task.own_size else None
    restored = find_restoring(model.task.head) is not None
    for file in files:
        preprocess = None if whole is not None else view
        image, _ = decode(file, str(file), preprocess=preprocess)
        other = image if scaled else decode(file, str(file))[0]
        if image is None or other is None:
            continue
        if whole is not None:
            wanted = Found(whole.decode(np.asarray(image)))
        else:
            wanted = _first(*model.decode_and_reject(np.array([view.to_array(image)])))
            if restored:
                wanted = Found(model.task.restore(wanted.decoded, view, other.size))
        yield str(file), wanted, _first(*exported.run(_pixels(other)))


def _pair_signals(
    model: Model | Ensemble, view: SignalInput, exported: OnnxModel, files: Iterable[Path]
) -> Iterator[Pair]:
    for given in Predictor(model).sources(files):
        assert isinstance(given, GivenSignal)
        if given.signal is not None:
            row = view.fit_signal(given.signal)[None]
            wanted, found = model.decode_and_reject(row), exported.run(given.signal[None])
            yield given.shown, _first(*wanted), _first(*found)


def _first(decoded: NDArray[Any], rejected: NDArray[np.bool_] | None = None) -> Found:
    """Return what is found of the only image."""
    return Found(decoded[0], rejected is not None and bool(rejected[0]))


def _difference(wanted: NDArray[Any], found: NDArray[Any]) -> float:
    """Return the largest difference of an output, in shares of the larger of it and 1.

    Of classes of pixels, which may be as probable as another, the share that differs.
    """
    if wanted.dtype.kind in "iu":
        return float(np.mean(wanted != found))
    near = np.abs(found.astype(np.float64) - wanted)
    return float(np.max(near / np.maximum(np.abs(wanted), 1), initial=0))


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))[None]


def _is_number(cell: str) -> bool:
    """Return whether a cell holds numbers alone, one or several between semicolons."""
    try:
        for each in cell.split(";"):
            float(each)
    except ValueError:
        return False
    return True
