"""Options that take one of a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

Network = str | Callable[..., Any]  #: a name; in Python a module, too, or what makes one
Fit = Literal["letterbox", "crop", "stretch"]
Augment = Literal["none", "light", "standard", "strong"]
Colour = Literal["grey", "rgb"]
Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
Layout = Literal["auto", "channels-last", "channels-first"]
Asked = Literal["auto", "yes", "no"]
Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Optimiser = Literal[
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw",
    "lamb", "lars", "lion", "muon",
]  # fmt: skip
#: option -> the optimisers that it tunes
TUNED: dict[str, tuple[Optimiser, ...]] = {
    "momentum": ("momentum", "nesterov", "rmsprop", "lars", "muon"),
    "betas": ("adam", "adamw", "lamb", "lion", "muon"),
    "eps": ("adagrad", "rmsprop", "adam", "adamw", "lamb", "muon"),
}
Schedule = Literal["constant", "step", "cosine", "one-cycle", "plateau"]
BatchNorm = Literal["synchronised", "local"]
Balance = Literal["none", "weights", "sampling"]
Leaked = Literal["keep", "drop"]
PartChoice = Literal["train", "validation", "test", "all"]
