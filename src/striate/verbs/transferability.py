"""`striate transferability`: what the first stages of a network trained on A are worth on B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from striate.options import TransferabilityOptions
from striate.studies.transfer.result import Transferability
from striate.studies.transferability import run_study
from striate.verbs import display


def transferability(
    a: str | Path, b: str | Path | None = None, *, progress: bool = False, **options: Any
) -> Transferability:
    """Measure how far the stages of a network trained on A serve B, after Yosinski et al. 2014.

    Options are those of `striate transferability`; with `classes_of_a` one folder is split by its
    classes. Trains networks on A and on B, and on B with the first n stages of either, frozen and
    fine-tuned, for each n and seed. The folder of the study holds all runs, the plot and the
    figures; a study that was stopped there goes on. Raises DataError, OptionError, StorageError,
    BusyError or DivergedError.

    >>> striate.transferability("animals", "machines", epochs=10).advice  # doctest: +SKIP
    'Transfer helps: keep the first 2 stages of A (stem, stage1) frozen: ...'
    """
    chosen = TransferabilityOptions.read(options)
    chosen.check_sides(b)
    work = run_study(Path(a), None if b is None else Path(b), chosen)
    return display.show_study(work, None if progress else Console(quiet=True))
