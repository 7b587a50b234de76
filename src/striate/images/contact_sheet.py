"""Contact sheet of augmented training images: the original first, then augmented versions.

Shows the default augmentation of a training run, on images of its training split. Targets that can
be drawn, as masks, are drawn over each image below it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate import storage
from striate.data.augment.mixing import mix_images
from striate.data.augment.plan import apply_plan, make_plan, uniform_samples
from striate.data.augment.ranges import AugmentRanges, augment_ranges, default_level
from striate.data.cache.stream import Stream, decode_rows
from striate.data.decoding.preprocess import Preprocess
from striate.data.full_masks import find_mask_files, resize_masks
from striate.data.listing.columns import Records
from striate.data.listing.listing import DecodedImages, Listing
from striate.data.listing.splits import TRAIN, USUAL, placed
from striate.errors import DataError, printable
from striate.options import CheckOptions, TrainOptions
from striate.plotting.ink import (
    GRAY,
    INK,
    PAPER,
    encode_file,
    font,
    paste_framed,
    shorten,
    text_width,
)
from striate.tasks import bind_task
from striate.tasks.fitness import check_options
from striate.tasks.task import Legend, Task

ROWS, ACROSS = 6, 7  #: images, and augmented versions of each
_SIDE, _GAP, _MARGIN, _TOP, _WORDS, _LINE = 160, 14, 32, 116, 30, 20
_LARGE, _TEXT, _SMALL = 26, 17, 15
_SWATCH = 15  #: side of the square of a color in the legend
_DEGREES = ("rotate", "shear", "hue")


@dataclass(frozen=True)
class Row:
    """One image, and its augmented versions in several epochs."""

    name: str
    images: tuple[NDArray[np.uint8], ...]  #: (H, W, C), the original first
    words: tuple[str, ...]  #: caption below each, of one or two lines
    targets: tuple[NDArray[np.uint8], ...]  #: each with its target over it; empty without any


def draw_sheet(
    data: str | Path, listing: Listing, records: Records, options: CheckOptions
) -> Image.Image:
    """Draw augmented training images of a listing of `data`. Raises DataError if there are none."""
    chosen = _some(_training_rows(listing, records))
    if not len(chosen):
        raise DataError(f"{printable(str(data))}: there are no images to augment")
    channels = int(records.table["channels"][chosen].max())
    view = Preprocess(_SIDE, channels)
    decoded = decode_rows(listing, records, chosen, view)
    targets = _targets(decoded, listing, view)
    strength = options.augment or default_level(channels)
    asked = TrainOptions(augment_params=options.augment_params, mirrored=options.mirrored)
    task = bind_task(options.task, listing.targets.spec)
    check_options(task, asked)
    task = task.configure(asked)
    ranges = task.ranges(augment_ranges(strength, options.augment_params))
    rows = _rows(decoded, targets, task, ranges, options.seed, square=records.square)
    title = f"augment {strength}" + (
        f", augment-params {options.augment_params}" if options.augment_params else ""
    )
    return _drawn(rows, title, describe_ranges(ranges), task.legend(targets))


def _targets(decoded: DecodedImages, listing: Listing, view: Preprocess) -> NDArray[Any]:
    """Return the targets of decoded images as their inputs show them, a row an image."""
    files, every = decoded.targets.files, np.arange(len(decoded))
    if files is None:
        return decoded.targets.placed(view, decoded.records)
    if not files.codes.of_pictures:
        return resize_masks(find_mask_files(decoded, every, listing.root), view)
    assert isinstance(decoded.pixels, Stream)
    (seen,) = replace(decoded.pixels, masks=listing.masks).batches([every])
    assert seen.masks is not None
    return seen.masks


def write_sheet(
    data: str | Path, listing: Listing, records: Records, options: CheckOptions
) -> Path:
    """Write the sheet to `out`, or the working directory by default; return its path.

    Never into the folder of the images, unless requested.
    """
    place = options.out or storage.free_name(storage.beside(Path("augmented.png"), Path(data)))
    storage.write(place, encode_file(draw_sheet(data, listing, records, options), ".png"))
    return place


def describe_ranges(ranges: AugmentRanges) -> str:
    """For example "rotate ±8°, translate ±6 %, hflip half"."""
    said: list[str] = []
    for field in fields(ranges):
        value = getattr(ranges, field.name)
        if value is True:
            said.append(f"{field.name} half")
        elif value:
            sign = "up to " if field.name in ("crop", "erase", "mixup", "cutmix") else "±"
            amount = f"{value:g}°" if field.name in _DEGREES else f"{100 * value:g} %"
            said.append(f"{field.name} {sign}{amount}")
    return ", ".join(said) or "nothing is changed"


def _training_rows(listing: Listing, records: Records) -> NDArray[np.int64]:
    """Return the rows of the usable training images."""
    rows, images, known = listing.usable(records)
    return rows[placed(images, known, listing.targets.select(rows), USUAL) == TRAIN]


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return up to ROWS of the given rows, evenly spaced over the listing and its classes."""
    count = len(rows)
    places = {(2 * at + 1) * count // (2 * ROWS) for at in range(ROWS)} if count else set[int]()
    return rows[sorted(places)]


def _rows(
    decoded: DecodedImages,
    targets: NDArray[Any],
    task: Task,
    ranges: AugmentRanges,
    seed: int,
    *,
    square: bool,
) -> list[Row]:
    pixels = decoded.pixels[:]
    view = Preprocess(_SIDE, pixels.shape[3]).with_statistics(pixels)
    plain = view.normalize(torch.from_numpy(pixels))
    names = [decoded.targets.describe(row) for row in range(len(decoded))]
    columns, words = [pixels], [["original"] * len(names)]
    before, drawn = torch.from_numpy(targets), [_overlays(task, pixels, targets)]
    fill = () if square else view.padding
    for epoch in range(ACROSS):
        uniform = uniform_samples(len(names), seed, epoch)
        shape = plain.shape[1:]
        plan = make_plan(uniform, ranges, shape, mean=view.mean, std=view.std, fill=fill)
        seen, share = apply_plan(plain, plan), None
        if ranges.mixes:
            seen, share = mix_images(seen, uniform, ranges)
        after = task.augment(before, plan, share).numpy()
        columns.append(_shown(seen, view))
        drawn.append(_overlays(task, columns[-1], after))
        if share is None or drawn[-1]:
            captions = map(printable, map(task.caption, targets, after))
            words.append([f"epoch {epoch + 1}\n{text}".rstrip() for text in captions])
        else:
            words.append(list(map(_mixed, names, [*names[1:], *names[:1]], share.tolist())))
    return [
        Row(
            f"{names[at]}: {sample.path}",
            tuple(column[at] for column in columns),
            tuple(column[at] for column in words),
            tuple(column[at] for column in drawn if column),
        )
        for at, sample in enumerate(decoded.samples)
    ]


def _overlays(
    task: Task, pixels: NDArray[np.uint8], targets: NDArray[Any]
) -> list[NDArray[np.uint8]]:
    """Return the images with their targets drawn over them; empty if these are not drawn."""
    found = map(task.draw, pixels, targets)
    return [image for image in found if image is not None]


def _shown(images: torch.Tensor, view: Preprocess) -> NDArray[np.uint8]:
    """Convert normalized images to bytes, clipping values beyond black and white only here."""
    values = images.permute(0, 2, 3, 1).numpy() * np.array(view.std) + np.array(view.mean)
    return (values * 255).round().clip(0, 255).astype(np.uint8)


def _mixed(own: str, other: str, share: float) -> str:
    """For example "cat 70 %, dog 30 %"."""
    shares = {own: 1 - share}
    shares[other] = shares.get(other, 0) + share
    largest = sorted(((part, name) for name, part in shares.items()), reverse=True)
    told = ", ".join(f"{name} {part:.0%}".replace("%", " %") for part, name in largest if part)
    return printable(told)


def _drawn(rows: list[Row], title: str, note: str, legend: Legend = ()) -> Image.Image:
    step, high = _SIDE + _GAP, _SIDE + 2 * _WORDS
    high += step * any(row.targets for row in rows)
    high += _LINE * any("\n" in words for row in rows for words in row.words)
    wide = 2 * _MARGIN + (ACROSS + 1) * step + _GAP
    room = wide - 2 * _MARGIN
    entries = _arrange(legend, room)
    first = _TOP + (entries[-1][1] + _WORDS if entries else 0)
    figure = Image.new("RGB", (wide, first + len(rows) * (high + _GAP) + _MARGIN - _GAP), PAPER)
    draw = ImageDraw.Draw(figure)
    draw.text((_MARGIN, _MARGIN), shorten(title, _LARGE, room), INK, font(_LARGE), "lt")
    draw.text((_MARGIN, _MARGIN + 38), shorten(note, _TEXT, room), GRAY, font(_TEXT), "lt")
    for (left, top), (name, swatch) in zip(entries, legend, strict=True):
        corner = _MARGIN + left, _TOP - _GAP + top
        paste_framed(figure, Image.fromarray(swatch).resize((_SWATCH, _SWATCH)), corner)
        told = corner[0] + _SWATCH + _GAP // 2, corner[1] + _SWATCH // 2
        draw.text(told, _entry(name), GRAY, font(_SMALL), "lm")
    for at, row in enumerate(rows):
        _draw_row(figure, row, first + at * (high + _GAP), room)
    return figure


def _draw_row(figure: Image.Image, row: Row, top: int, room: int) -> None:
    """Draw an image and its versions, with their targets below them, and a title above."""
    draw = ImageDraw.Draw(figure)
    draw.text((_MARGIN, top), shorten(printable(row.name), _TEXT, room), INK, font(_TEXT), "lt")
    for column, (image, words) in enumerate(zip(row.images, row.words, strict=True)):
        # the original is set apart
        left, upper = _MARGIN + column * (_SIDE + _GAP) + (2 * _GAP if column else 0), top + _WORDS
        paste_framed(figure, Image.fromarray(image.squeeze()), (left, upper))
        if row.targets:
            upper += _SIDE + _GAP
            paste_framed(figure, Image.fromarray(row.targets[column]), (left, upper))
        for line, below in enumerate(words.splitlines()):
            place = left, upper + _SIDE + 6 + line * _LINE
            draw.text(place, shorten(below, _SMALL, _SIDE), GRAY, font(_SMALL), "lt")


def _arrange(legend: Legend, room: int) -> list[tuple[int, int]]:
    """Return the place of each entry of a legend, in lines of `room` pixels."""
    places, left, top = list[tuple[int, int]](), 0, 0
    for name, _ in legend:
        wide = _SWATCH + _GAP // 2 + text_width(_entry(name), _SMALL)
        if left + wide > room:
            left, top = 0, top + _WORDS
        places.append((left, top))
        left += wide + 2 * _GAP
    return places


def _entry(name: str) -> str:
    return shorten(printable(name), _SMALL, _SIDE)
