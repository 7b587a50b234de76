"""API function that measures what distortions do to the answers of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from striate.errors import OptionError
from striate.evaluation.invariance import MOST_IMAGES, measure_steps
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.known import Judged, Known, run_of
from striate.model import Ensemble, Model
from striate.options import EvaluateOptions
from striate.verbs import display
from striate.verbs.judging import own_images
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
    judged = dict[str, Judged]()
    for number, each in enumerate(given, 1):
        loaded = loaded_model(each, chosen)
        run = None if isinstance(each, Model | Ensemble) else run_of(each)
        shown = str(each) if run else loaded.network_name
        shown = shown if shown not in judged else f"{shown} ({number})"
        known = Known.of(run) if run else None
        judged[shown] = Judged(loaded, shown, known, own_images(run, data, needed=True))
    work = measure_steps(list(judged.values()), Path(data), chosen, most=images, seed=seed)
    return display.show_progress(work, None if progress else Console(quiet=True))
