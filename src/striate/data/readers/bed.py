"""Reader of BED files: regions of the chromosomes in a FASTA file beside them, a class a file.

A line is a chromosome, the first position from 0, the position behind the last, and perhaps name,
score and strand; a region of the strand `-` is read as its reverse complement.
https://samtools.github.io/hts-specs/BEDv1.pdf
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, os_reason
from striate.data.readers.sequences import (
    FASTA,
    Found,
    Letters,
    checked,
    list_sequences,
    read_letters,
    stem,
)
from striate.data.signals.letters import other_strand
from striate.errors import DataError, printable

_SUFFIX = ".bed"


class Region(NamedTuple):
    """A line of a BED file."""

    order: int  #: among all regions
    path: str  #: file and line
    label: str
    first: int
    end: int
    turned: bool  #: it is of the other strand


def read_regions(place: Path, files: Collection[str]) -> Listing | None:
    """List the regions of the BED files of a folder; None if there are none. Raises DataError."""
    beds = sorted(name for name in files if name.lower().endswith(_SUFFIX))
    if not beds:
        return None
    genomes = [name for name in files if name.lower().removesuffix(".gz").endswith(FASTA)]
    if len(genomes) != 1:
        came = f"{len(genomes)} stand" if genomes else "none stands"
        raise DataError(
            f"{printable(str(place))}: regions of BED files are cut out of one FASTA file beside "
            f"them, but {came} there"
        )
    regions = defaultdict[str, list[Region]](list)
    total = 0
    for name in beds:
        for chromosome, region in _read(place / name, name, total):
            regions[chromosome].append(region)
            total += 1
    findings, found = list[Finding](), dict[int, Found]()
    for sequence in read_letters(place / genomes[0]):
        words = sequence.name.split()
        for region in regions.pop(words[0] if words else "", ()):
            if (cut := _cut(sequence, region, findings)) is not None:
                found[region.order] = cut
    for chromosome, lost in regions.items():
        what = f"{chromosome} is not in {genomes[0]}"
        findings += [Finding("no such chromosome", region.path, what) for region in lost]
    kept = [found[order] for order in sorted(found)]
    return list_sequences(place, "regions of a genome", kept, findings)


def _cut(sequence: Letters, region: Region, findings: list[Finding]) -> Found | None:
    if region.end > len(sequence.text):
        chromosome = sequence.name.split()[0]
        what = f"it ends at {region.end:,}, but {chromosome} has {len(sequence.text):,} letters"
        findings.append(Finding("beyond the end", region.path, what))
        return None
    codes = checked(sequence.text[region.first : region.end], region.path, findings)
    if codes is None:
        return None
    return Found(region.path, region.label, None, other_strand(codes) if region.turned else codes)


def _read(file: Path, name: str, order: int) -> Iterator[tuple[str, Region]]:
    """Yield chromosome and region of each line. Raises DataError for the first that is none."""
    try:
        text = file.read_text("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    for number, line in enumerate(text.split("\n"), 1):
        cells = line.split()
        if not cells or cells[0].startswith("#") or cells[0] in ("track", "browser"):
            continue
        whole = len(cells) >= 3 and cells[1].isdecimal() and cells[2].isdecimal()
        if not whole or int(cells[1]) >= int(cells[2]):
            raise DataError(
                f"{printable(str(file))}: line {number:,}: expected a chromosome, a first position "
                f"and a larger end, found {printable(line.strip(), 60)}"
            )
        turned = len(cells) > 5 and cells[5] == "-"
        here = f"{name}#{number}"
        yield cells[0], Region(order, here, stem(name), int(cells[1]), int(cells[2]), turned)
        order += 1
