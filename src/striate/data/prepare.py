"""From a folder to prepared images: scan, decode, look for problems, split, and statistics."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.decode_all import decode_records
from striate.data.cache.decoded import prepare_cache
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Records, rows_in_split
from striate.data.listing.listing import DecodedImages, Listing
from striate.data.listing.near_duplicates import find_near_duplicates
from striate.data.listing.samples import SPLITS, UNUSABLE, Finding, Leaked
from striate.data.listing.splits import SplitFractions, assign_splits
from striate.data.readers.scan import scan
from striate.data.signals.signal_input import SignalInput
from striate.data.targets.problems import find_problems, find_training_problems
from striate.errors import DataError, OptionError, printable
from striate.progress import Progress

_STATISTICS_FROM = 2000  #: most training images for mean and std
_AT_ONCE = 256  #: of them in memory at once


@dataclass(frozen=True)
class PreparedImages:
    """The decoded and split images of a folder, and how they become a network's input."""

    root: Path  #: as passed in
    decoded: DecodedImages
    preprocess: Preprocess
    fractions: SplitFractions
    left_out: tuple[Finding, ...]  #: files that cannot be used

    def counts(self) -> dict[str, int]:
        """Return split -> number of images."""
        splits = np.bincount(self.decoded.samples.splits, minlength=len(SPLITS))
        return dict(zip(SPLITS, splits.tolist(), strict=False))


def record_images(data: str | Path) -> Generator[Progress, None, tuple[Listing, Records]]:
    """Scan a folder and decode every image for its record only; yield progress after each."""
    listing = scan(data)
    records = yield from decode_records(listing, quality=True)
    return listing, records


def scan_images(
    data: str | Path,
    kind: str | None = None,
    *,
    leave_out: Path | None = None,
    group: str | None = None,
    loose: bool = False,
    window: int | None = None,
    trainable: bool = False,
) -> Listing:
    """Scan a folder as `scan` does, for targets of a kind, or of the kind that it says itself.

    Raises DataError if it has no image or, if `trainable`, another problem.
    """
    listing = scan(data, kind, leave_out=leave_out, group=group, loose=loose, window=window)
    if trainable or not listing.samples:
        _raise_first(data, find_problems(listing))
    return listing


def scan_as_trained(
    data: str | Path,
    kind: str | None,
    fractions: SplitFractions,
    leave_out: Path | None = None,
    *,
    loose: bool = False,
    window: int | None = None,
) -> Listing:
    """Scan a folder with the groups that a training had, or without them if these data have none.

    Raises DataError as `scan_images` does.
    """
    scan_with = partial(scan_images, data, kind, leave_out=leave_out, loose=loose, window=window)
    if fractions.group:
        with contextlib.suppress(DataError, OptionError):
            return scan_with(group=fractions.group)
    return scan_with()


def prepare_images(
    data: Path,
    listing: Listing,
    preprocess: Preprocess,
    fractions: SplitFractions,
    *,
    leaked: Leaked = "keep",
    largest_megabytes: int = LARGEST_MEGABYTES,
    trainable: bool = False,
    skip_unusable: bool = True,
) -> Generator[Progress, None, PreparedImages]:
    """Decode the images of a listing into the cache, and split them.

    If `trainable`, mean and std become those of the training images, unless they are given. Raises
    DataError if no image is usable or, if `trainable`, for another problem; also for an unusable
    one that is not skipped.
    """
    _raise_first(data, [*_find_mismatches(listing, preprocess)])
    decoded = yield from prepare_cache(listing, preprocess, largest_megabytes=largest_megabytes)
    left_out = tuple(finding for finding in decoded.findings if finding.kind in UNUSABLE)
    if left_out and not skip_unusable:
        first, more = left_out[0], len(left_out) > 1
        count = f"one of {len(left_out):,} files" if more else "the only file"
        _raise_first(data, [f"{printable(first.path)}: {first.kind}, {count} that cannot be used"])
    if trainable:
        found = find_training_problems(
            listing, decoded.samples, decoded.targets, decoded.records, leaked
        )
        _raise_first(data, found)
    near = find_near_duplicates(decoded.records.table["thumbnail"])
    decoded = replace(assign_splits(decoded, fractions, leaked), near=near)
    if trainable:
        odd = decoded.targets.findings(decoded.samples)
        decoded = replace(decoded, findings=(*decoded.findings, *odd))
        if not preprocess.mean:
            preprocess = preprocess.with_statistics(_train_images(decoded))
    return PreparedImages(data, decoded, preprocess, fractions, left_out)


def _find_mismatches(listing: Listing, preprocess: Preprocess) -> Iterator[str]:
    """Yield why the images of a listing are not what the network takes."""
    if listing.inputs != preprocess.inputs:
        yield f"holds {listing.inputs}s, but the model takes {preprocess.inputs}s"
    elif isinstance(preprocess, SignalInput) and (other := preprocess.other_rate(listing.rate)):
        yield f"the model learned at another rate: {other}; resample the records, or train on them"


def _raise_first(data: str | Path, problems: Sequence[str]) -> None:
    if problems:
        raise DataError(f"{printable(str(data))}: {problems[0]}")


def _train_images(decoded: DecodedImages) -> Iterator[NDArray[np.uint8]]:
    """Yield at most 2,000 training images, evenly spaced."""
    rows = rows_in_split(decoded.samples, "train")
    chosen = rows[:: -(-len(rows) // _STATISTICS_FROM)]
    for start in range(0, len(chosen), _AT_ONCE):
        yield from decoded.pixels[chosen[start : start + _AT_ONCE]]
