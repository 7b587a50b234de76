"""The report as Markdown: one file of text and tables, whose images are links to their files."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import chain, groupby

from striate.errors import printable
from striate.evaluation.content import Content
from striate.evaluation.curves import number
from striate.evaluation.views import Images
from striate.tasks.sections import (
    MOST_IN_TABLE,
    Charts,
    Gallery,
    Matrix,
    Part,
    Phrase,
    Picture,
    Rank,
    Ranking,
    Remark,
    Section,
    Span,
    Table,
    Text,
    Tiles,
)
from striate.text import count_noun, format_percent

#: what has a meaning inside of a line, and what begins an address
_INLINE = re.compile(r"[\\`*_\[\]|~$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
#: what begins a heading, a list, a quotation or a rule at the start of a line
_BLOCK = re.compile(r"^(\d*)(?=[-+.)](?:\s|$)|#+(?:\s|$)|[-=]+$)")


def escape(text: str) -> str:
    """Return text as a line of Markdown that shows it, whatever it holds."""
    shown = html.escape(printable(text.strip(" ")), quote=False)
    return _BLOCK.sub(r"\1\\", _INLINE.sub(r"\\\g<0>", shown))


def render_markdown(content: Content, images: Images) -> str:
    """Return the report as Markdown, as GitHub shows it; charts and images are on the page only."""
    first, *others = content.sections
    blocks = [
        f"# {escape(content.title)}",
        f"**{escape(content.headline)}**",
        escape(f"For comparison, {content.baseline.rule}: {content.always}"),
        "\n".join(map(remark_markdown, content.remarks)),
        *section_markdown(first, images),
        render_table([("setting", "value"), *content.facts.items()], left=(0, 1)),
        *_training(content),
        *(block for section in others for block in section_markdown(section, images)),
        "## The data",
        *_findings(content),
        "## How this was made",
        f"    {printable(content.command)}" if content.command else "",
        escape(f"{content.made}."),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def remark_markdown(remark: Remark) -> str:
    """Return a remark as an item of a list."""
    return f"- {'**Warning:** ' * remark.warning}{escape(remark.text)}"


def _training(content: Content) -> Iterator[str]:
    yield "## Training"
    if not content.epochs:
        yield "No record of a training came with this network."
        return
    figure = content.score.figure
    heads = ("epoch", "training loss", "validation loss", f"training {figure.title}",
             f"validation {figure.title}", "learning rate")  # fmt: skip
    rows = [
        (
            f"{'kept, ' * (row == content.kept)}{row.epoch}",
            number(row.train_loss),
            number(row.validation_loss),
            figure.show(row.train.get(figure.name)),
            figure.show(row.validation.get(figure.name)),
            number(row.learning_rate),
        )
        for row in content.epochs
    ]
    yield render_table([heads, *rows], left=())


def _findings(content: Content) -> Iterator[str]:
    if not content.groups:
        yield "No problems were found while the folder was read."
    for group in content.groups:
        more = group.count - len(group.first)
        named = [escape(f"{each.path}: {each.detail}".removesuffix(": ")) for each in group.first]
        last = [f"and {more:,} more"] if more else []
        lines = [f"- {line}" for line in (*named, *last)]
        title = f"{group.count:,} {group.kind}, {group.action}:"
        yield "\n".join([escape(title), "", *lines])


def section_markdown(section: Section, images: Images) -> Iterator[str]:
    """Yield the blocks of a section."""
    yield f"## {escape(section.title)}"
    yield escape(section.explanation)
    for part in _join_charts(section.parts):
        yield from _part(part, images)


def _join_charts(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts, charts that follow one another as one part."""
    for kind, alike in groupby(parts, type):
        if kind is Charts:
            charts = (part.charts for part in alike if isinstance(part, Charts))
            yield Charts(tuple(chain.from_iterable(charts)))
        else:
            yield from alike


def _part(part: Part, images: Images) -> Iterator[str]:
    match part:
        case Tiles():
            yield "\n".join(
                f"- **{escape(tile.value)}** {escape(tile.text)}" for tile in part.tiles
            )
        case Text():
            yield _phrase(part.phrase)
        case Charts():
            titles = [chart.title for chart in part.charts if chart.title]
            names = titles or [chart.name for chart in part.charts]
            yield escape(f"Charts of the HTML page: {', '.join(names)}.")
        case Table():
            yield f"### {escape(part.name)}" if part.titled else ""
            left = [at for at, head in enumerate(part.heads) if head.left]
            heads = [escape(head.text) for head in part.heads]
            yield _lines(
                [heads, *([_phrase(cell.phrase) for cell in row] for row in part.rows)], left
            )
        case Matrix():
            yield f"### {escape(part.title)}" if part.title else ""
            yield _matrix(part)
        case Ranking():
            yield f"### {escape(part.title)}"
            yield "\n".join(map(_rank, part.ranks))
            yield escape(part.text)
        case Gallery():
            yield "\n".join(_picture(picture, images) for picture in part.pictures)
            yield escape(part.text)


def _phrase(phrase: Phrase) -> str:
    if isinstance(phrase, str):
        return escape(phrase)
    return "".join(map(_span, phrase))


def _span(span: str | Span) -> str:
    if isinstance(span, str):
        ends = " " * span.startswith(" "), " " * (span.endswith(" ") and len(span) > 1)
        return f"{ends[0]}{escape(span)}{ends[1]}"
    shown = escape(span.text)
    return f"**{shown}**" if span.look in ("strong", "wrong") and shown else shown


def _rank(rank: Rank) -> str:
    return f"- {_phrase(rank.phrase)}: {escape(rank.value)} ({format_percent(rank.share, 0)})"


def _picture(picture: Picture, images: Images) -> str:
    path = images.paths[picture.row]
    link = images.link(path)
    shown = f"[{escape(path)}]({link})" if link else escape(path)
    near = [f"{each.target} ({each.path})" for each in images.near(picture)]
    most_like = escape(f"; most like {', '.join(near)} of the training images") if near else ""
    return f"- {shown}: {_phrase(picture.caption)}{most_like}"


def _matrix(part: Matrix) -> str:
    if len(part.names) > MOST_IN_TABLE:
        return f"The matrix of {count_noun(len(part.names), 'class')} is on the HTML page."
    heads = ["true, predicted", *map(escape, part.names), f"{part.noun}s"]
    rows = [
        [f"**{escape(name)}**", *(f"{count:,}" if count else "" for count in row), f"{sum(row):,}"]
        for name, row in zip(part.names, part.counts.tolist(), strict=True)
    ]
    return _lines([heads, *rows], left=[0])


def render_table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Return rows of plain text as a table, the first as its heads."""
    return _lines([[escape(cell) for cell in row] for row in rows], left)


def _lines(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Return a table of cells that are Markdown already, the first row its heads."""
    sides = ["---" if at in left else "---:" for at in range(len(rows[0]))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], sides, *rows[1:]))
