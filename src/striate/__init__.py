"""striate turns images into a convolutional network its owner can train, understand and trust.

>>> import striate
>>> run = striate.train("photos")  # doctest: +SKIP
>>> model = striate.load(run.model_file)  # doctest: +SKIP
>>> striate.predict(model, "cat.jpg")  # doctest: +SKIP

Names are loaded when they are first used: importing striate loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.arithmetic import size as size
    from striate.data.check import Inspection as Inspection
    from striate.errors import StriateError as StriateError
    from striate.images.filtering import filter as filter  # noqa: A004
    from striate.images.numbers import numbers as numbers
    from striate.model import Model as Model
    from striate.model_file import load as load
    from striate.options import TrainOptions as TrainOptions
    from striate.prediction.predictor import Prediction as Prediction
    from striate.prediction.table import Predictions as Predictions
    from striate.studies.comparison import Comparison as Comparison
    from striate.summary import Summary as Summary
    from striate.tasks.classification.results import Evaluation as Evaluation
    from striate.training.run import Run as Run
    from striate.verbs import check as check
    from striate.verbs import compare as compare
    from striate.verbs import describe as describe
    from striate.verbs import evaluate as evaluate
    from striate.verbs import evaluate_pair as evaluate_pair
    from striate.verbs import find_rate as find_rate
    from striate.verbs import forecast as forecast
    from striate.verbs import networks as networks
    from striate.verbs import predict as predict
    from striate.verbs import stream as stream
    from striate.verbs import train as train
    from striate.verbs import verify as verify
    from striate.verbs.embed import embed as embed
    from striate.verbs.ensemble import ensemble as ensemble
    from striate.verbs.export import export as export
    from striate.verbs.generate import generate as generate
    from striate.verbs.info import info as info
    from striate.verbs.pack import pack as pack
    from striate.verbs.transferability import transferability as transferability
    from striate.zoo import build as build

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "striate.studies.comparison",
    "Evaluation": "striate.tasks.classification.results",
    "Inspection": "striate.data.check",
    "Model": "striate.model",
    "Prediction": "striate.prediction.predictor",
    "Predictions": "striate.prediction.table",
    "Run": "striate.training.run",
    "StriateError": "striate.errors",
    "Summary": "striate.summary",
    "TrainOptions": "striate.options",
    "build": "striate.zoo",
    "check": "striate.verbs",
    "compare": "striate.verbs",
    "describe": "striate.verbs",
    "embed": "striate.verbs.embed",
    "ensemble": "striate.verbs.ensemble",
    "evaluate": "striate.verbs",
    "evaluate_pair": "striate.verbs",
    "export": "striate.verbs.export",
    "filter": "striate.images.filtering",
    "find_rate": "striate.verbs",
    "forecast": "striate.verbs",
    "generate": "striate.verbs.generate",
    "info": "striate.verbs.info",
    "load": "striate.model_file",
    "networks": "striate.verbs",
    "numbers": "striate.images.numbers",
    "pack": "striate.verbs.pack",
    "predict": "striate.verbs",
    "size": "striate.arithmetic",
    "stream": "striate.verbs",
    "train": "striate.verbs",
    "transferability": "striate.verbs.transferability",
    "verify": "striate.verbs",
}

__all__ = [
    "Comparison",
    "Evaluation",
    "Inspection",
    "Model",
    "Prediction",
    "Predictions",
    "Run",
    "StriateError",
    "Summary",
    "TrainOptions",
    "build",
    "check",
    "compare",
    "describe",
    "embed",
    "ensemble",
    "evaluate",
    "evaluate_pair",
    "export",
    "filter",
    "find_rate",
    "forecast",
    "generate",
    "info",
    "load",
    "networks",
    "numbers",
    "pack",
    "predict",
    "size",
    "stream",
    "train",
    "transferability",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"striate has no {name!r}; it offers {', '.join(_HOMES)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
