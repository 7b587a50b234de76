"""Class counts, findings and problems as terminal text and as notebook HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence

from striate.data.listing.samples import EQUAL, FINDINGS, Finding
from striate.data.listing.targets import TargetCounts
from striate.errors import printable
from striate.text import count_noun, display_width, fit_width, format_percent, shorten

WIDTH = 80  #: columns of the terminal
_NAME = 28  #: columns reserved for a class name
_BAR = 24
_MOST_CLASSES = 25
_MOST_PATHS = 3


def target_lines(noun: str, counts: TargetCounts, inputs: str = "image") -> list[str]:
    """Return one line per class: its counts, in total or per split, and a bar; notes under them.

    `inputs` is what is counted.
    """
    shown = list(counts.images)[:_MOST_CLASSES]
    columns = _columns(counts, inputs)
    names = {name: shorten(name, _NAME) for name in shown}
    room = max([len(noun), *(display_width(name) for name in names.values())])
    widths = {title: max(map(len, (title, *cells))) for title, cells in columns.items()}
    heads = (f"{title:>{width}}" for title, width in widths.items())
    lines = ["  ".join((noun.ljust(room), *heads))]
    most = max(1, *counts.images.values())
    for row, name in enumerate(shown):
        padded = names[name] + " " * (room - display_width(names[name]))
        cells = (f"{columns[title][row]:>{width}}" for title, width in widths.items())
        bar = "" if counts.columns else "█" * -(-counts.images[name] * _BAR // most)
        lines.append("  ".join((padded, *cells, bar)).rstrip())
    return [*lines, *_notes(noun, counts, inputs)]


def _columns(counts: TargetCounts, inputs: str) -> dict[str, Sequence[str]]:
    """Return title -> cells: images in total or per split, and the further columns."""
    numbers: dict[str, Mapping[str, int]] = {**counts.splits} or {f"{inputs}s": counts.images}
    texts = {title: [f"{n:,}" for n in column.values()] for title, column in numbers.items()}
    return {**texts, **counts.columns}


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the findings grouped by kind: count, action taken, and the first few paths."""
    for kind, group in _grouped(findings).items():
        yield f"{len(group):,} {kind}: {FINDINGS[kind]}"
        yield from (shorten(f"    {_told(finding)}", WIDTH) for finding in group[:_MOST_PATHS])
        if len(group) > _MOST_PATHS:
            yield f"    and {len(group) - _MOST_PATHS:,} more"


def problem_lines(problems: Iterable[str]) -> Iterator[str]:
    """Yield the problems as a bulleted list wrapped to the terminal width."""
    for problem in problems:
        for number, line in enumerate(problem.split("\n")):
            mark = "    " if number else "  - "
            for part in _wrapped(line, WIDTH - 4):
                yield mark + part
                mark = "    "


def target_html(noun: str, counts: TargetCounts, inputs: str = "image") -> str:
    """Return the table of `target_lines` as HTML."""
    columns = _columns(counts, inputs)
    most = max(1, *counts.images.values())
    head = "".join(f"<th>{title}</th>" for title in (noun, *columns, ""))
    rows: list[str] = []
    for row, name in enumerate(list(counts.images)[:_MOST_CLASSES]):
        cells = "".join(f"<td>{column[row]}</td>" for column in columns.values())
        wide = 0 if counts.columns else 10 * counts.images[name] / most
        bar = f'<div style="background:#4878a8;height:.8em;width:{wide:.1f}em">'
        rows.append(f"<tr><td>{_safe(name)}</td>{cells}<td>{bar}</div></td></tr>")
    more = "".join(f"<p>{html.escape(text)}</p>" for text in _notes(noun, counts, inputs))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>{more}"


def finding_html(findings: Iterable[Finding]) -> str:
    """Return the findings of `finding_lines` as an HTML list."""
    items: list[str] = []
    for kind, group in _grouped(findings).items():
        paths = [
            f"<li><code>{_safe(_told(finding))}</code></li>" for finding in group[:_MOST_PATHS]
        ]
        if len(group) > _MOST_PATHS:
            paths.append(f"<li>and {len(group) - _MOST_PATHS:,} more</li>")
        items.append(f"<li>{len(group):,} {kind}: {FINDINGS[kind]}<ul>{''.join(paths)}</ul></li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def problem_html(problems: Iterable[str]) -> str:
    """Return the problems of `problem_lines` as an HTML list."""
    items = "".join(f"<li><pre>{html.escape(problem)}</pre></li>" for problem in problems)
    return f"<ul>{items}</ul>" if items else ""


def _wrapped(line: str, most: int) -> Iterator[str]:
    """Wrap by display width; textwrap counts characters, and wide ones take two columns."""
    while display_width(line) > most:
        kept = fit_width(line, most)
        head = kept.rpartition(" ")[0]
        part = head if head.strip() else kept
        yield part
        line = line[len(part) :].lstrip(" ")
    yield line


def _notes(noun: str, counts: TargetCounts, inputs: str) -> Iterator[str]:
    """Yield what stands under the table: the names that it does not show, and ignored pixels."""
    others: Sequence[int] = sorted(list(counts.images.values())[_MOST_CLASSES:])
    if others:
        more = count_noun(len(others), f"more {noun}")
        yield f"and {more} of {others[0]:,} to {others[-1]:,} {inputs}s"
    if counts.ignored:
        yield f"ignored: {format_percent(counts.ignored)} of all pixels, which are of no class"


def _grouped(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return kind -> findings in the order of FINDINGS, excluded files first."""
    groups: dict[str, list[Finding]] = {kind: [] for kind in FINDINGS}
    for finding in findings:
        groups[finding.kind].append(finding)
    return {kind: group for kind, group in groups.items() if group}


def _told(finding: Finding) -> str:
    if not finding.detail:
        return finding.path
    mark = " =" if finding.kind in EQUAL else ":"
    return f"{finding.path}{mark} {finding.detail}"


def _safe(text: str) -> str:
    return html.escape(printable(text))
