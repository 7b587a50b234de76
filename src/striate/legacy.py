"""Words of files that were written under earlier names, as they are now.

A file that holds none of the earlier words comes out as it went in, so that readers need not ask
which version wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_OPTIONS = {
    "photos": "data",
    "optimiser": "optimizer",
    "colour": "color",
    "warm_up": "warmup",
    "clip": "clip_grad",
    "average": "ema",
    "smoothing": "label_smoothing",
    "vary": "augment_params",
    "layout": "memory_format",
    "split": "micro_batches",
    "trial": "autotune",
}
_VALUES = {("color", "grey"): "gray", ("batch_norm", "synchronised"): "synchronized"}
_RANGES = {
    "turn": "rotate",
    "shift": "translate",
    "mirror": "hflip",
    "flip": "vflip",
    "stretch": "aspect",
}
_EVENTS = {
    "pictures": "images",
    "pictures_per_second": "images_per_second",
    "form": "execution",
    "gain": "speedup",
    "processes": "world_size",
}
_FIGURES = {
    "train": {"accuracy", "train_accuracy"},
    "validation": {"validation_accuracy"},
}
_STATE = {
    "right": "correct",
    "told": "warned",
    "saving": "saving_seconds",
    "closed": "last_epoch",
}
_TENSORS = {"optimiser.": "optimizer.", "average.": "ema."}
_MODEL = {"shares": "fractions"}
_PREPROCESS = {"deviation": "std"}
_SAMPLES = {"part": "split"}
_CACHE = {"pictures": "images"}
_FINDINGS = {"not a picture": "not an image"}


def upgrade_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names, choices and ranges of options.json."""
    found = _renamed(values, _OPTIONS)
    for (name, before), now in _VALUES.items():
        if found.get(name) == before:
            found[name] = now
    if isinstance(ranges := found.get("augment_params"), str):
        pattern = rf"\b({'|'.join(_RANGES)})(?=\s*=)"
        found["augment_params"] = re.sub(pattern, lambda word: _RANGES[word[1]], ranges)
    return found


def upgrade_event(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names in a line of events.jsonl; figures of classification stood each under its own name."""
    found = _renamed(values, _EVENTS)
    for split, names in _FIGURES.items():
        for name in names & found.keys():
            found[split] = {"accuracy": found.pop(name)}
    if "classes" in found:
        found |= {"task": "classification", "targets": f"{found.pop('classes'):,} classes"}
        found["figure"] = {"name": "accuracy", "title": "accuracy", "form": "share"}
    return found


def upgrade_sample(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names in a line of pictures.jsonl."""
    return _renamed(values, _SAMPLES)


def upgrade_finding(kind: str) -> str:
    """The kind of a finding that was written down, in shards or beside decoded images."""
    return _FINDINGS.get(kind, kind)


def upgrade_about(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names in what a cache entry says of itself."""
    return _renamed(values, _CACHE)


def upgrade_state(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names in the description of a checkpoint."""
    found = _renamed(values, _STATE)
    if "correct" in found:
        found["sums"] = {"correct": [found.pop("correct")]}
    if (best := found.pop("best_accuracy", -1)) != -1:
        found["best"] = {"accuracy": best}
    if isinstance(epoch := found.get("last_epoch"), dict):
        found["last_epoch"] = upgrade_event(epoch)
    return found


def upgrade_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """Names of the tensors of a checkpoint."""
    found = dict(tensors)
    for before, now in _TENSORS.items():
        found = {
            now + name.removeprefix(before) if name.startswith(before) else name: tensor
            for name, tensor in found.items()
        }
    return found


def upgrade_model(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a model file of format 1, or of a first one of format 2."""
    found = _renamed(description, _MODEL)
    if (names := found.pop("class_names", None)) is not None:
        found["targets"] = {"kind": "label", "names": names, "constants": {}}
    if isinstance(preprocess := found.get("preprocess"), dict):
        found["preprocess"] = _renamed(preprocess, _PREPROCESS)
    return found


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}
