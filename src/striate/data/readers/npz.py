"""Reader of .npz files without object arrays.

Arrays are `x` and `y`, `images`, `signals` or `data` and `labels`, or a pair per split: `x_train`
and `y_train`, `train_images` and `train_labels`, in either word order, and so on with val, dev,
test and the like, case-insensitive. Images are (N, H, W), (N, H, W, 1) or (N, H, W, 3), uint8 or
float from 0 to 1; labels are (N,) or (N, 1), integers or text; `class_names` (text) is optional.
Arrays called `signals`, (N, L) or (N, L, C), and others of (N, L) that are not uint8, are of
signals. Any other array is not read, but a near-miss of one of these names is an error.

An array's header is checked against its size before NumPy allocates memory, and nothing is
unpickled.
"""

from __future__ import annotations

import difflib
import math
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Split, os_reason
from striate.data.listing.split_names import SPLIT_NAMES
from striate.data.readers.arrays import LARGEST, Block, check_labels, join_blocks
from striate.errors import DataError, printable
from striate.storage import ARRAY_DAMAGE

_LARGEST_RATIO = 200  #: maximum compression ratio of images; checked from _SUSPECT bytes on
_SUSPECT = 256 * 2**20
_MOST_MEMBERS = 1000
_CHUNK = 2**24  #: values scaled at once
#: exceptions of Python's ZIP reader for damaged or encrypted files
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError),
    *(NotImplementedError, RuntimeError, *ARRAY_DAMAGE[:-2]),
)


class Pair(NamedTuple):
    images: str
    labels: str
    split: Split | None


_SPLIT_PAIRS = (
    *(("x_{}", "y_{}"), ("{}_x", "{}_y")),
    *(("{}_images", "{}_labels"), ("images_{}", "labels_{}")),
    *(("{}_signals", "{}_labels"), ("signals_{}", "labels_{}")),
    *(("{}_data", "{}_labels"), ("data_{}", "labels_{}")),
)
#: names of arrays that belong together, and their split
PAIRS = (
    Pair("x", "y", None),
    *(Pair(name, "labels", None) for name in ("images", "signals", "data")),
    *(
        Pair(images.format(word), labels.format(word), split)
        for images, labels in _SPLIT_PAIRS
        for word, split in SPLIT_NAMES.items()
    ),
)
_NAMES = {name for pair in PAIRS for name in pair[:2]} | {"class_names"}


def read_npz(file: Path) -> Listing:
    """List the images of an .npz file. Raises DataError naming the invalid array."""
    try:
        pairs, arrays = _read(file)
        return list_arrays(file, "NPZ", pairs, arrays, file.name)
    except MemoryError as error:
        raise _wrong(file, "its arrays do not fit into memory; save the images as files") from error


def list_arrays(
    place: Path, layout: str, pairs: list[Pair], arrays: dict[str, NDArray[Any]], shown: str
) -> Listing:
    """List images or signals and their labels. Raises DataError naming the invalid array."""
    class_names, labels = _labels(place, pairs, arrays)
    blocks: list[Block] = []
    for pair in pairs:
        pixels = _pixels(place, pair.images, arrays.pop(pair.images))
        numbers, inputs = labels[pair.labels], "images" if pixels.ndim == 4 else "signals"
        if len(pixels) != len(numbers):
            counts = f"{len(pixels):,} {inputs}, but {pair.labels} {len(numbers):,} labels"
            raise _wrong(place, f"{pair.images} has {counts}; they must be as many")
        blocks.append(Block(f"{shown}/{pair.images}", pair.split, pixels, numbers))
    return join_blocks(place, layout, class_names, blocks)


