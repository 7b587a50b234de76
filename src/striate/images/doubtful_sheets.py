"""Sheets of doubtful images: near duplicates side by side, and each kind of poor images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate import storage
from striate.data.cache.stream import decode_rows
from striate.data.check import Inspection
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Records
from striate.data.listing.listing import Listing
from striate.errors import OptionError, printable
from striate.plotting.ink import GRAY, INK, PAPER, encode_file, font, paste_framed, shorten
from striate.text import count_noun

KINDS = ("dark", "over-exposed", "blurred", "blank")
MOST = 64  #: images of a sheet
_ACROSS, _SIDE, _GAP, _MARGIN, _TOP, _WORDS = 8, 128, 12, 28, 70, 40
_LARGE, _SMALL = 22, 12

Line = Sequence[tuple[str, str]]  #: images side by side: path, and what is said below it


def write_sheets(
    folder: Path, listing: Listing, records: Records, inspection: Inspection
) -> tuple[Path, ...]:
    """Write a sheet of each kind that was found into a new folder; return their paths.

    If there is such a folder, the first free of folder-2, folder-3 and so on is made. Raises
    OptionError for a folder inside of the data.
    """
    data = listing.root.resolve()
    if data.is_dir() and folder.resolve().is_relative_to(data):
        shown = printable(str(folder))
        raise OptionError(f"--sheets {shown} lies in the data; choose a folder outside of it")
    sheets = [(kind, lines) for kind, lines in _all_lines(inspection) if lines]
    if not sheets:
        return ()
    rows = _rows(listing, {path for _, lines in sheets for line in lines for path, _ in line})
    home, written = storage.make_folder(folder), list[Path]()
    for kind, lines in sheets:
        figure = _drawn(f"{kind}: {_count(inspection, kind)}", lines, listing, records, rows)
        written.append(home / f"{kind.replace(' ', '-')}.png")
        storage.write(written[-1], encode_file(figure, ".png"))
    return tuple(written)


def _all_lines(inspection: Inspection) -> Iterator[tuple[str, list[Line]]]:
    """Yield each kind with the lines of its sheet; clusters over several splits come first."""
    leaked = {found.path for found in inspection.findings if found.kind == "near leaked"}
    straddling_first = sorted(
        inspection.near_duplicates, key=lambda cluster: leaked.isdisjoint(cluster)
    )
    clusters = list[Line]()
    for cluster in straddling_first[: MOST // 4]:
        words = f"{len(cluster)} alike", *[""] * (len(cluster) - 1)
        clusters.append(list(zip(cluster, words, strict=True))[:_ACROSS])
    yield "near duplicates", clusters
    for kind in KINDS:
        told: Line = [(each.path, each.detail) for each in inspection.findings if each.kind == kind]
        yield kind, [told[at : at + _ACROSS] for at in range(0, min(len(told), MOST), _ACROSS)]


def _count(inspection: Inspection, kind: str) -> str:
    if kind == "near duplicates":
        return count_noun(len(inspection.near_duplicates), "cluster")
    return count_noun(sum(found.kind == kind for found in inspection.findings), "image")


def _rows(listing: Listing, paths: set[str]) -> dict[str, int]:
    """Return path -> row of the listing."""
    return {sample.path: row for row, sample in enumerate(listing.samples) if sample.path in paths}


def _drawn(
    title: str, lines: list[Line], listing: Listing, records: Records, rows: dict[str, int]
) -> Image.Image:
    step, high = _SIDE + _GAP, _SIDE + _WORDS
    size = 2 * _MARGIN + _ACROSS * step - _GAP, _TOP + len(lines) * high + _MARGIN
    figure = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(figure)
    draw.text((_MARGIN, _MARGIN), title, INK, font(_LARGE), "lt")
    tiles = _tiles(listing, records, sorted({rows[path] for line in lines for path, _ in line}))
    for down, line in enumerate(lines):
        for across, (path, words) in enumerate(line):
            left, top = _MARGIN + across * step, _TOP + down * high
            paste_framed(figure, Image.fromarray(tiles[rows[path]]), (left, top))
            name = printable("/".join(PurePosixPath(path).parts[-2:]))
            for at, (text, color) in enumerate(((name, INK), (words, GRAY))):
                place = left, top + _SIDE + 4 + 14 * at
                draw.text(place, shorten(text, _SMALL, _SIDE), color, font(_SMALL), "lt")
    return figure


def _tiles(listing: Listing, records: Records, rows: list[int]) -> dict[int, NDArray[np.uint8]]:
    """Return row -> its image, letterboxed to a tile."""
    wanted = np.array(rows, np.int64)
    decoded = decode_rows(listing, records, wanted, Preprocess(_SIDE, 3))
    return dict(zip(rows, np.asarray(decoded.pixels[:]), strict=True))
