"""Options of every command: default, unit and help, defined once.

Command-line flags, keyword arguments of the Python functions, TOML recipes and a run's
`options.json` all use these models.
"""

from __future__ import annotations

from striate.options.base import Options, positional, words
from striate.options.choices import (
    Augment,
    AugmentParams,
    AutoYesNo,
    Balance,
    BatchNorm,
    Border,
    ColorMode,
    Fit,
    Leaked,
    MemoryFormat,
    Mode,
    Network,
    OptimizerName,
    Precision,
    Ranges,
    Schedule,
    SplitChoice,
)
from striate.options.compare import CompareOptions
from striate.options.export import ExportOptions, InfoOptions
from striate.options.forecast import ForecastOptions
from striate.options.points import PointsOptions
from striate.options.predict import PredictOptions
from striate.options.serve import ServeOptions
from striate.options.step import StepOptions
from striate.options.train import RateOptions, TrainOptions
from striate.options.transferability import TransferabilityOptions
from striate.options.verbs import (
    CheckOptions,
    DecisionOptions,
    EmbedOptions,
    EnsembleOptions,
    EvaluateOptions,
    FilterOptions,
    GenerateOptions,
    LookOptions,
    PackOptions,
)

__all__ = [
    "Augment",
    "AugmentParams",
    "AutoYesNo",
    "Balance",
    "BatchNorm",
    "Border",
    "CheckOptions",
    "ColorMode",
    "CompareOptions",
    "DecisionOptions",
    "EmbedOptions",
    "EnsembleOptions",
    "EvaluateOptions",
    "ExportOptions",
    "FilterOptions",
    "Fit",
    "ForecastOptions",
    "GenerateOptions",
    "InfoOptions",
    "Leaked",
    "LookOptions",
    "MemoryFormat",
    "Mode",
    "Network",
    "OptimizerName",
    "Options",
    "PackOptions",
    "PointsOptions",
    "Precision",
    "PredictOptions",
    "Ranges",
    "RateOptions",
    "Schedule",
    "ServeOptions",
    "SplitChoice",
    "StepOptions",
    "TrainOptions",
    "TransferabilityOptions",
    "positional",
    "words",
]
