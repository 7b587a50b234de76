"""Inspection behind `striate check`: contents of a data folder, and whether it is trainable."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.data import check_text
from striate.data.listing.columns import Records, Samples
from striate.data.listing.duplicates import find_duplicates, find_leaked_groups, leaked_rows
from striate.data.listing.group_counts import GroupCounts, count_groups
from striate.data.listing.listing import Listing
from striate.data.listing.near_duplicates import (
    find_near_duplicates,
    list_clusters,
    near_findings,
)
from striate.data.listing.quality import poor_findings, rank_poor_images
from striate.data.listing.samples import FINDINGS, SPLITS, Finding, Leaked, Split
from striate.data.listing.splits import USUAL, placed
from striate.data.listing.target_spec import TASK_OF_KIND, TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.prepare import record_images
from striate.data.shards.remote import remote_address
from striate.data.targets.problems import find_training_problems
from striate.data.traits.read import find_shortcuts_of
from striate.data.traits.shortcuts import Shortcut
from striate.errors import printable
from striate.progress import Progress, drain
from striate.text import columns, count_noun, html_table


class Sizes(NamedTuple):
    """Width and height in pixels of the smallest, median and largest image by area.

    Of signals, samples and 1.
    """

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]


@dataclass(frozen=True, repr=False)
class Inspection:
    """Result of `check`. Its text is the report; only usable images are counted."""

    root: Path | str  #: as passed in
    layout: str
    task: str  #: the task that `train` takes unless another is named
    spec: TargetSpec
    images: int  #: usable ones
    target_counts: TargetCounts
    sizes: Sizes | None  #: None if there are no images
    channels: dict[int, int]  #: 1 (gray) or 3 (color), or channels of signals -> images
    findings: tuple[Finding, ...]
    problems: tuple[str, ...]  #: reasons why it cannot be trained on
    shortcuts: tuple[Shortcut, ...] = ()  #: classes that are told without what is shown
    #: paths of images that look almost the same, a tuple for each cluster; the largest first
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    groups: GroupCounts | None = None  #: of `--group`
    sheet: Path | None = None  #: sheet of augmented images, if one was written
    sheets: tuple[Path, ...] = ()  #: sheets of doubtful images, if they were asked for
    inputs: str = "image"  #: what is counted: "image", "signal" or "sequence"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets: classes, labels or columns."""
        return self.spec.names

    @property
    def counts(self) -> Mapping[str, int]:
        """Name -> images that have it."""
        return self.target_counts.images

    @property
    def splits(self) -> Mapping[Split, Mapping[str, int]]:
        """The same per split; empty if the layout has none."""
        return self.target_counts.splits

    @property
    def trainable(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, object]:
        """Return the result as JSON-ready values; undecodable bytes in names are escaped."""
        return {
            "root": _readable(str(self.root)),
            "layout": self.layout,
            "trainable": self.trainable,
            "problems": [_readable(problem) for problem in self.problems],
            "images": self.images,
            "task": self.task,
            self.spec.nouns: {_readable(name): n for name, n in self.counts.items()},
            "splits": {
                split: {_readable(name): count for name, count in counts.items()}
                for split, counts in self.splits.items()
            },
            **({} if (share := self.target_counts.ignored) is None else {"ignored_share": share}),
            **({"groups": self.groups.to_json()} if self.groups else {}),
            **({} if self.inputs == "image" else {"inputs": self.inputs}),
            "sizes": self.sizes and self.sizes._asdict(),
            "gray": self.channels.get(1, 0),
            "color": self.channels.get(3, 0),
            "findings": [
                {
                    "kind": finding.kind,
                    "path": _readable(finding.path),
                    "detail": _readable(finding.detail),
                    "action": FINDINGS[finding.kind],
                }
                for finding in self.findings
            ],
            "shortcuts": [shortcut.to_json() for shortcut in self.shortcuts],
            "near_duplicates": [
                [_readable(path) for path in cluster] for cluster in self.near_duplicates
            ],
            **({"files": files} if (files := self._files()) else {}),
        }

    def _files(self) -> dict[str, object]:
        sheet = {"sheet": str(self.sheet)} if self.sheet else {}
        return {**sheet, **({"sheets": list(map(str, self.sheets))} if self.sheets else {})}

    def __repr__(self) -> str:
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        title, about = (html.escape(line) for line in _titled(self))
        table = (
            check_text.target_html(self.spec.noun, self.target_counts, self.inputs)
            if self.counts
            else ""
        )
        shortcuts = check_text.problem_html(map(str, self.shortcuts))
        if self.groups:
            table += html_table(self.groups.rows(self.inputs), left=(0,))
            table += f"<p>{html.escape(self.groups.note(self.inputs))}</p>"
        return (
            f"<div><p><b>{title}</b><br>{about}</p>{table}{check_text.finding_html(self.findings)}"
            f"{shortcuts}<p>{_verdict(self)}</p>{check_text.problem_html(self.problems)}</div>"
        )


