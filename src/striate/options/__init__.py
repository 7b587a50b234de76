"""The options of every verb, each with default, unit and help once.

Flags of the command line, keyword arguments of the Python functions, TOML recipes and the resolved
`options.json` of a run all come from these models.
"""

from __future__ import annotations

from striate.options.base import Options, positional, words
from striate.options.choices import (
    Asked,
    Augment,
    Balance,
    BatchNorm,
    Border,
    Colour,
    Fit,
    Layout,
    Leaked,
    Mode,
    Network,
    Optimiser,
    PartChoice,
    Precision,
    Ranges,
    Schedule,
    VaryOptions,
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
    "Asked",
    "Augment",
    "Balance",
    "BatchNorm",
    "Border",
    "CheckOptions",
    "Colour",
    "EvaluateOptions",
    "FilterOptions",
    "Fit",
    "Layout",
    "Leaked",
    "Mode",
    "Network",
    "Optimiser",
    "Options",
    "PackOptions",
    "PartChoice",
    "Precision",
    "PredictOptions",
    "Ranges",
    "RateOptions",
    "Schedule",
    "TrainOptions",
    "VaryOptions",
    "positional",
    "words",
]
