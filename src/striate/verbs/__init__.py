"""The Python API, one function per command, imported on first use: most need torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.verbs.answering import predict as predict
    from striate.verbs.checking import check as check
    from striate.verbs.comparing import compare as compare
    from striate.verbs.forecasting import forecast as forecast
    from striate.verbs.invariance import measure_invariance as measure_invariance
    from striate.verbs.judging import evaluate as evaluate
    from striate.verbs.judging import evaluate_in_full as evaluate_in_full
    from striate.verbs.judging import evaluate_pair as evaluate_pair
    from striate.verbs.looking import compare_networks as compare_networks
    from striate.verbs.looking import describe as describe
    from striate.verbs.looking import memory as memory
    from striate.verbs.looking import networks as networks
    from striate.verbs.predicting import predict_to_file as predict_to_file
    from striate.verbs.training import find_rate as find_rate
    from striate.verbs.training import stream as stream
    from striate.verbs.training import train as train
    from striate.verbs.training import verify as verify

_FILES = {
    "checking": ("check",),
    "forecasting": ("forecast",),
    "comparing": ("compare",),
    "looking": ("compare_networks", "describe", "memory", "networks"),
    "training": ("find_rate", "stream", "train", "verify"),
    "invariance": ("measure_invariance",),
    "judging": ("evaluate", "evaluate_in_full", "evaluate_pair"),
    "predicting": ("predict_to_file",),
    "answering": ("predict",),
}
_HOMES = {name: f"striate.verbs.{file}" for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"striate.verbs has no {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
