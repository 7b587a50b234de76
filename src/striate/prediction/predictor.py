"""Predictor: class probabilities of a trained network for images from any source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.cache.read_files import File, read_files
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.listing.samples import Finding
from striate.distributed.launch import usable_cores
from striate.model import Model
from striate.prediction.inputs import Made, sources
from striate.tasks import classification
from striate.text import format_percent, html_table


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted classes of one image, or the error that prevented a prediction."""

    path: str
    class_name: str = ""  #: the most probable class; "" with an error
    probability: float = 0.0  #: of that class, 0 to 1
    top: tuple[tuple[str, float], ...] = ()  #: (class, probability), most probable first
    notes: tuple[str, ...] = ()  #: preprocessing applied: "rotated", "transparency", ...
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; undecodable bytes in the path are surrogates."""
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
            return html_table([("image", "why it was not read"), (self.path, self.error)], (0, 1))
        rows = [(name, format_percent(share)) for name, share in self.top]
        return html_table([(self.path, "confidence"), *rows], left=(0,))


@dataclass(frozen=True)
class Predictor:
    """A model with its inference settings; worker processes decode images ahead of the network."""

    model: Model
    top: int = 3
    batch: int = 64
    largest_megabytes: int = LARGEST_MEGABYTES
    threads: int = field(default_factory=usable_cores)
    seconds: float = 20.0  #: time limit for decoding an image

    def predict(self, data: Iterable[Any]) -> Iterator[Prediction]:
        """Yield one prediction per image, in the given order.

        An input is a path, an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8 or of
        floats from 0 to 1, a batch (N, H, W, C), a PIL image, or a list of any of these. Folders
        and shards are expanded to their images. Raises DataError for a missing path or a folder
        without images, OptionError for other types; an unreadable file yields a prediction with
        an error.
        """
        for made, group in groupby(sources(data), key=lambda source: isinstance(source, Made)):
            some: Iterator[Any] = group
            yield from self._made(some) if made else self._files(some)

    def _files(self, files: Iterable[File]) -> Iterator[Prediction]:
        for read in read_files(
            files,
            self.model.preprocess,
            batch=self.batch,
            workers=self.threads,
            largest_megabytes=self.largest_megabytes,
            seconds=self.seconds,
        ):
            yield from self._answers(
                [(one.file.shown, one.pixels, one.record.findings) for one in read]
            )

    def _made(self, made: Iterable[Made]) -> Iterator[Prediction]:
        todo = iter(made)
        while some := list(islice(todo, self.batch)):
            fit = self.model.preprocess.to_array
            yield from self._answers([(one.shown, fit(one.image), one.findings) for one in some])

    def _answers(
        self, read: list[tuple[str, NDArray[np.uint8] | None, Sequence[Finding]]]
    ) -> Iterator[Prediction]:
        pixels = [image for _, image, _ in read if image is not None]
        rows = iter(self._probabilities(pixels))
        for path, image, findings in read:
            if image is None:
                (reason,) = findings[:1]
                detail = f": {reason.detail}" if reason.detail else ""
                yield Prediction(path, error=f"{reason.kind}{detail}")
                continue
            notes, answer = tuple(finding.kind for finding in findings), next(rows)
            if not np.isfinite(answer).all():
                yield Prediction(path, notes=notes, error="the network's answer is not finite")
                continue
            top = self._best(answer)
            yield Prediction(path, *top[0], top, notes)

    def _probabilities(self, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return probabilities (N, classes) of images (size, size, channels)."""
        if not pixels:
            return np.empty((0, len(self.model.class_names)), dtype=np.float32)
        logits = self.model.logits(torch.from_numpy(np.stack(pixels)))
        return classification.probabilities(logits).cpu().numpy()

    def _best(self, probabilities: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-probabilities, kind="stable")[: self.top]
        return tuple((self.model.class_names[i], float(probabilities[i])) for i in order)
