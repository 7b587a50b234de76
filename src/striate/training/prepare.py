"""Data preparation: scan, decode, check and split an image folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from striate.data.cache.decode_all import read_headers
from striate.data.cache.decoded import prepare_cache
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import NO_SPLIT, rows_in_split
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS, UNUSABLE, Finding
from striate.data.listing.splits import SplitFractions, assign_splits
from striate.data.readers.problems import find_problems, reasons
from striate.data.readers.scan import scan
from striate.errors import DataError, printable
from striate.options import TrainOptions
from striate.progress import Progress
from striate.training.events import Note
from striate.training.recipe import View, choose_view

_STATISTICS_FROM = 2000  #: most training images for mean and std
_AT_ONCE = 256  #: of them in memory at once


@dataclass(frozen=True)
class PreparedData:
    """A decoded, checked and split image folder, with the network's input settings."""

    root: Path
    decoded: DecodedImages
    view: View
    preprocess: Preprocess
    fractions: SplitFractions
    left_out: tuple[Finding, ...]

    def counts(self) -> dict[str, int]:
        """Return split -> number of images."""
        splits = np.bincount(self.decoded.samples.splits, minlength=len(SPLITS))
        return dict(zip(SPLITS, splits.tolist(), strict=False))


def prepare_data(data: Path, options: TrainOptions) -> Generator[Progress, None, PreparedData]:
    """Scan, decode, check and split an image folder.

    Raises DataError if it cannot be trained on, OptionError if options conflict.
    """
    listing = scan(data)
    _trainable(data, find_problems(listing.class_names, listing.samples, None, listing.findings))
    asked = options.network and options.size and options.color
    view = choose_view(options, () if asked else read_headers(listing))
    view.check(len(listing.class_names))
    geometry = Preprocess(view.size, view.channels, view.fit)
    decoded = yield from prepare_cache(listing, geometry, largest_megabytes=options.largest)
    left_out = tuple(finding for finding in decoded.findings if finding.kind in UNUSABLE)
    images, records = decoded.samples, decoded.records
    why = reasons(listing, images, records, options.leaked)
    if options.bad_images == "fail" and left_out:
        first, count = left_out[0], f"one of {len(left_out):,} files that cannot be used"
        why = (f"{printable(first.path)} is {first.kind}, {count}", *why)
    _trainable(data, why)
    shares = SplitFractions(options.validation, options.test)
    decoded = assign_splits(decoded, shares, options.leaked)
    return PreparedData(data, decoded, view, _with_statistics(geometry, decoded), shares, left_out)


def _trainable(data: Path, why: Sequence[str]) -> None:
    if why:
        raise DataError(f"{printable(str(data))}: {why[0]}")


def _with_statistics(geometry: Preprocess, decoded: DecodedImages) -> Preprocess:
    """Add per-channel mean and std, from at most 2,000 training images."""
    rows = rows_in_split(decoded.samples, "train")
    chosen = rows[:: -(-len(rows) // _STATISTICS_FROM)]
    moments = [
        cv2.meanStdDev(image)
        for start in range(0, len(chosen), _AT_ONCE)
        for image in decoded.pixels[chosen[start : start + _AT_ONCE]]
    ]
    means, spreads = np.array(moments)[..., 0].swapaxes(0, 1) / 255  # (images, channels) each
    mean = means.mean(axis=0)
    std = np.sqrt((spreads**2 + (means - mean) ** 2).mean(axis=0)).clip(min=1 / 255)
    return replace(geometry, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def notes(dataset: PreparedData) -> Iterator[Note]:
    """Yield notes on cached, unusable and leaked images."""
    if dataset.decoded.note:
        yield Note(dataset.decoded.note)
    if dataset.left_out:
        count = (
            f"{len(dataset.left_out):,} {'file is' if len(dataset.left_out) == 1 else 'files are'}"
        )
        yield Note(f"{count} left out; `striate check` names them and says why")
    if leaked := sum(finding.kind == "leaked" for finding in dataset.decoded.findings):
        count = f"{leaked:,} {'image is' if leaked == 1 else 'images are'}"
        kept = "figures on them will be too good; --leaked drop leaves them out"
        dropped = (dataset.decoded.samples.splits == NO_SPLIT).any()
        yield Note(f"leakage: {count} in an earlier split too: {'left out' if dropped else kept}")
