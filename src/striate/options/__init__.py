"""The options of every verb, each with default, unit and help once.

Flags of the command line, keyword arguments of the Python functions, TOML recipes and the resolved
`options.json` of a run all come from these models.
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
from striate.options.train import RateOptions, TrainOptions
from striate.options.verbs import (
    CheckOptions,
    EvaluateOptions,
    FilterOptions,
    PackOptions,
    PredictOptions,
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
    "EvaluateOptions",
    "FilterOptions",
    "Fit",
    "Leaked",
    "MemoryFormat",
    "Mode",
    "Network",
    "OptimizerName",
    "Options",
    "PackOptions",
    "Precision",
    "PredictOptions",
    "Ranges",
    "RateOptions",
    "Schedule",
    "SplitChoice",
    "TrainOptions",
    "positional",
    "words",
]
