"""Reader of WFDB records with annotated heart beats: each beat is a signal.

    100.hea  100.dat  100.atr     a record, its samples and annotations
    classes.txt                   perhaps: classes and their symbols, as in `ectopic V A F`
    train/100.hea, test/101.hea   splits
    patient1/s1.hea               records of a folder are of one patient

Without splits, all beats of a record, or of a patient's folder, are in one. What cannot be read is
left out and named with its line, also records of another rate than most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Samples
from striate.data.listing.groups import Groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split
from striate.data.listing.split_names import split_of
from striate.data.readers.arrays import LARGEST
from striate.data.readers.entries import hidden
from striate.data.signals.heart_beats import cut_beats, read_classes
from striate.data.signals.signal_file import SignalError
from striate.data.signals.wfdb import HEADER, Header, read_header
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, printable

_TABLE = "classes.txt"


class _Beat(NamedTuple):
    path: str
    name: str  #: of its class
    split: Split | None
    group: str
    window: NDArray[np.float32]  #: (window, C)


def read_heart_records(place: Path, window: int | None) -> Listing:
    """List the beats of the records in a folder, cut to `window` samples, or to one second.

    Raises DataError for a table of classes that is none, and for more than fits into memory.
    """
    classes, findings = read_classes(place / _TABLE), list[Finding]()
    headers = list(_alike(place, list(_read_headers(place, findings)), findings))
    patients = {header.file.parent for header in headers}
    beats, total = list[_Beat](), 0
    for header in headers:
        group = header.file.parent if len(patients) > 1 else header.file.with_suffix("")
        for beat in _cut(place, header, group.name, window, classes, findings):
            beats.append(beat)
            if (total := total + beat.window.nbytes) > LARGEST:
                raise DataError(
                    f"{printable(str(place))}: its beats do not fit into memory; give a smaller "
                    "--size, or fewer records"
                )
    names = sorted({beat.name for beat in beats})
    labels = {name: at for at, name in enumerate(names)}
    images = Samples.of(Sample(beat.path, labels[beat.name], beat.split) for beat in beats)
    images = images.with_groups(Groups.of([beat.group for beat in beats]))
    signals = np.stack([beat.window for beat in beats]) if beats else np.empty((0, 1, 1), "f4")
    targets = ClassTargets.of(names, images)
    return Listing(
        place, "beats of WFDB records", targets, images, tuple(findings), arrays=signals,
        inputs="signal", rate=headers[0].rate if headers else None,
    )  # fmt: skip


def _read_headers(place: Path, findings: list[Finding]) -> Iterator[Header]:
    """Yield the headers anywhere in a folder, in code-point order."""
    for file in sorted(place.rglob(f"*{HEADER}")):
        path = file.relative_to(place)
        if not file.is_symlink() and not any(map(hidden, path.parts)):
            try:
                yield read_header(file)
            except SignalError as error:
                findings.append(Finding(error.kind, str(path), error.detail))


def _alike(place: Path, headers: Sequence[Header], findings: list[Finding]) -> Iterator[Header]:
    """Yield the headers of the rate and number of leads that most have."""
    usual = Counter((each.rate, len(each.leads)) for each in headers).most_common(1)
    names = Counter(each.names for each in headers).most_common(1)
    for header in headers:
        (rate, count), path = usual[0][0], str(header.file.relative_to(place))
        if header.rate != rate:
            findings.append(Finding("other rate", path, f"{header.rate:g} Hz, not {rate:g}"))
        elif len(header.leads) != count:
            findings.append(Finding("other channels", path, f"{len(header.leads)}, not {count}"))
        else:
            if header.names != names[0][0]:
                what = f"{', '.join(header.names)}, not {', '.join(names[0][0])}"
                findings.append(Finding("other leads", path, what))
            yield header


def _cut(
    place: Path,
    header: Header,
    group: str,
    window: int | None,
    classes: Mapping[str, str],
    findings: list[Finding],
) -> Iterator[_Beat]:
    """Yield the beats of a record that have a class."""
    inside = header.file.relative_to(place)
    path, split = str(inside), split_of(inside.parts[0]) if len(inside.parts) > 1 else None
    try:
        beats = cut_beats(header, window)
    except SignalError as error:
        findings.append(Finding(error.kind, path, error.detail))
        return
    for beat in beats.kept:
        if beat.symbol in classes:
            here = f"{path}#{beat.sample}"
            yield _Beat(here, classes[beat.symbol], split, group, beats.window(beat.sample))
    others = Counter(each.symbol for each in beats.kept if each.symbol not in classes)
    findings += [Finding("other beat", path, f"{n:,} of {s!r}") for s, n in others.items()]
    findings += [Finding("at the edge", f"{path}#{each.sample}") for each in beats.outside]
