"""What a report shows of doubtful images: near duplicates over splits, poor ones, and shortcuts."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from striate.data.cache.decode_all import decode_records
from striate.data.listing.listing import DecodedImages
from striate.data.listing.near_duplicates import list_clusters, near_findings
from striate.data.listing.quality import poor_findings, rank_poor_images
from striate.data.listing.samples import SPLITS, Finding, Split
from striate.data.prepare import scan_as_trained
from striate.data.shards.remote import remote_address
from striate.data.traits.read import find_shortcuts_of
from striate.data.traits.shortcuts import Shortcut
from striate.evaluation.evaluate import EvaluationRun
from striate.progress import Progress
from striate.tasks.results import KIND
from striate.tasks.sections import Gallery, Picture, Section
from striate.text import capitalize, count_noun

MOST = 12  #: images shown of a kind, and pairs of near duplicates
MOST_MEASURED = 2000  #: evaluated images whose files are measured


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


def find_doubts(
    run: EvaluationRun, data: Path, left_out: Path | None
) -> Generator[Progress, None, Doubts]:
    """Look for shortcuts in a folder, and for poor ones among up to 2,000 evaluated images.

    Both read files, up to 2,000 each; nothing is read from an object store.
    """
    model, paths, twins = run.model, run.results.about.paths, find_twins(run)
    if remote_address(data):
        return twins
    listing = scan_as_trained(data, model.task.kind, model.fractions, left_out)
    rows = {sample.path: row for row, sample in enumerate(listing.samples)}
    decoded = np.array([rows[sample.path] for sample in run.decoded.samples], np.int64)
    shortcuts = yield from find_shortcuts_of(listing.select(decoded), run.decoded.records)
    step = -(-len(paths) // MOST_MEASURED)
    some = listing.select(np.array([rows[path] for path in paths[::step]], np.int64))
    records = yield from decode_records(some, quality=True)
    findings = poor_findings(rank_poor_images(records), some.samples, records)
    evaluated = {path: row for row, path in enumerate(paths)}
    poor = tuple(_poor_sections(findings, evaluated, len(some.samples)))
    return Doubts((*twins.sections, *poor), twins.others, shortcuts)


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


def _poor_sections(
    findings: list[Finding], evaluated: Mapping[str, int], measured: int
) -> Iterator[Section]:
    """Yield a section for each kind of poor images, the worst images first."""
    for kind in dict.fromkeys(finding.kind for finding in findings):
        found = [finding for finding in findings if finding.kind == kind]
        pictures = tuple(
            Picture(evaluated[each.path], each.detail, f"Image {each.path}", neighbors=False)
            for each in found[:MOST]
        )
        more = f"The first {MOST} of {len(found):,}." * (len(found) > MOST)
        of = "" if measured == len(evaluated) else f", of {measured:,} that were looked at"
        yield Section(
            f"{capitalize(kind)}: {count_noun(len(found), 'image')}{of}",
            "In comparison with the other evaluated images, the worst first, as striate check "
            "tells them.",
            (Gallery(pictures, more),),
        )
