"""API function that predicts any number of images into a file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console

from striate.errors import OptionError, StriateError, printable
from striate.options import PredictOptions
from striate.prediction.predictor import Predictor
from striate.prediction.tables import Columns, expand_tables
from striate.prediction.unfinished import Mark, unfinished
from striate.prediction.writing import write_predictions
from striate.progress import Pace
from striate.text import count_noun
from striate.verbs.answering import check_table, made_by, make_predictor
from striate.verbs.bar import show_pace
from striate.verbs.fleet import predict_on_fleet


def predict_to_file(model: str | Path, *data: Any, progress: bool = False, **options: Any) -> Mark:
    """Predict images as `predict` does, and write the rows to the file `out` meanwhile.

    Memory does not grow with their number. After a kill, the same call goes on where it was, and
    the file is byte for byte that of a call that was not interrupted. Returns how many images the
    file has, and how many of them failed. Raises as `predict`; OptionError for a file that was
    begun with another model, other options or images.
    """
    chosen = PredictOptions.read(options)
    if chosen.out is None or chosen.masks or chosen.overlays:
        raise OptionError("predict_to_file writes one table; name it with out, and no pictures")
    if chosen.on:
        return _show(predict_on_fleet(model, data, chosen), progress=progress)
    check_table(model, data, chosen)
    predictor = make_predictor(model, chosen)
    columns = Columns(chosen.image_column, chosen.name_column)
    images = predictor.sources(expand_tables(data, columns))
    noun = f"{predictor.model.preprocess.inputs}s"
    with unfinished(chosen.out, made_by(model, chosen)) as file:
        if progress and file.done.images:
            told = f"goes on behind {count_noun(file.done.images, noun[:-1])}"
            print(f"{printable(str(chosen.out))}: {told}", file=sys.stderr)
        work = write_predictions(predictor, images, file, raw_csv=chosen.raw_csv)
        total = _Total(predictor, data) if progress and sys.stderr.isatty() else None
        return _show(_paced(work, total, noun), progress=progress)


def _show(work: Generator[Pace, None, Mark], *, progress: bool) -> Mark:
    shown = progress and sys.stderr.isatty()
    return show_pace(work, None if shown else Console(quiet=True))


def _paced(
    work: Generator[int, None, Mark], total: _Total | None, what: str
) -> Generator[Pace, None, Mark]:
    """Yield the number of images done with their pace."""
    with contextlib.closing(work):
        first, begun = next(work), time.monotonic()
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                return end.value
            seconds = time.monotonic() - begun
            yield Pace(done, total and total.found, what, (done - first) / seconds)


class _Total:
    """The number of images, counted beside the work; None until it is known."""

    def __init__(self, predictor: Predictor, data: Sequence[Any]) -> None:
        self.found: int | None = None
        if all(isinstance(each, str | os.PathLike) for each in data):
            Thread(target=self._count, args=(predictor, data), daemon=True).start()

    def _count(self, predictor: Predictor, data: Sequence[Any]) -> None:
        with contextlib.suppress(StriateError):  # told by the work itself
            self.found = sum(1 for _ in predictor.sources(data))
