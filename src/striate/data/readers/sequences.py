"""Reader of DNA: FASTA and FASTQ files, plain or gzipped, a class a file or a folder.

    bound.fa, background.fa          a class a file
    bound/1.fa, background/2.fa      a class a folder
    train/bound.fa, test/bound.fa    splits of either
    peaks.bed, others.bed, genome.fa a class a BED file, cut out of the one FASTA file beside them

A letter of several bases, such as R, counts as N. A sequence with another letter, and a region that
is not within its chromosome, is left out and named with its line.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split, os_reason
from striate.data.listing.split_names import split_of
from striate.data.readers.arrays import LARGEST
from striate.data.signals.letters import END, count_several, encode
from striate.data.signals.signal_file import SignalError
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, printable

FASTA = (".fa", ".fasta", ".fna", ".ffn")
FASTQ = (".fq", ".fastq")
_LABEL = re.compile(r"\b(?:label|class)=([^\s|;]+)")


class Letters(NamedTuple):
    """A sequence as it stands in a file."""

    line: int  #: of its heading, from 1
    name: str
    text: bytes


class Found(NamedTuple):
    """A sequence of a class."""

    path: str
    label: str
    split: Split | None
    codes: NDArray[np.uint8]


def is_sequence_file(name: str) -> bool:
    """Return whether a file holds sequences, by its name."""
    return _plain(name).endswith((*FASTA, *FASTQ))


def read_sequence_folder(place: Path, folders: Collection[str], files: Collection[str]) -> Listing:
    """List the sequences of a folder. Raises DataError."""
    parts = _parts(place, sorted(folders), sorted(files))
    found, findings = list[Found](), list[Finding]()
    for path, label, split in parts:
        for sequence in read_letters(place / path):
            here = f"{path}#{sequence.line}"
            if (codes := checked(sequence.text, here, findings)) is not None:
                found.append(Found(here, label, split, codes))
    return list_sequences(place, "sequence files", found, findings)


def read_sequence_file(file: Path) -> Listing:
    """List the sequences of a file whose headings name their classes, as in `>7 label=bound`."""
    found, findings = list[Found](), list[Finding]()
    for sequence in read_letters(file):
        here = f"{file.name}#{sequence.line}"
        label = _LABEL.search(sequence.name)
        if label is None:
            raise _wrong(
                file,
                f"line {sequence.line:,}: which class? Give a folder with a file for each class, "
                "or write it into the heading, as in >7 label=bound",
            )
        if (codes := checked(sequence.text, here, findings)) is not None:
            found.append(Found(here, label[1], None, codes))
    return list_sequences(file.resolve().parent, "sequence file", found, findings)


def read_letters(file: Path) -> Iterator[Letters]:
    """Yield the sequences of a FASTA or FASTQ file. Raises DataError naming the line."""
    try:
        with _open(file) as lines:
            fastq = _plain(file.name).endswith(FASTQ)
            yield from _read_fastq(file, lines) if fastq else _read_fasta(file, lines)
    except OSError as error:
        what = os_reason(error) if error.strerror else str(error).lower()
        raise _wrong(file, f"{what}") from error
    except (EOFError, zlib.error) as error:
        raise _wrong(file, "not a whole gzip file; download it again") from error


def checked(text: bytes, path: str, findings: list[Finding]) -> NDArray[np.uint8] | None:
    """Return the codes of letters; None, and a finding, if one of them is none."""
    try:
        codes = encode(text)
    except SignalError as error:
        findings.append(Finding(error.kind, path, error.detail))
        return None
    if several := count_several(text):
        findings.append(Finding("several bases", path, f"{several:,} of {len(text):,} letters"))
    return codes


def list_sequences(
    place: Path, layout: str, found: Sequence[Found], findings: Sequence[Finding]
) -> Listing:
    """Return the listing of sequences of classes."""
    names = sorted({each.label for each in found})
    labels = {name: at for at, name in enumerate(names)}
    images = Samples.of(Sample(each.path, labels[each.label], each.split) for each in found)
    targets = ClassTargets.of(names, images)
    arrays = join_codes([each.codes for each in found])
    return Listing(place, layout, targets, images, tuple(findings), None, arrays, "sequence")


def join_codes(sequences: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return codes (N, L, 1) of sequences (L,), `END` behind shorter ones. Raises DataError."""
    longest = max(map(len, sequences), default=0)
    if len(sequences) * longest > LARGEST:
        raise DataError(
            f"{len(sequences):,} sequences of up to {longest:,} letters do not fit into memory; "
            "cut them into shorter ones"
        )
    joined = np.full((len(sequences), longest, 1), END, np.uint8)
    for row, codes in enumerate(sequences):
        joined[row, : len(codes), 0] = codes
    return joined


def _parts(
    place: Path, folders: Sequence[str], files: Sequence[str]
) -> Iterator[tuple[str, str, Split | None]]:
    """Yield path, class and split of each file of sequences."""
    for name in filter(is_sequence_file, files):
        yield name, stem(name), None
    for folder in folders:
        split = split_of(folder)
        for file in sorted((place / folder).rglob("*")):
            if file.is_file() and not file.is_symlink() and is_sequence_file(file.name):
                inside = file.relative_to(place / folder)
                own = inside.parts[0] if len(inside.parts) > 1 else stem(file.name)
                yield f"{folder}/{inside}", own if split else folder, split


def stem(name: str) -> str:
    """Return the name of a file of sequences without its suffixes."""
    return Path(name).name.removesuffix(".gz").rpartition(".")[0]


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _open(file: Path) -> gzip.GzipFile | IO[bytes]:
    return gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb")


def _read_fasta(file: Path, lines: Iterable[bytes]) -> Iterator[Letters]:
    heading, pieces, total = (0, ""), list[bytes](), 0
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if (total := total + len(line)) > LARGEST:
            raise _wrong(file, f"unpacks to more than {LARGEST / 2**30:.0f} GiB")
        if text.startswith(b">"):
            if heading[0]:
                yield Letters(*heading, b"".join(pieces))
            heading, pieces = (number, text[1:].decode("utf-8", "replace")), []
        elif text and not heading[0]:
            raise _wrong(file, f"line {number:,}: expected a heading that begins with '>'")
        else:
            pieces.append(text)
    if not heading[0]:
        raise _wrong(file, "it holds no sequences")
    yield Letters(*heading, b"".join(pieces))


def _read_fastq(file: Path, lines: Iterable[bytes]) -> Iterator[Letters]:
    rows = enumerate(lines, 1)
    for number, heading in rows:
        if not heading.strip():
            continue
        text, mark, _ = (next(rows, (0, b""))[1].strip() for _ in range(3))
        if not heading.startswith(b"@") or not mark.startswith(b"+"):
            what = "expected four lines: '@' and a name, letters, '+', qualities"
            raise _wrong(file, f"line {number:,}: {what}")
        yield Letters(number, heading[1:].strip().decode("utf-8", "replace"), text)


def _wrong(file: Path, what: str) -> DataError:
    return DataError(f"{printable(str(file))}: {what}")
