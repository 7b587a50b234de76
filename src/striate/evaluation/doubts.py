"""What a report shows of doubtful images; of near duplicates over splits, always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from striate.data.listing.listing import DecodedImages
from striate.data.listing.near_duplicates import list_clusters, near_findings
from striate.data.listing.samples import SPLITS, Split
from striate.evaluation.evaluate import EvaluationRun
from striate.tasks.results import KIND
from striate.tasks.sections import Gallery, Picture, Section
from striate.text import count_noun

if TYPE_CHECKING:
    from striate.data.traits.shortcuts import Shortcut

MOST = 12  #: images shown of a kind, and pairs of near duplicates


@dataclass(frozen=True)
class Doubts:
    """What is doubtful about the images of an evaluation."""

    sections: tuple[Section, ...] = ()  #: rows from N on are those of `others`
    others: tuple[int, ...] = ()  #: further rows of the image cache
    shortcuts: tuple[Shortcut, ...] = ()


def find_twins(run: EvaluationRun) -> Doubts:
    """Show evaluated images beside those of earlier splits that look almost the same."""
    about, decoded = run.results.about, run.decoded
    if not about.near_leaked or decoded.near is None:
        return Doubts()
    samples = decoded.samples
    clusters = list_clusters(decoded.near, samples, decoded.records)
    evaluated = {path: row for row, path in enumerate(about.paths)}
    found = [
        finding
        for finding in near_findings(clusters, decoded.near, samples)
        if finding.kind == "near leaked" and finding.path in evaluated
    ]
    firsts = {finding.detail for finding in found[:MOST]}
    rows = {path: row for row in range(len(samples)) if (path := samples.path(row)) in firsts}
    others = tuple(rows[finding.detail] for finding in found[:MOST])
    pictures = list[Picture]()
    for at, finding in enumerate(found[:MOST]):
        first = _split_of(decoded, rows[finding.detail])
        own = f"{KIND[about.split]}image, almost as the next"
        pictures += [
            Picture(evaluated[finding.path], own, f"Image {finding.path}", neighbors=False),
            Picture(len(about.paths) + at, f"{KIND[first]}image", f"Image {finding.detail}"),
        ]
    return Doubts((_twin_section(pictures, len(found)),), others)


def _split_of(decoded: DecodedImages, row: int) -> Split:
    return SPLITS[int(decoded.samples.splits[row])]


def _twin_section(pictures: list[Picture], found: int) -> Section:
    more = f"The first {MOST} of {found:,}." * (found > MOST)
    return Section(
        f"Near duplicates over splits: {count_noun(found, 'image')}",
        "Images that look almost like one that the network learned from or was chosen by: figures "
        "of them say little about new ones. Copies with the very same content are not shown.",
        (Gallery(tuple(pictures), more, pairs=True),),
    )
