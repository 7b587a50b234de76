"""One image of a listing: its sample, findings and record; file names as text."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Split = Literal["train", "validation", "test"]
Leaked = Literal["keep", "drop"]  #: action on images that are also in an earlier split
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MOST_CLASSES = 100_000  #: limit of class names in a model file
IGNORE = 255  #: class index of the pixels of a mask that are of no class; so 255 classes at most


@dataclass(frozen=True, slots=True)
class Finding:
    """Observation about a file or folder, and the action taken."""

    kind: str  #: a key of FINDINGS
    path: str  #: relative to the data root; undecodable bytes as surrogates
    detail: str = ""  #: details for this file


#: finding kind -> action, for files expected to be images or masks
UNUSABLE = {
    "unreadable": "left out",
    "truncated": "left out",
    "empty": "left out",
    "not an image": "left out",
    "unsupported": "left out: a format that is not supported",
    "huge": "left out: decoding it would exceed the memory limit",
    "too slow": "left out: decoding it timed out",
    "special file": "left out",
    "not a signal": "left out: expected a number a line for each channel, or an array of numbers",
    "not a number": "left out: a sample is missing or not finite; fill the gap, or cut it out",
    "not a record": "left out: expected a header of WFDB",
    "no samples": "left out: the file that the header names is not there",
    "damaged": "left out: it is not what its header says; download it again",
    "no annotations": "left out: beats are told by a file .atr beside the header",
    "other rate": "left out: all records must have the same samples a second",
    "other letter": "left out: only A, C, G, T, U, N and letters of several bases are taken",
    "beyond the end": "left out: the chromosome is shorter",
    "no such chromosome": "left out: the FASTA file has none of this name",
    "other channels": "left out: all signals must have the same channels",
    "no mask": "left out: no mask is called like the image",
    "no image": "left out: no image is called like the mask",
    "no target": "left out: no target is called like the input",
    "no input": "left out: no input is called like the target",
    "target size": "left out: a target must be as large as its input",
    "box image": "left out: the image of the boxes is not there",
    "box file": "left out with its image: what the file says cannot be read",
    "mask size": "left out: a mask must be as large as its image",
    "lossy mask": "left out: its values have changed; save masks as PNG",
    "scaled mask": "left out: class indices spread over 0 to 255; save them as they are, or give "
    "each line of classes.txt its value, as in '23 building'",
    "unknown value": "left out: no class has this value; correct it, or give each line of "
    "classes.txt its value, as in '23 building'",
    "unknown color": "left out: no class has this color; correct it, or name it in classes.txt, "
    "as in 'sky 128 128 128'",
}
#: finding kind -> action, for other files and folders
IGNORED = {
    "outside link": "not followed: it leads outside the folder",
    "dangling link": "left out",
    "loop": "not followed: it leads back into the folder",
    "listed": "left out: --leave-out names it",
    "hidden": "ignored",
    "stray": "ignored: no image of a class",
    "output": "ignored: striate wrote it",
    "other beat": "left out: classes.txt gives it no class",
    "at the edge": "left out: the window around it reaches beyond its record",
    "repeated row": "counted once",
    "same image": "counted once, with the labels of all its folders",
    "box number": "left out: a corner is no number",
    "box class": "left out: its class is none of those that are named",
    "box empty": "left out: it has no area",
    "box outside": "left out: no part of it is in its image",
    "box double": "counted once",
    "empty class": "must be filled or removed",
}
LEFT_OUT = {**UNUSABLE, **IGNORED}
USED = {
    "leaked": "in an earlier split too: figures flatter; --leaked drop leaves it out",
    "leaked group": "its group is in an earlier split too: figures flatter; --leaked drop leaves "
    "it out",
    "duplicate": "kept on one side of the split",
    "conflict": "labels or numbers differ: one is wrong, or it has several labels "
    "(--task multilabel)",
    "near leaked": "looks almost like one in an earlier split: figures flatter",
    "near duplicate": "looks almost like another",
    "blurred": "much less sharp than the others",
    "dark": "hardly any light in it",
    "over-exposed": "much more of it is burnt out to white than of the others",
    "blank": "nothing is to be seen",
    "constant": "the signal never changes",
    "other leads": "used: see whether they tell the same",
    "several bases": "letters such as R count as N: a fourth of each base",
    "other length": "cut, or padded with 0, at its end (--fit stretch interpolates)",
    "stray blank": "the label is taken without it",
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
    "blended mask": "pixels blended from two classes count for none",
    "other palette": "used by its indices: see whether they are of the same classes",
    "perhaps masks": "a class as it is; where masks are meant, call the folder masks and save "
    "them as PNG",
    "unlearned label": "images to train on all have it, or all lack it: it is not learned",
    "unjudged label": "validation images all have it, or all lack it: left out of mAP, and its "
    "threshold is 0.5",
    "unseen class": "no mask to train on shows it: it is not learned",
    "unboxed class": "no box to train on is of it: it is not learned",
    "box turned": "its corners are put in order",
    "box clipped": "cut off at the edge of its image",
    "boxes rotated": "turned with their image: they were drawn on it as it is stored",
    "boxes scaled": "scaled to their image: they were drawn on it in another size",
    "boxes of another size": "used as they are, though written for an image of another shape",
    "no box": "kept: all of it is background",
    "no class names": "called as their values; name them in classes.txt, as in '7 sky'",
    "name clash": "names differ only in case or in Unicode form: they clash on other computers",
}
FINDINGS = {**LEFT_OUT, **USED}
ROTATED = "rotated"  #: kind whose detail is the EXIF orientation
EQUAL = ("leaked", "duplicate", "conflict")  #: kinds whose detail is the path of an equal image


@dataclass(frozen=True, slots=True)
class Sample:
    """One labeled image of a listing."""

    path: str  #: relative to the root; for arrays, "file#row"
    label: int  #: index into class_names
    split: Split | None = None  #: None if the layout does not define one


Piece = tuple[str, int, int]  #: byte range: file, first byte and length
#: pairs of an index that occurs in a mask and its color 0xRRGGBB; empty for gray and colors
Palette = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MaskRecord:
    """Result of decoding one mask."""

    digest: str = ""  #: SHA-256 of the file's bytes; "" if unreadable
    palette: Palette = ()
    findings: tuple[Finding, ...] = ()  #: their paths are that of the mask
    pixels: tuple[tuple[int, int], ...] = ()  #: class index, or `IGNORE`, and how many have it


@dataclass(frozen=True, slots=True)
class Record:
    """Result of decoding one image; width and height in pixels, after EXIF orientation."""

    digest: str = ""  #: SHA-256 of the file's bytes (of the pixels, for arrays); "" when unreadable
    width: int = 0
    height: int = 0
    channels: int = 0  #: 1 gray, 3 color; 0 if decoding failed
    findings: tuple[Finding, ...] = ()
    mask: MaskRecord | None = None  #: of an image with a mask; without a usable one it is left out
    #: gray levels, as `decoding.thumbnail` makes them; b"" if not made
    thumbnail: bytes = field(default=b"", compare=False, repr=False)
    #: `decoding.thumbnail.Quality`; () if not measured
    quality: tuple[float, ...] = field(default=(), compare=False)

    @property
    def usable(self) -> bool:
        return self.channels > 0


def fold_case(name: str) -> str:
    """Fold case and Unicode form, as case-insensitive file systems do."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def name_fault(name: object) -> str:
    """Return what is wrong with a class name; "" if data and model files may hold it."""
    if not isinstance(name, str) or not 1 <= len(name) <= 1000:
        return "text of 1 to 1,000 characters"
    try:  # a folder name may not be valid UTF-8
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "text of whole characters"
    return ""


def quote_distinct(names: Sequence[str]) -> list[str]:
    """Return the names in quotes, with escapes if they look the same but differ."""
    looks = {unicodedata.normalize("NFC", name) for name in names}
    return [repr(name) if len(looks) == len(names) else ascii(name) for name in names]


def as_text(name: str) -> str:
    """Return a file-system name as UTF-8 text, whatever the locale encoding."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def os_reason(error: OSError) -> str:
    """Return the operating system's message for an error: `permission denied`."""
    return (error.strerror or str(error)).lower()


def show_orientation(orientation: int) -> str:
    """Return the detail of a rotated image, whose EXIF orientation is 2 to 8."""
    return f"orientation {orientation}"
