"""Predictor: answers of a trained network for images from any source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice, tee
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.read_files import File, Read, read_files, read_whole
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.listing.samples import IGNORE, Finding
from striate.data.signals.signal_input import SignalInput
from striate.distributed.launch import usable_cores
from striate.prediction.engine import Engine, WholeEngine
from striate.prediction.inputs import Made, sources
from striate.prediction.signals import GivenSignal, sequence_sources, signal_sources
from striate.tasks.results import Answer
from striate.text import html_table


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is predicted of one image, or the error that prevented a prediction.

    The fields of the answer are read from the prediction too. For a classifier these are
    `class_name`, the most probable class ("" with an error), its `probability` (0 to 1), and
    `top`, pairs of class and probability, most probable first.
    """

    path: str
    answer: Answer  #: of the model's task; blank with an error
    notes: tuple[str, ...] = ()  #: preprocessing applied: "rotated", "transparency", ...
    error: str = ""

    def __getattr__(self, name: str) -> Any:
        """Return a field or property of the answer. Raises AttributeError."""
        fields = getattr(self.answer, "__dataclass_fields__", ()) if name != "answer" else ()
        if name in fields or (fields and isinstance(getattr(type(self.answer), name, 0), property)):
            return getattr(self.answer, name)
        raise AttributeError(f"a prediction has no {name!r}")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; undecodable bytes in the path are surrogates."""
        answer = self.answer.to_json()
        return {"path": self.path, **answer, "notes": list(self.notes), "error": self.error}

    def _repr_html_(self) -> str:
        if self.error:
            return html_table([("image", "why it was not read"), (self.path, self.error)], (0, 1))
        (_, head), *rows = self.answer.details()
        return html_table([(self.path, head), *rows], left=(0,))


@dataclass(frozen=True)
class Predictor:
    """A model with its inference settings; worker processes decode images ahead of the network."""

    model: Engine
    top: int = 3
    batch: int = 64
    largest_megabytes: int = LARGEST_MEGABYTES
    threads: int = field(default_factory=usable_cores)
    seconds: float = 20.0  #: time limit for decoding an image
    #: predicts maps at the size of the image itself; None: at that of the training images
    full_size: WholeEngine | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns of an answer in a CSV file."""
        return self.model.task.blank.csv_columns

    def predict(self, data: Iterable[Any]) -> Iterator[Prediction]:
        """Return an iterator over one prediction per image, in the given order.

        An input is a path, an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8 or of
        floats from 0 to 1, a batch (N, H, W, C), a PIL image, or a list of any of these. Folders
        and shards are expanded to their images. Raises DataError for a missing path or a folder
        without images, OptionError for other types; an unreadable file yields a prediction with
        an error. A model of signals takes paths of these, and arrays (L,), (L, C) or (N, L, C).
        """
        return self.answer(self.sources(data))

    def sources(self, data: Iterable[Any]) -> Iterator[File | Made | GivenSignal]:
        """Return the images, or signals, of the data: what `answer` takes. Raises as `predict`."""
        view = self.model.preprocess
        if view.inputs == "image":
            return sources(data)
        return sequence_sources(data) if view.inputs == "sequence" else signal_sources(data, view)

    def answer(self, given: Iterator[Any]) -> Iterator[Prediction]:
        """Yield the predictions of images or signals, computed in batches."""
        if self.model.preprocess.inputs != "image":
            while some := list(islice(given, self.batch)):
                yield from self._answers(list(map(self._fitted, some)))
            return
        if self.full_size is not None:
            yield from map(self._whole, given)
            return
        for made, group in groupby(given, key=lambda source: isinstance(source, Made)):
            some = iter(group)
            yield from self._made(some) if made else self._files(some)

    def _fitted(self, given: GivenSignal) -> _Input:
        signal = given.signal
        if signal is None:
            return _Input(given.shown, None, given.findings, (0, 0))
        views = (view for view in self.model.views if isinstance(view, SignalInput))
        rows = tuple(view.fit_signal(signal) for view in views)
        return _Input(given.shown, rows, given.findings, (len(signal), 1))

    def _whole(self, source: File | Made) -> Prediction:
        assert self.full_size is not None
        if isinstance(source, Made):
            return self._answer(
                source.shown, self.full_size.decode(np.asarray(source.image)), source.findings
            )
        pixels, record = read_whole(source, self.largest_megabytes, self.seconds)
        decoded = None if pixels is None else self.full_size.decode(pixels)
        return self._answer(source.shown, decoded, record.findings)

    def _files(self, files: Iterable[File]) -> Iterator[Prediction]:
        views = self.model.views
        reading = [
            read_files(
                same,
                view,
                batch=self.batch,
                workers=self.threads,
                largest_megabytes=self.largest_megabytes,
                seconds=self.seconds,
            )
            for same, view in zip(tee(files, len(views)), views, strict=True)
        ]
        for read in zip(*reading, strict=True):
            yield from self._answers([_input(ones) for ones in zip(*read, strict=True)])

    def _made(self, made: Iterable[Made]) -> Iterator[Prediction]:
        todo = iter(made)
        while some := list(islice(todo, self.batch)):
            views = self.model.views
            yield from self._answers(
                [
                    _Input(
                        one.shown,
                        tuple(view.to_array(one.image) for view in views),
                        one.findings,
                        one.image.size,
                    )
                    for one in some
                ]
            )

    def _answers(self, inputs: Sequence[_Input]) -> Iterator[Prediction]:
        """Yield the predictions of a batch, restored to the size of their images."""
        usable = [one.pixels for one in inputs if one.pixels is not None]
        rows = iter(())
        if usable:
            seen = map(np.stack, zip(*usable, strict=True))
            rows = zip(*self.model.decode_and_reject(*seen), strict=True)
        for one in inputs:
            row, rejected = (None, False) if one.pixels is None else next(rows)
            yield self._answer(one.shown, row, one.findings, one.size, rejected=rejected)

    def _answer(
        self,
        shown: str,
        decoded: NDArray[Any] | None,
        findings: Sequence[Finding],
        size: tuple[int, int] | None = None,
        *,
        rejected: bool = False,
    ) -> Prediction:
        """Return the prediction of what is decoded, restored to `size` unless that is None."""
        task = self.model.task
        if decoded is None:
            (reason,) = findings[:1]
            detail = f": {reason.detail}" if reason.detail else ""
            return Prediction(shown, task.blank, error=f"{reason.kind}{detail}")
        notes = tuple(finding.kind for finding in findings)
        if not np.isfinite(decoded).all() or (task.head == "map" and (decoded == IGNORE).any()):
            return Prediction(shown, task.blank, notes, "the network's answer is not finite")
        if size is not None:
            decoded = task.restore(decoded, self.model.preprocess, size)
        answer = task.reject if rejected else task.answer
        return Prediction(shown, answer(decoded, self.top), notes)


@dataclass(frozen=True, slots=True)
class _Input:
    """An image in each view of the model, (size, size, channels); None if it is unusable."""

    shown: str
    pixels: tuple[NDArray[Any], ...] | None
    findings: Sequence[Finding]
    size: tuple[int, int]  #: width and height of the image


def _input(reads: Sequence[Read]) -> _Input:
    """Return what was read of a file for each view; the first failure, if there is one."""
    pixels = tuple(read.pixels for read in reads if read.pixels is not None)
    told = next((read for read in reads if read.pixels is None), reads[0])
    size = told.record.width, told.record.height
    usable = pixels if len(pixels) == len(reads) else None
    return _Input(told.file.shown, usable, told.record.findings, size)
