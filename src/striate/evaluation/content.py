"""What a report says, whichever format it is written in."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import striate
from striate.data.listing.samples import EQUAL, FINDINGS, LEFT_OUT, Finding
from striate.evaluation.curves import kept_epoch
from striate.evaluation.remarks import headline, make_remarks
from striate.tasks.figures import Score
from striate.tasks.results import Baseline, Results
from striate.tasks.sections import Remark, Section, Span
from striate.text import name_inputs
from striate.training.events import Epoch

if TYPE_CHECKING:
    from striate.data.traits.shortcuts import Shortcut

#: fields that hold what the data or the user call something, or what has no words
_GIVEN = frozenset(("command", "epochs", "groups", "kept", "names", "shortcuts"))
#: most findings shown of a kind
MOST_PATHS = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one kind."""

    kind: str
    action: str
    left_out: bool
    same: bool  #: details are paths of identical images
    count: int
    first: tuple[Finding, ...]


@dataclass(frozen=True)
class Content:
    """The content of a report."""

    title: str
    headline: str
    score: Score  #: that leads
    baseline: Baseline
    remarks: tuple[Remark, ...]
    sections: tuple[Section, ...]
    facts: Mapping[str, str]
    epochs: Sequence[Epoch]
    kept: Epoch | None
    groups: Sequence[Group]
    shortcuts: Sequence[Shortcut]
    command: str
    made: str  #: versions

    @property
    def always(self) -> str:
        """The score of the baseline."""
        return self.baseline.show(self.score)


def make_content(
    results: Results,
    title: str,
    epochs: Sequence[Epoch],
    facts: Mapping[str, str],
    findings: Sequence[Finding],
    command: str,
    shortcuts: Sequence[Shortcut] = (),
) -> Content:
    """Return what a report says of the results of an evaluation."""
    return Content(
        title=title,
        headline=headline(results),
        score=results.scores()[0],
        baseline=results.baseline(),
        remarks=_warnings_first((*make_remarks(results, epochs), *map(_warn, shortcuts))),
        sections=tuple(results.sections()),
        facts={"model": results.about.model, **facts},
        epochs=epochs,
        kept=kept_epoch(epochs),
        groups=_groups(findings),
        shortcuts=shortcuts,
        command=command,
        made=tell_versions(),
    )


def _warn(shortcut: Shortcut) -> Remark:
    return Remark(f"Possible shortcut: {shortcut}.", warning=not shortcut.content)


def _warnings_first(remarks: Sequence[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(remarks, key=lambda remark: not remark.warning))


def _groups(findings: Sequence[Finding]) -> list[Group]:
    """Group findings by kind in the order of FINDINGS: excluded images first."""
    found: list[Group] = []
    for kind, action in FINDINGS.items():
        group = [finding for finding in findings if finding.kind == kind]
        if group:
            first = tuple(group[:MOST_PATHS])
            same = kind in EQUAL
            found.append(Group(kind, action, kind in LEFT_OUT, same, len(group), first))
    return found


def tell_versions() -> str:
    """Return the versions that a report was made with."""
    return (
        f"striate {striate.__version__}, Python {platform.python_version()}, NumPy {np.__version__}"
    )


def rename_inputs(content: Content, inputs: str) -> Content:
    """Return the content of a report on `inputs`, which is written as one on images."""
    return content if inputs == "image" else _renamed(content, inputs)


def _renamed(value: Any, inputs: str) -> Any:
    """Return a value with the texts inside it changed; names from the data are kept."""
    if isinstance(value, str):
        return name_inputs(value, inputs)
    if isinstance(value, Mapping):
        return {name_inputs(str(key), inputs): each for key, each in value.items()}
    if type(value) is tuple:
        return tuple(_renamed(each, inputs) for each in value)
    if not is_dataclass(value) or isinstance(value, type | Span):
        return value
    told = (part.name for part in fields(value) if part.init and part.name not in _GIVEN)
    return replace(value, **{name: _renamed(getattr(value, name), inputs) for name in told})
