"""API function that foretells what more training images would bring."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from rich.console import Console

from striate import storage
from striate.data.readers.scan import scan
from striate.evaluation.extrapolate import make_forecast
from striate.evaluation.forecast import Forecast
from striate.evaluation.forecast_file import render_forecast
from striate.evaluation.learning_curve import measure_curve
from striate.evaluation.read_features import read_features
from striate.options import ForecastOptions
from striate.progress import Progress
from striate.tasks import kind_of
from striate.verbs import display


def forecast(data: str | Path, *, progress: bool = False, **options: Any) -> Forecast:
    """Foretell what twice the training images would bring; with `out`, write it to that file.

    Options are those of `striate.options.ForecastOptions`. Linear heads are fitted to features of
    random parts of the training images and judged by the validation images; nothing else is
    trained. Raises DataError, OptionError, ModelError or StorageError.

    >>> striate.forecast("photos").expected.gain  # doctest: +SKIP
    """
    chosen = ForecastOptions.read(options)
    if chosen.out:
        listing = scan(data, kind_of(chosen.task), group=chosen.group)
        storage.check_output(chosen.out, listing.files())
    work = _steps(Path(data), chosen)
    found = display.show_progress(work, None if progress else Console(quiet=True))
    if chosen.out:
        storage.write(chosen.out, render_forecast(found, chosen.out.suffix.lower()))
    return found


def _steps(data: Path, options: ForecastOptions) -> Generator[Progress, None, Forecast]:
    read = yield from read_features(data, options.training())
    points = yield from measure_curve(
        read.train, read.validation, read.task, draws=options.draws, seed=options.seed
    )
    return make_forecast(
        points, read.train, read.validation, read.task, source=read.source, seed=options.seed
    )
