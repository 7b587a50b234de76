"""The comparison of two models as one self-contained HTML page, Markdown, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from striate.errors import printable
from striate.evaluation.content import tell_versions
from striate.evaluation.evaluate import EvaluationRun
from striate.evaluation.invariance_sections import make_sections
from striate.evaluation.json_report import section_json
from striate.evaluation.markdown_report import escape, remark_markdown, section_markdown
from striate.evaluation.page import find_template
from striate.evaluation.pair_results import NAMES, PairResults
from striate.evaluation.seen_images import Originals
from striate.evaluation.views import Images
from striate.tasks.results import ByImage, Results
from striate.tasks.sections import (
    Cell,
    Gallery,
    Head,
    Matrix,
    Phrase,
    Picture,
    Remark,
    Section,
    Span,
    Table,
    Text,
)
from striate.text import count_noun

#: most images shown that one of the models answers better
MOST_FLIPPED = 24


@dataclass(frozen=True)
class _Told:
    """What the page says, whichever format it is written in."""

    title: str
    headline: str
    remarks: tuple[Remark, ...]
    sections: tuple[Section, ...]
    command: str
    made: str


def write_pair_page(
    pair: PairResults,
    runs: tuple[EvaluationRun, EvaluationRun],
    command: str,
    originals: Originals | None,
    suffix: str = ".html",
) -> str:
    """Render the comparison in the format of a suffix of FORMS; images as A sees them."""
    told = _Told(
        "Two models on the same images",
        pair.verdict,
        tuple(pair.remarks()),
        tuple(make_pair_sections(pair, runs)),
        command,
        tell_versions(),
    )
    images = Images(
        pair.first.about.paths, runs[0].pixels.drawn(runs[0].model.preprocess), originals
    )
    match suffix.lower():
        case ".md":
            return _markdown(told, images)
        case ".json":
            return _json(told, images, pair)
        case _:
            views = [images.view(section) for section in told.sections]
            said = {name: getattr(told, name) for name in _Told.__dataclass_fields__}
            return find_template("pair.html").render(**said | {"sections": views})


def make_pair_sections(
    pair: PairResults, runs: tuple[EvaluationRun, EvaluationRun]
) -> Iterator[Section]:
    """Yield figures, confusion matrices, the images that one answers better, and distorted ones."""
    yield _figures(pair, runs)
    matrices = [_find_matrix(results) for results in pair.both]
    if matrices[0] and matrices[1]:
        yield Section(
            "Confusion matrices",
            "Rows are the true classes, columns the predicted ones, in the order of A for both.",
            tuple(
                replace(_in_order(matrix, matrices[0].names), title=title)
                for title, matrix in zip(NAMES, filter(None, matrices), strict=True)
            ),
        )
    if isinstance(pair.first, ByImage) and isinstance(pair.second, ByImage):
        yield _flipped(pair, pair.first, pair.second, 0)
        yield _flipped(pair, pair.first, pair.second, 1)
    if pair.distorted:
        yield from make_sections(pair.distorted)


def _figures(pair: PairResults, runs: tuple[EvaluationRun, EvaluationRun]) -> Section:
    heads, *rows = pair.rows()
    models = zip(NAMES, runs, strict=True)
    return Section(
        f"Figures of {count_noun(len(pair), 'image')}",
        "In brackets the 95 % interval of each model alone. Two intervals may overlap although the "
        "models differ: both answer the same images, so only the paired test above compares them.",
        (
            *(
                Text((f"{name}: ", Span(run.results.about.model, "strong"), ", ",
                      f"{run.model.network_name}, {run.model.parameters:,} parameters"))
                for name, run in models
            ),
            Table("Figures", tuple(Head(head or "figure", left=not head) for head in heads),
                  tuple(tuple(map(Cell, row)) for row in rows)),
        ),
    )  # fmt: skip


def _find_matrix(results: Results) -> Matrix | None:
    parts = (part for section in results.sections() for part in section.parts)
    return next((part for part in parts if isinstance(part, Matrix)), None)


def _in_order(matrix: Matrix, names: tuple[str, ...]) -> Matrix:
    """Return a matrix with its classes in the order of `names`, and without images."""
    order = [matrix.names.index(name) for name in names]
    return replace(matrix, names=names, counts=matrix.counts[np.ix_(order, order)], images=())


def _flipped(pair: PairResults, first: ByImage, second: ByImage, better: int) -> Section:
    """Show the images that one of the models, 0 or 1, answers better."""
    rows, paths = pair.flipped[better], pair.first.about.paths
    name, other = NAMES[better], NAMES[1 - better]
    title = f"Only {name} is right" if pair.decides else f"{name} is closer"
    title = f"{title}: {count_noun(len(rows), 'image')}"
    if not len(rows):
        return Section(title, "", (Text("There is no such image."),))
    pictures = tuple(
        Picture(row, _caption(first, second, row, better), f"Image {paths[row]}")
        for row in rows[:MOST_FLIPPED].tolist()
    )
    more = f"The first {len(pictures)} of {len(rows):,}." * (len(rows) > len(pictures))
    order = f"The images that {name} answers better than {other}, the largest difference first."
    return Section(title, order, (Gallery(pictures, more),))


def _caption(first: ByImage, second: ByImage, row: int, better: int) -> Phrase:
    told = first.tell(row), second.tell(row)
    looks = ("strong", "wrong") if better == 0 else ("wrong", "strong")
    true: tuple[str | Span, ...] = ("true ", Span(told[0].true), ", ") if told[0].true else ()
    said = (Span(each.answer, look) for each, look in zip(told, looks, strict=True))
    return (*true, f"{NAMES[0]} said ", next(said), f", {NAMES[1]} said ", next(said))


def _markdown(told: _Told, images: Images) -> str:
    blocks = [
        f"# {escape(told.title)}",
        f"**{escape(told.headline)}**",
        "\n".join(map(remark_markdown, told.remarks)),
        *(block for section in told.sections for block in section_markdown(section, images)),
        "## How this was made",
        f"    {printable(told.command)}",
        escape(f"{told.made}."),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _json(told: _Told, images: Images, pair: PairResults) -> str:
    sections = [section_json(section, images) for section in told.sections]
    remarks = [asdict(remark) for remark in told.remarks]
    said = {"title": told.title, "headline": told.headline, "remarks": remarks}
    said |= {"results": pair.to_json(), "sections": sections}
    said |= {"command": told.command, "made": told.made}
    return json.dumps(said, indent=2, allow_nan=False) + "\n"