def _read(file: Path) -> tuple[list[Pair], dict[str, NDArray[Any]]]:
    """Return the image-label pairs in the file, and every array needed."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(file, archive)
            pairs = find_pairs(file, members)
            wanted = {name for pair in pairs for name in pair[:2]} | {"class_names"}
            names = sorted(wanted & members.keys())
            for name in names:
                _check(file, archive, members[name])
            return pairs, {name: _array(archive, members[name]) for name in names}
    except DataError:
        raise
    except _DAMAGE as error:
        what = os_reason(error) if isinstance(error, OSError) else str(error).rstrip(".").lower()
        raise _wrong(file, f"not a whole .npz file: {what}") from error


def _members(file: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return lower-case array name -> archive member; refuses those that unpack to too much."""
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise _wrong(file, f"{len(infos):,} arrays; at most {_MOST_MEMBERS:,} are read")
    total = sum(info.file_size for info in infos)
    if total > LARGEST:
        raise _wrong(
            file, f"unpacks to {_megabytes(total)}; at most {_megabytes(LARGEST)} are read"
        )
    packed = sum(info.compress_size for info in infos)
    if total > _SUSPECT and total > _LARGEST_RATIO * packed:
        times = f"{total // max(1, packed):,} times its size"
        raise _wrong(file, f"unpacks to {times}, {_megabytes(total)}, as no images do")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy").lower()
        if name in members:
            raise _wrong(file, f"holds the array {name!r} twice; keep one of them")
        members[name] = info
    return members


def find_pairs(file: Path, members: Collection[str]) -> list[Pair]:
    """Return the pairs of images and labels among the names of arrays.

    Raises DataError for a name that is almost one, and for one without the other.
    """
    for name in members:
        near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.8)
        if name not in _NAMES and near and near[0] not in members:
            raise _wrong(file, f"no array is called {name!r}; did you mean {near[0]!r}?")
    claimed = {pair.labels for pair in PAIRS if pair.images in members}
    lost = {pair.labels: pair for pair in reversed(PAIRS) if pair.labels in set(members) - claimed}
    pairs = [pair for pair in PAIRS if pair.images in members or lost.get(pair.labels) is pair]
    if not pairs:
        found = ", ".join(repr(name) for name in sorted(members)[:5]) or "none"
        raise _wrong(
            file, f"expected arrays 'x' and 'y', or 'x_train' and 'y_train', found {found}"
        )
    for pair in pairs:
        for name, other in (pair[:2], pair[1::-1]):
            if name not in members:
                raise _wrong(file, f"has {other!r}, but no {name!r} to go with it")
    splits = [pair.split for pair in pairs]
    if len(pairs) > 1 and (None in splits or len(set(splits)) < len(splits)):
        names = " and ".join(repr(pair.images) for pair in pairs)
        raise _wrong(
            file, f"{names} hold the same images or splits; keep one pair of arrays a split"
        )
    return pairs


