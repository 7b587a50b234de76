"""Predictions of any number of images, written while they are made."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from itertools import islice

from striate.data.cache.read_files import File
from striate.errors import OptionError, printable
from striate.prediction.inputs import Made
from striate.prediction.parquet import PARQUET, write_parquet
from striate.prediction.predictor import Predictor
from striate.prediction.signals import GivenSignal
from striate.prediction.table import Rows
from striate.prediction.unfinished import ANEW, Mark, Unfinished
from striate.text import count_noun

_SECONDS = 2.0  #: of work that a kill may lose


def write_predictions(
    predictor: Predictor,
    images: Iterator[File | Made | GivenSignal],
    file: Unfinished,
    *,
    raw_csv: bool = False,
) -> Generator[int, None, Mark]:
    """Write the predictions of images; yield how many are written, return what the file holds.

    Those that it holds already are passed over. They end with a batch, so that the batches of the
    others are what they would have been. Raises OptionError if they are other images.
    """
    names = hashlib.sha256()
    done, failed = file.done.images, file.done.failed
    for image in islice(images, done):
        names.update(_encoded(image.shown))
    if done and names.hexdigest() != file.done.names:
        raise OptionError(
            f"{printable(str(file.path))} was begun with other images: the first "
            f"{count_noun(done, 'name')} differ; {ANEW}"
        )
    rows = Rows.of(file.path, predictor.columns, raw_csv=raw_csv)
    if not done:
        file.write(rows.head)
    yield done
    marked = time.monotonic()
    for prediction in predictor.answer(images):
        file.write(rows.text(prediction))
        names.update(_encoded(prediction.path))
        done, failed = done + 1, failed + bool(prediction.error)
        if done % predictor.batch == 0 and time.monotonic() >= marked + _SECONDS:
            file.mark(done, failed, names.hexdigest())
            marked = time.monotonic()
        yield done
    file.mark(done, failed, names.hexdigest())
    file.finish(write_parquet if file.path.suffix.lower() == PARQUET else None)
    return file.done


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape") + b"\0"