def inspect(root: str | Path, leaked: Leaked = "keep") -> Inspection:
    """Decode every image of a folder and report its contents; nothing is modified.

    With `leaked="drop"`, leaked images are reported but not counted. Raises DataError if there is
    nothing to inspect.
    """
    return drain(inspect_steps(root, leaked))


def inspect_steps(
    root: str | Path, leaked: Leaked = "keep"
) -> Generator[Progress, None, Inspection]:
    """Run `inspect`, yielding progress after every image."""
    listing, records = yield from record_images(root)
    shortcuts = yield from find_shortcuts_of(listing, records)
    return replace(inspect_records(root, listing, records, leaked), shortcuts=shortcuts)


def inspect_records(
    root: str | Path, listing: Listing, records: Records, leaked: Leaked = "keep"
) -> Inspection:
    """Report the contents of a folder whose images were decoded already."""
    rows, images, kept = listing.usable(records)
    listed = listing.targets.recorded(records)
    targets = listed.select(rows)
    near = find_near_duplicates(kept.table["thumbnail"])
    clusters = list_clusters(near, images, kept)
    looks = (
        *near_findings(clusters, near, images),
        *poor_findings(rank_poor_images(kept), images, kept),
    )
    alike = tuple(tuple(map(images.path, cluster.tolist())) for cluster in clusters)
    why = find_training_problems(listing, images, targets, kept, leaked)
    if leaked == "drop":
        left = np.flatnonzero(~leaked_rows(images, kept))
        images, targets, kept = images.select(left), targets.select(left), kept.select(left)
    in_splits = set(np.unique(listing.samples.splits).tolist())
    return Inspection(
        root=remote_address(root) or Path(root),
        layout=listing.layout,
        task=TASK_OF_KIND[targets.spec.kind],
        spec=targets.spec,
        images=len(images),
        target_counts=targets.count(
            images, [split for number, split in enumerate(SPLITS) if number in in_splits]
        ),
        sizes=_sizes(kept),
        channels=dict(sorted(Counter(kept.table["channels"].tolist()).items())),
        findings=(
            *listing.findings,
            *records.all_findings(),
            *find_duplicates(listing.samples, records, listed.ids()),
            *find_leaked_groups(listing.samples),
            *targets.findings(images),
            *looks,
        ),
        problems=why,
        near_duplicates=alike,
        groups=_count_groups(images, kept, targets) if images.groups and len(images) else None,
        inputs=listing.inputs,
    )


def _count_groups(images: Samples, records: Records, targets: Targets) -> GroupCounts:
    """Count groups as `train` splits them unless it is given other fractions."""
    return count_groups(images.with_splits(placed(images, records, targets, USUAL)))


def _sizes(records: Records) -> Sizes | None:
    if not len(records):
        return None
    wide, high = records.table["width"], records.table["height"]
    ordered = np.lexsort((high, wide, wide.astype(np.uint64) * high))
    rows = ordered[[0, len(ordered) // 2, -1]]
    return Sizes(*((int(wide[row]), int(high[row])) for row in rows))


def _titled(inspection: Inspection) -> tuple[str, str]:
    """Return two heading lines: image and class counts, then sizes and channels."""
    images = count_noun(inspection.images, inspection.inputs)
    spec = inspection.spec
    within = f" in {spec}" if spec.names else f", {spec}" if spec.kind in ("image", "pair") else ""
    title = f"{printable(str(inspection.root))}: {images}{within} ({inspection.layout})"
    if inspection.sizes is None:
        return title, ""
    signals = inspection.inputs != "image"
    smallest, median, largest = (
        f"{width:,}" if signals else f"{width} x {height}" for width, height in inspection.sizes
    )
    sizes = smallest if smallest == largest else f"{smallest} to {largest}, median {median}"
    if inspection.inputs == "sequence":
        return title, f"{sizes} letters"
    if signals:
        (channels,) = inspection.channels
        return title, f"{sizes} samples; {count_noun(channels, 'channel')}"
    gray, color = inspection.channels.get(1, 0), inspection.channels.get(3, 0)
    colors = f"{gray:,} gray, {color:,} color" if gray and color else "gray" if gray else "color"
    return title, f"{sizes} pixels; {colors}"


def _lines(inspection: Inspection) -> Iterator[str]:
    """Yield the lines of the report, at most 80 columns wide except for a long folder name."""
    yield from filter(None, _titled(inspection))
    if inspection.counts:
        yield ""
        yield from check_text.target_lines(
            inspection.spec.noun, inspection.target_counts, inspection.inputs
        )
    if inspection.groups:
        yield ""
        yield from columns(inspection.groups.rows(inspection.inputs), left=(0,))
        yield inspection.groups.note(inspection.inputs)
    if inspection.findings:
        yield ""
        yield from check_text.finding_lines(inspection.findings)
    if inspection.shortcuts:
        yield ""
        yield "Possible shortcuts:"
        yield from check_text.problem_lines(map(str, inspection.shortcuts))
    yield ""
    yield _verdict(inspection)
    yield from check_text.problem_lines(inspection.problems)


def _verdict(inspection: Inspection) -> str:
    if not inspection.trainable:
        return "It cannot be trained on:"
    return f"It can be trained on: {inspection.task}."


def _readable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
