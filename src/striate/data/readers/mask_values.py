"""Classes of masks that no table names: they are numbered by the values that the masks hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from striate import storage
from striate.cache_store import cache_folder, describe
from striate.data.cache.decode_all import decode_all
from striate.data.cache.decoded import entry_key
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.masks import MaskCodes, MaskFiles, index_codes
from striate.data.listing.samples import IGNORE, Finding
from striate.data.listing.target_spec import TargetSpec
from striate.data.readers.class_table import ClassTable
from striate.data.targets.masks import MaskTargets
from striate.errors import DataError, StorageError, printable

_MOST = 64  #: more values than this are no classes
_VALUES = "values.json"  #: of a cache entry: the values in the masks


def number_classes(
    root: Path, images: Samples, masks: Sequence[str]
) -> tuple[ClassTable, list[int]]:
    """Return a class for each value that occurs in the masks, called by it, and the values.

    255 is of no class. Every mask is decoded, once: the cache keeps the values. Raises DataError
    if the masks hold colors, or too many values.
    """
    codes = index_codes(IGNORE)
    spec = TargetSpec("mask", tuple(map(str, range(IGNORE))))
    listing = Listing(root, "masks", MaskTargets(spec, MaskFiles(masks, codes)), images)
    seen = _read_values(listing)
    if seen <= {0, IGNORE} or _is_spread(seen):  # left to decoding, which names such masks
        count = len(seen | {0, IGNORE})
        return ClassTable(tuple(map(str, range(count))), index_codes(count)), sorted(seen)
    values = sorted(seen - {IGNORE})
    pairs = (*((value, at) for at, value in enumerate(values)), (IGNORE, IGNORE))
    return ClassTable(tuple(map(str, values)), MaskCodes(pairs)), values


def _read_values(listing: Listing) -> set[int]:
    """Return the values in the masks, from the cache if these files were read before."""
    home = None
    with contextlib.suppress(StorageError, KeyError, TypeError):  # none, or a damaged one
        key = entry_key(listing, Preprocess(1, 1), LARGEST_MEGABYTES)
        home = cache_folder(None) / f"{key}-values"
        return set(storage.read_json(home / _VALUES)["values"])
    seen = _decode_values(listing)
    if home is not None:
        with contextlib.suppress(StorageError, OSError):
            home.mkdir(exist_ok=True)
            describe(home, f"{listing.root}, values of masks")
            storage.write(home / _VALUES, json.dumps({"values": sorted(seen)}))
    return seen


def _decode_values(listing: Listing) -> set[int]:
    """Return the values in the masks. Raises DataError for colors, or too many values."""
    assert listing.masks is not None
    root = printable(str(listing.root))
    seen, most = set[int](), (0, "")
    for row, record in decode_all(listing):
        _refuse_colors(root, record.findings)
        if record.usable and record.mask is not None:
            values = {index for index, _ in record.mask.pixels}
            seen |= values
            most = max(most, (len(values), listing.masks.paths[row]))
    if len(seen - {IGNORE}) > _MOST:
        raise DataError(
            f"{root}: the masks hold {len(seen):,} different values, "
            f"{printable(most[1])} alone {most[0]:,},\nand no table says which are classes; "
            "name them in classes.txt, one a line"
        )
    return seen


def _refuse_colors(root: str, findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.kind == "unknown color":
            raise DataError(
                f"{root}: {printable(finding.path)} holds colors "
                f"({finding.detail}),\nand no table says which class each stands for; "
                "name them in classes.txt, as in 'sky 128 128 128'"
            )


def _is_spread(values: set[int]) -> bool:
    """Return whether the values are class indices multiplied so that the last one is 255."""
    steps = sorted(values)
    count = len(steps) - 1
    return steps in (
        [255 * at // count for at in range(count + 1)],
        [round(255 * at / count) for at in range(count + 1)],
    )