def _check(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Raises DataError unless a member is an array of plain values that matches its size."""
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as stream:
        try:
            first = npy.read_magic(stream) == (1, 0)
            read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
            shape, _, dtype = read(stream)
        except ARRAY_DAMAGE as error:
            said = str(error) if isinstance(error, ValueError) else "its header is damaged"
            what = said.partition("\n")[0]
            raise _wrong(file, f"{name} is no NumPy array: {what}") from error
        there = info.file_size - stream.tell()
    if dtype.hasobject:
        what = "holds Python objects, a pickle that can run any program when read"
        raise _wrong(file, f"{name} {what}; save plain numbers or text")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or size != there or not dtype.itemsize:
        promised = f"{dtype} of shape {shape}, {size:,} bytes"
        raise _wrong(file, f"{name} says it is {promised}, but {there:,} follow")


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _labels(
    file: Path, pairs: list[Pair], arrays: Mapping[str, NDArray[Any]]
) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Return the class names, and each label array as class indices."""
    raw = {pair.labels: _column(file, pair.labels, arrays[pair.labels]) for pair in pairs}
    kinds = {"text" if labels.dtype.kind == "U" else "numbers" for labels in raw.values()}
    if len(kinds) > 1:
        raise _wrong(file, f"{' and '.join(sorted(raw))} mix numbers and text; use one of the two")
    given = _class_names(file, arrays["class_names"]) if "class_names" in arrays else None
    if given is not None and kinds == {"numbers"}:
        for name, labels in raw.items():
            check_labels(file / name, labels.astype(np.int64), len(given))
        return given, {name: labels.astype(np.int64) for name, labels in raw.items()}
    found = np.unique(np.concatenate(list(raw.values())))
    names = given or [str(value) for value in found.tolist()]
    places = {name: place for place, name in enumerate(names)}
    for value in found.tolist():
        if str(value) not in places:
            raise _wrong(file, f"the label {value!r} is not in class_names")
    index = np.array([places[str(value)] for value in found.tolist()], np.int64)
    return names, {name: index[np.searchsorted(found, labels)] for name, labels in raw.items()}


def _column(file: Path, name: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Labels (N,) or (N, 1) -> (N,) int64 or text."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = "; turn one-hot rows into numbers" if labels.ndim == 2 else ""
        raise _wrong(file, f"{name} has shape {labels.shape}, expected one label an image{hint}")
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind not in "iu":
        raise _wrong(file, f"{name} is {labels.dtype}, expected whole numbers or text")
    labels = labels.astype(np.int64)
    if labels.size and labels.min() < 0:
        raise _wrong(file, f"{name} holds the label {labels.min()}, expected 0 or more")
    return labels


def _class_names(file: Path, names: NDArray[Any]) -> list[str]:
    if names.ndim != 1 or names.dtype.kind != "U":
        found = f"{names.dtype} of shape {names.shape}"
        raise _wrong(file, f"class_names is {found}, expected a list of texts")
    listed: list[str] = names.tolist()
    for name, count in Counter(listed).items():
        if not name or count > 1:
            what = f"{name!r} {count:,} times" if name else "an empty name"
            raise _wrong(file, f"class_names holds {what}; give every class a name of its own")
    return listed


def _pixels(file: Path, name: str, pixels: NDArray[Any]) -> NDArray[Any]:
    """(N, H, W) or (N, H, W, C) -> (N, H, W, C) uint8; signals -> (N, L, C) float32."""
    if "signals" in name or (pixels.ndim == 2 and pixels.dtype != np.uint8):
        return _signals(file, name, pixels)
    if pixels.ndim == 3:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        expected = "expected (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
        hint = "; move the channels to the end" if pixels.shape[1:2] in ((1,), (3,)) else ""
        raise _wrong(file, f"{name} has shape {pixels.shape}, {expected}{hint}")
    if pixels.size == 0:
        raise _wrong(file, f"{name} has shape {pixels.shape}: it holds no images")
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if pixels.dtype.kind != "f":
        expected = "expected uint8 (0 to 255) or float (0 to 1)"
        raise _wrong(file, f"{name} is {pixels.dtype}, {expected}")
    scaled = np.empty(pixels.shape, np.uint8)
    rows = max(1, _CHUNK // math.prod(pixels.shape[1:]))
    for start in range(0, len(pixels), rows):
        values = pixels[start : start + rows]
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):
            found = f"values from {low:g} to {high:g}"
            raise _wrong(file, f"{name} is {pixels.dtype} with {found}, expected 0 to 1")
        scaled[start : start + rows] = np.rint(values * 255)
    return scaled


def _signals(file: Path, name: str, values: NDArray[Any]) -> NDArray[np.float32]:
    """(N, L) or (N, L, C) -> (N, L, C)."""
    if values.ndim == 2:
        values = values[..., np.newaxis]
    if values.ndim != 3 or values.dtype.kind not in "fiub" or not values.size:
        found = f"{values.dtype} of shape {values.shape}"
        raise _wrong(file, f"{name} is {found}, expected numbers (N, length, channels)")
    return np.ascontiguousarray(values, np.float32)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _wrong(file: Path, what: str) -> DataError:
    return DataError(printable(f"{file}: {what}"))
