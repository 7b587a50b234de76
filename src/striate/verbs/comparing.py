"""API function that compares networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from striate.options import CompareOptions
from striate.studies.compare import compare_steps
from striate.studies.compare_page import write_comparison
from striate.studies.comparison import Comparison
from striate.verbs import display


def compare(
    data: str | Path,
    networks: Sequence[str] | str,
    *,
    progress: bool = True,
    **options: Any,
) -> Comparison:
    """Compare networks on an image folder within a time and return what was found.

    Options are those of `striate.options.CompareOptions`: `minutes` for all trainings together,
    `out` for the folder, and those of every training. The networks are trained by successive
    halving and judged on the same validation images; the test images judge the best one alone,
    once. Where the folder holds the same comparison, unfinished, it goes on. With `progress`,
    events are shown on stderr. Raises DataError, OptionError, StorageError, BusyError or
    DivergedError.

    >>> found = striate.compare("photos", "lenet5,resnet20", minutes=30)  # doctest: +SKIP
    """
    chosen = CompareOptions.read({**options, "networks": networks})
    work = compare_steps(Path(data), chosen)
    found = display.show_study(work, None if progress else Console(quiet=True))
    write_comparison(found)
    return found
