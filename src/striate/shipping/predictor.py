"""Pictures from anywhere -> what a trained network says of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.decoding.decode import decode
from striate.data.decoding.reading import Piece
from striate.data.layouts.scan import unlabelled
from striate.data.listing import Listing, Record
from striate.data.shards.reading import is_shards, read_shards
from striate.data.shards.remote import address
from striate.errors import DataError, printable
from striate.model import Model
from striate.tasks import classification
from striate.text import html_table, percent

_File = tuple[Path | Piece, str]  #: where a picture is, and the name that its prediction carries


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network says of one picture; or why it could not be asked."""

    path: str
    class_name: str = ""  #: the most probable class; "" with an error
    probability: float = 0.0  #: of that class, 0 to 1
    top: tuple[tuple[str, float], ...] = ()  #: class and probability, the most probable first
    notes: tuple[str, ...] = ()  #: what was done to the picture: "rotated", "transparency", ...
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready table; undecodable bytes in the path are surrogates."""
        return {
            "path": self.path,
            "class": self.class_name,
            "probability": round(self.probability, 6),
            "top": [{"class": name, "probability": round(p, 6)} for name, p in self.top],
            "notes": list(self.notes),
            "error": self.error,
        }

    def _repr_html_(self) -> str:
        if self.error:
            return html_table([("picture", "why it was not read"), (self.path, self.error)], (0, 1))
        rows = [(name, percent(share)) for name, share in self.top]
        return html_table([(self.path, "share"), *rows], left=(0,))


@dataclass(frozen=True)
class Predictor:
    """A model ready to be asked; pictures are decoded by threads while the network works."""

    model: Model
    top: int = 3
    batch: int = 64
    largest_megabytes: int = 200
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    def predict(self, paths: Iterable[str | Path]) -> Iterator[Prediction]:
        """A prediction a file in the order asked; folders stand for the pictures inside them.

        Raises DataError for a path that does not exist; a file that cannot be read is a prediction
        with an error.
        """
        files = chain.from_iterable([_expanded(Path(path)) for path in paths])
        with ThreadPoolExecutor(self.threads) as pool:
            waiting = pool.map(self._read, islice(files, self.batch))
            while read := list(waiting):
                waiting = pool.map(self._read, islice(files, self.batch))
                yield from self._answers(read)

    def _read(self, file: _File) -> tuple[str, NDArray[np.uint8] | None, Record]:
        (place, shown), preprocess = file, self.model.preprocess
        image, record = decode(
            place, shown, preprocess=preprocess, largest_megabytes=self.largest_megabytes
        )
        return shown, None if image is None else preprocess.picture(image), record

    def _answers(
        self, read: list[tuple[str, NDArray[np.uint8] | None, Record]]
    ) -> Iterator[Prediction]:
        pixels = [picture for _, picture, _ in read if picture is not None]
        rows = iter(self._probabilities(pixels))
        for path, picture, record in read:
            if picture is None:
                (reason,) = record.findings[:1]
                detail = f": {reason.detail}" if reason.detail else ""
                yield Prediction(path, error=f"{reason.kind}{detail}")
                continue
            notes, answer = tuple(finding.kind for finding in record.findings), next(rows)
            if not np.isfinite(answer).all():
                yield Prediction(path, notes=notes, error="the network's answer is not finite")
                continue
            top = self._best(answer)
            yield Prediction(path, *top[0], top, notes)

    def _probabilities(self, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Pictures of (size, size, channels) -> (N, classes)."""
        if not pixels:
            return np.empty((0, len(self.model.class_names)), dtype=np.float32)
        logits = self.model.logits(torch.from_numpy(np.stack(pixels)))
        return classification.probabilities(logits).cpu().numpy()

    def _best(self, probabilities: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-probabilities, kind="stable")[: self.top]
        return tuple((self.model.class_names[i], float(probabilities[i])) for i in order)


def _expanded(path: Path) -> Iterable[_File]:
    """A file, or those of a folder or an address, with the names that predictions carry."""
    # A Path raises where a parent may not be entered; a folder that may not becomes an error's row.
    if os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112
        if is_shards(path):
            return _packed(read_shards(path), str(path))
        return ((path / name, str(path / name)) for name in unlabelled(path))
    if home := address(path):
        return _packed(read_shards(path, home), home)
    if not os.path.lexists(path):
        raise DataError(f"{printable(str(path))}: no such file or folder")
    return [(path, str(path))]


def _packed(listing: Listing, home: str) -> Iterable[_File]:
    shards = listing.shards
    assert shards is not None
    return (
        (shards.where(row), f"{home}/{picture.path}")
        for row, picture in enumerate(listing.pictures)
    )
