"""Targets beside shards, of kinds that are no class: an array with a row for each image.

Version 2 of shards.json holds their specification, and name, size and SHA-256 of that array; the
class of an image stands in the index, as in version 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import NEEDS, TargetSpec
from striate.data.listing.targets import Targets
from striate.data.shards.format import TARGETS
from striate.data.shards.tar import HashedTar
from striate.data.targets.label_sets import LabelSets
from striate.data.targets.numbers import NumberTargets
from striate.errors import DataError, printable
from striate.storage import ARRAY_DAMAGE

#: kind of targets -> what holds the array, and its element type
_KINDS: Mapping[str, tuple[Callable[[TargetSpec, NDArray[Any]], Targets], str]] = {
    "labels": (LabelSets, "uint8"),
    "numbers": (NumberTargets, "float64"),
}


def check_packable(spec: TargetSpec, shown: str) -> None:
    """Raise DataError for targets of the folder `shown` that shards cannot hold."""
    if spec.kind not in ("label", *_KINDS):
        raise DataError(
            f"{shown}: shards hold classes, labels and numbers, but these images have "
            f"{NEEDS[spec.kind]} each; give train the folder itself"
        )


def write_targets(folder: Path, targets: Targets) -> dict[str, Any]:
    """Write the array; return what shards.json holds of it."""
    with HashedTar(folder / TARGETS) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(targets.values), allow_pickle=False)
    return {"targets": targets.spec.to_json(), "targets_file": file.summary()}


def read_spec(values: Mapping[str, Any]) -> TargetSpec:
    """Return the specification in shards.json. Raises ValueError if it is none."""
    kind, names = values["kind"], values["names"]
    if kind not in _KINDS or not names or len(set(names)) < len(names):
        raise ValueError(kind)
    return TargetSpec(kind, tuple(map(str, names)))


def read_targets(file: Path, spec: TargetSpec, images: int) -> Targets:
    """Memory-map the array of `images` rows. Raises DataError if it is another."""
    make, dtype = _KINDS[spec.kind]
    try:
        values = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, *ARRAY_DAMAGE) as error:
        raise DataError(f"{printable(str(file))}: no array; copy it again") from error
    wanted = (images, len(spec.names))
    if values.dtype != dtype or values.shape != wanted:
        raise DataError(
            f"{printable(str(file))}: expected {dtype} of shape {wanted}, found "
            f"{values.dtype.name} of shape {values.shape}; copy it again"
        )
    return make(spec, values.view(np.ndarray))
