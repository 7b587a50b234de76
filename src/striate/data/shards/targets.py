"""Targets beside shards, of kinds that are no class: an array with a row for each image.

Version 2 of shards.json holds their specification, and name, size and SHA-256 of that array; the
class of an image stands in the index, as in version 1. Masks are files in the shards: the array
tells where, and of which classes their pixels are; shards.json, what the codes in them stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import Targets
from striate.data.shards.format import TARGETS, mask_entry
from striate.data.shards.tar import HashedTar
from striate.data.targets.boxes import CLASS, IGNORED, BoxTargets
from striate.data.targets.images import NoTargets
from striate.data.targets.label_sets import LabelSets
from striate.data.targets.numbers import NumberTargets
from striate.errors import DataError, printable
from striate.storage import ARRAY_DAMAGE

#: kind of targets -> what holds the array, and its element type
_KINDS: Mapping[str, tuple[Callable[[TargetSpec, NDArray[Any]], Targets], str]] = {
    "labels": (LabelSets, "uint8"),
    "numbers": (NumberTargets, "float64"),
    "image": (lambda spec, values: NoTargets(spec, len(values)), "uint8"),
    "boxes": (BoxTargets.of, "float32"),
}

_WHITE = 0xFFFFFF  #: the greatest code of a mask


def write_targets(folder: Path, targets: Targets, masks: NDArray[np.void] | None) -> dict[str, Any]:
    """Write the array, which is `masks` if there are any; return what shards.json holds of it."""
    values = targets.values if masks is None else masks
    with HashedTar(folder / TARGETS) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
    codes = {} if targets.files is None else {"codes": asdict(targets.files.codes)}
    return {"targets": targets.spec.to_json(), "targets_file": file.summary(), **codes}


def read_spec(values: Mapping[str, Any]) -> TargetSpec:
    """Return the specification in shards.json. Raises ValueError if it is none."""
    kind, names = values["kind"], values["names"]
    named = bool(names) != (kind in ("image", "pair"))
    if kind not in (*_KINDS, "mask", "pair") or not named or len(set(names)) < len(names):
        raise ValueError(kind)
    names = tuple(map(str, names))
    if kind != "mask" or "colors" not in values["constants"]:
        return TargetSpec(kind, names)
    colors = tuple(map(float, values["constants"]["colors"]))
    if len(colors) != 3 * len(names) or not set(colors) <= set(range(256)):
        raise ValueError(colors)
    return TargetSpec(kind, names, {"colors": colors})


def read_codes(values: Mapping[str, Any], spec: TargetSpec) -> MaskCodes:
    """Return the codes of masks in shards.json; of pairs, that there are none.

    Raises ValueError if one is of no class.
    """
    grays, colors = (
        tuple((int(code), int(index)) for code, index in values[name])
        for name in ("values", "colors")
    )
    classes, known = len(spec.names), {*range(len(spec.names)), IGNORE}
    strange = any(index not in known for _, index in (*grays, *colors))
    strange |= any(not 0 <= code <= _WHITE for code, _ in (*grays, *colors))
    if strange or classes >= IGNORE or bool(grays or colors) != (spec.kind == "mask"):
        raise ValueError(values)
    return MaskCodes(grays, colors)


def read_targets(file: Path, spec: TargetSpec, images: int) -> Targets:
    """Memory-map labels or numbers of `images`, or read their boxes.

    Raises DataError if the array is another, or has values that cannot be.
    """
    make, dtype = _KINDS[spec.kind]
    if spec.kind == "boxes":
        return make(spec, _read_boxes(file, spec, images))
    values = _read_array(file, dtype, (images, len(spec.names)))
    wrong, expected = (
        (values > 1, "0 or 1")
        if spec.kind == "labels"
        else (np.isinf(values), "a finite number, or NaN where it is missing")
    )
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        raise DataError(
            f"{printable(str(file))}: row {row:,}, {printable(repr(spec.names[column]))}: expected "
            f"{expected}, found {values[row, column]}; pack the images anew"
        )
    return make(spec, values)


def _read_boxes(file: Path, spec: TargetSpec, images: int) -> NDArray[np.float32]:
    """Read boxes (N, M, 6). Raises DataError if the array is another, or a box cannot be."""
    values = _read_array(file, "float32", (images, None, 6))
    classes, ignored = values[..., CLASS], values[..., IGNORED]
    known = np.isfinite(values).all(axis=2) & np.isin(classes, np.arange(-1, len(spec.names)))
    known &= np.isin(ignored, (0, 1)) & (values[..., :CLASS] >= 0).all(axis=2)
    known &= (classes < 0) | (values[..., 2:CLASS] > values[..., :2]).all(axis=2)
    if not known.all():
        row, box = np.unravel_index(known.argmin(), known.shape)
        raise DataError(
            f"{printable(str(file))}: row {row:,}, box {box:,}: expected corners in order, a class "
            f"and 0 or 1, found {' '.join(f'{value:g}' for value in values[row, box])}; pack the "
            "images anew"
        )
    return values


def read_masks(file: Path, spec: TargetSpec, images: int) -> NDArray[np.void]:
    """Memory-map what is known of the masks. Raises DataError if the array is another."""
    return _read_array(file, mask_entry(len(spec.names)), (images,))


def _read_array(file: Path, dtype: DTypeLike, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Memory-map an array, of which a side that is None may have any length."""
    try:
        values = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, *ARRAY_DAMAGE) as error:
        raise DataError(f"{printable(str(file))}: no array; copy it again") from error
    sides = zip(values.shape, shape, strict=False)
    fits = values.ndim == len(shape) and all(
        side == wanted or wanted is None for side, wanted in sides
    )
    if values.dtype != dtype or not fits:
        raise DataError(
            f"{printable(str(file))}: expected {np.dtype(dtype).name} of shape {shape}, found "
            f"{values.dtype.name} of shape {values.shape}; copy it again"
        )
    return values.view(np.ndarray)
