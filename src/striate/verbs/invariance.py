"""API function that measures what distortions do to the answers of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from striate.errors import OptionError
from striate.evaluation.invariance import MOST_IMAGES, measure_steps
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.known import Known, run_of
from striate.model import Ensemble, Model
from striate.options import EvaluateOptions
from striate.verbs import display
from striate.verbs.using import loaded_model

Source = str | Path | Model | Ensemble


def measure_invariance(
    models: Source | Sequence[Source],
    data: str | Path,
    *,
    images: int = MOST_IMAGES,
    seed: int = 0,
    progress: bool = False,
    **options: Any,
) -> Invariance:
    """Measure score and changed answers of one or several models on distorted images.

    Up to `images` of the split are drawn by `seed`. Options are `split`, `leaked`, `batch`,
    `largest`, `device` and `network` of `striate.options.EvaluateOptions`. Raises what
    `striate.evaluate` raises, and OptionError for models of different tasks.
    """
    chosen = EvaluateOptions.read(options)
    given = [models] if isinstance(models, str | Path | Model | Ensemble) else models
    if not given:
        raise OptionError("measure_invariance needs a model or several, but none came")
    named, known = dict[str, Model | Ensemble](), dict[str, Known | None]()
    for number, each in enumerate(given, 1):
        loaded = loaded_model(each, chosen)
        own = isinstance(each, Model | Ensemble)
        shown = loaded.network_name if own else str(each)
        shown = shown if shown not in named else f"{shown} ({number})"
        named[shown], known[shown] = loaded, None if own else Known.of(run_of(each))
    work = measure_steps(named, Path(data), chosen, most=images, seed=seed, known=known)
    return display.show_progress(work, None if progress else Console(quiet=True))
