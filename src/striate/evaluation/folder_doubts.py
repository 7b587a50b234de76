"""What is doubtful about the images of a folder: shortcuts, and poor images."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import numpy as np

from striate.data.cache.decode_all import decode_records
from striate.data.listing.quality import poor_findings, rank_poor_images
from striate.data.listing.samples import Finding
from striate.data.prepare import scan_as_trained
from striate.data.shards.remote import remote_address
from striate.data.traits.read import find_shortcuts_of
from striate.evaluation.doubts import MOST, Doubts, find_twins
from striate.evaluation.evaluate import EvaluationRun
from striate.progress import Progress
from striate.tasks.sections import Gallery, Picture, Section
from striate.text import capitalize, count_noun

MOST_MEASURED = 2000  #: evaluated images whose files are measured


def find_doubts(
    run: EvaluationRun, data: Path, left_out: Path | None
) -> Generator[Progress, None, Doubts]:
    """Look for shortcuts in a folder, and for poor ones among up to 2,000 evaluated images.

    Both read files, up to 2,000 each; nothing is read from an object store.
    """
    model, paths, twins = run.model, run.results.about.paths, find_twins(run)
    if remote_address(data):
        return twins
    listing = scan_as_trained(
        data, model.task.kind, model.fractions, left_out, window=model.preprocess.size
    )
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
