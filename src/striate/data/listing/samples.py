"""The values that travel through the data floor, from a folder to packed pixels."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Split = Literal["train", "validation", "test"]
Leaked = Literal["keep", "drop"]  #: what becomes of images that are in an earlier part too
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
#: word in lower case, as a folder's name or in a manifest -> the part it means
SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


MOST_CLASSES = 100_000  #: that a model file may name


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long piece of work is."""

    done: int
    total: int
    what: str  #: what is counted: "images"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed about a file or folder, and what is done about it."""

    kind: str  #: a key of FINDINGS
    path: str  #: relative to the data's root; undecodable bytes as surrogates
    detail: str = ""  #: what was seen in this file


#: kind of finding -> what is done about it, for files that should have been images
UNUSABLE = {
    "unreadable": "left out",
    "truncated": "left out",
    "empty": "left out",
    "not an image": "left out",
    "unsupported": "left out: whole, but of a kind that is not read",
    "huge": "left out: it would need more memory than an image may",
    "too slow": "left out: decoding it takes too long",
    "special file": "left out",
}
#: ... for what no training expects to be one
IGNORED = {
    "outside link": "not followed: it leads outside the folder",
    "dangling link": "left out",
    "loop": "not followed: it leads back into the folder",
    "hidden": "ignored",
    "stray": "ignored: no image of a class",
    "output": "ignored: striate wrote it",
    "repeated row": "counted once",
    "empty class": "must be filled or removed",
}
LEFT_OUT = {**UNUSABLE, **IGNORED}
USED = {
    "leaked": "in an earlier part too: figures flatter; --leaked drop leaves it out",
    "duplicate": "kept on one side of the split",
    "conflict": "the same image stands under two classes: one of the two labels is wrong",
    "wrong suffix": "read by its content",
    "animation": "the first frame is used",
    "rotated": "turned upright as its EXIF tag says",
    "cmyk": "converted to RGB",
    "lab": "converted to RGB",
    "1 bit": "converted to gray",
    "16 bit": "scaled to 8 bit",
    "float": "values from 0 to 1 scaled to 8 bit",
    "palette": "expanded to its colors",
    "transparency": "laid on white",
    "invisible": "all of it is transparent: it is white",
    "tiny": "enlarged",
    "long": "much longer than wide: little of it is left after resizing",
    "name clash": "names differ only in case or in Unicode form: they clash on other computers",
}
FINDINGS = {**LEFT_OUT, **USED}
EQUAL = ("leaked", "duplicate", "conflict")  #: findings whose detail is the path of an equal image


@dataclass(frozen=True, slots=True)
class Sample:
    """One labeled image of a listing."""

    path: str  #: relative to the root; for arrays, "file#row"
    label: int  #: index into class_names
    split: Split | None = None  #: None where the layout does not say


@dataclass(frozen=True)
class Shards:
    """Tar files in which images stand, and the byte at which each begins."""

    folder: str  #: a path, or an address such as s3://bucket/folder
    files: tuple[str, ...]
    table: NDArray[np.void] = field(repr=False)  #: (N,) of `data.shards.form.ENTRY`, mapped
    digest: str  #: SHA-256 that names this index

    def locate(self, row: int) -> tuple[str, int, int]:
        """File, first byte and length of an image."""
        entry = self.table[row]
        place = f"{self.folder}/{self.files[entry['shard']]}"
        return place, int(entry["offset"]), int(entry["length"])

    def select(self, rows: list[int]) -> Shards:
        """The shards with the images of some rows alone."""
        return replace(self, table=self.table[rows], digest=f"{self.digest} {rows}")


@dataclass(frozen=True)
class Listing:
    """What a data folder or file holds, before any image is decoded."""

    root: Path
    layout: str  #: "class folders", "train/validation/test folders", "manifest", "MNIST-IDX", ...
    class_names: tuple[str, ...]
    samples: Sequence[Sample] = field(repr=False)
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    #: where the images stand in shards; None where each is a file, or a row of arrays
    shards: Shards | None = field(default=None, repr=False)
    #: for array layouts: (N, H, W, C) uint8, a row an image; None where images are files
    arrays: NDArray[np.uint8] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """What decoding one image told; width and height are in pixels, after turning upright."""

    digest: str = ""  #: SHA-256 of the file's bytes (of the pixels, for arrays); "" when unreadable
    width: int = 0
    height: int = 0
    channels: int = 0  #: 1 gray, 3 color; 0 when it could not be decoded
    findings: tuple[Finding, ...] = ()

    @property
    def usable(self) -> bool:
        return self.channels > 0


class PixelStream(Protocol):
    """Pixels that are decoded when they are asked for; see `data.packing.stream`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any) -> NDArray[np.uint8]: ...
    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[NDArray[np.uint8]]: ...


@dataclass(frozen=True)
class DecodedImages:
    """Every usable image decoded once: rows of a memory-mapped array and what belongs to each."""

    #: (N, size, size, channels) uint8, 0 to 255: mapped from a file, or decoded when asked for
    pixels: NDArray[np.uint8] | PixelStream = field(repr=False)
    samples: Sequence[Sample] = field(repr=False)  #: N, in listing order, the usable ones
    records: Sequence[Record] = field(repr=False)  #: N, aligned with images
    class_names: tuple[str, ...]
    findings: tuple[Finding, ...] = field(repr=False)  #: of listing and decoding together
    note: str = ""  #: what its owner should know of where it lies

    def __len__(self) -> int:
        return len(self.samples)

    def counts(self) -> dict[str, int]:
        """Class name -> number of usable images."""
        found = Counter(sample.label for sample in self.samples)
        return {name: found[label] for label, name in enumerate(self.class_names)}


def fold_case(name: str) -> str:
    """The name as a file system that ignores case and Unicode form sees it."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def name_fault(name: object) -> str:
    """What a class's name must be instead; "" for one that data and model files may hold."""
    if not isinstance(name, str) or not 1 <= len(name) <= 1000:
        return "text of 1 to 1,000 characters"
    try:  # a folder may give a class a name that is not UTF-8
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "text of whole characters"
    return ""


def quote_distinct(names: Sequence[str]) -> list[str]:
    """The names in quotes; with escapes where they look the same but are not."""
    looks = {unicodedata.normalize("NFC", name) for name in names}
    return [repr(name) if len(looks) == len(names) else ascii(name) for name in names]


def as_text(name: str) -> str:
    """A name of the file system as UTF-8 text, whichever encoding this process takes names for."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def os_reason(error: OSError) -> str:
    """The operating system's own words for an error: `permission denied`."""
    return (error.strerror or str(error)).lower()
