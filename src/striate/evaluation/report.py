"""The evaluation report: one self-contained HTML page, without scripts or external resources."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import striate
from striate.data.listing.samples import EQUAL, FINDINGS, LEFT_OUT, Finding
from striate.errors import OptionError, printable
from striate.evaluation.curves import kept_epoch, make_charts, number
from striate.evaluation.evaluation import Evaluation
from striate.evaluation.remarks import baseline, headline, make_remarks
from striate.evaluation.scores import FEW, ClassScore, Doubt, Mistake, Proportion
from striate.evaluation.thumbnails import (
    EXACT,
    LARGEST,
    draw_matrix,
    encode_thumbnail,
    shade_matrix,
)
from striate.plotting.chart import Axis, Cells, Chart
from striate.plotting.chart_layout import draw_chart
from striate.plotting.svg import to_svg
from striate.text import count_noun, format_percent, percent_digits, shorten_name

if TYPE_CHECKING:
    import jinja2

    from striate.evaluation.evaluate import Originals, SeenImages
    from striate.training.events import Epoch

#: most classes shown as a table; above, the confusion matrix is an image and a list
MOST_IN_TABLE = 40
#: most classes with horizontal column heads; above, long names are rotated
MOST_LEVEL = 4
#: most mistakes and least confident images shown, and findings per kind
MOST_MISTAKES, MOST_DOUBTS = 24, 12
MOST_PATHS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int
    shade: float  #: color intensity, 0 to 1
    right: bool
    text: str  #: tooltip


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    images: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    answer: Mistake | Doubt
    name: str  #: of the file
    link: str  #: to the file, relative to the page; "" if there is none
    address: str  #: `data:` URL
    exact: bool  #: full resolution


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one kind."""

    kind: str
    action: str
    left_out: bool
    same: bool  #: details are paths of identical images
    count: int
    first: tuple[Finding, ...]


def render_report(
    evaluation: Evaluation,
    *,
    title: str,
    pixels: NDArray[np.uint8] | SeenImages,
    epochs: Sequence[Epoch],
    facts: Mapping[str, str],
    findings: Sequence[Finding],
    command: str,
    originals: Originals | None = None,
) -> str:
    """Render the page. `pixels` (N, H, W, 1 or 3), 0 to 255, are the network inputs of each row.

    With `originals` it shows and links the original files where they exist. The same arguments
    give the same page, byte for byte.
    """
    if len(pixels) != len(evaluation):
        raise OptionError(
            f"pixels must have a row for each of the {count_noun(len(evaluation), 'image')} "
            f"that were evaluated, but came with {len(pixels):,}"
        )
    mistakes, doubts = evaluation.worst_mistakes(MOST_MISTAKES), evaluation.least_sure(MOST_DOUBTS)
    views = _views([*mistakes, *doubts], pixels, originals)
    shown = partial(_thumbnail, views=views, originals=originals)
    return _template().render(
        title=title,
        facts=facts,
        groups=_groups(findings),
        command=command,
        made=_made(),
        headline=headline(evaluation),
        remarks=make_remarks(evaluation, epochs),
        thumbnails=[shown(mistake) for mistake in mistakes],
        seen=_seen(pixels.shape[1:], originals),
        doubts=[shown(doubt) for doubt in doubts],
        epochs=epochs,
        kept=kept_epoch(epochs),
        charts=make_charts(epochs),
        **_figures(evaluation),
    )


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return the template variables that depend on the evaluation only."""
    matrix, names = evaluation.confusion, evaluation.class_names
    tabled = len(names) <= MOST_IN_TABLE
    return {
        "evaluation": evaluation,
        "baseline": baseline(evaluation),
        "guessing": math.log(len(names)),
        "errors": int(matrix.sum() - np.trace(matrix)),
        "rows": _rows(evaluation) if tabled else (),
        "turned": len(names) > MOST_LEVEL and max(map(len, names)) > 3,
        "sheet": None if tabled else _sheet(matrix),
        "confused": evaluation.top_confusions(10 if tabled else 20),
        "classes": [(row, _found(row)) for row in evaluation.weakest()],
        "few": FEW,
        "places": percent_digits(len(evaluation)),
        "class_places": percent_digits(len(evaluation) // len(names)),
    }


@cache
def _template() -> jinja2.Template:
    import jinja2  # lazy: only needed to write a page

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_inert,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        f.__name__: f for f in (number, format_percent, count_noun, shorten_name, verbatim, drawn)
    }
    environment.filters.update(filters)
    return environment.get_template("report.html")


def _inert(value: Any) -> Any:
    """Escape a template value; control and bidi characters become visible."""
    from markupsafe import Markup, escape  # comes with jinja2

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return Markup(str(escape(printable(value))).replace(" %", "&nbsp;%"))  # noqa: S704  # escaped


def verbatim(text: str) -> Any:
    """Escape text but keep its spaces, so that a command can be copied."""
    from markupsafe import Markup, escape

    return Markup(str(escape(printable(text))))  # noqa: S704  # escaped


def drawn(chart: Chart) -> Any:
    """Return a chart as SVG in the page's colors."""
    from markupsafe import Markup

    return Markup(to_svg(draw_chart(chart), inline=True))  # noqa: S704  # escapes its texts


def _rows(evaluation: Evaluation) -> tuple[Row, ...]:
    matrix, names = evaluation.confusion, evaluation.class_names
    shades = shade_matrix(matrix)
    found: list[Row] = []
    for true, name in enumerate(names):
        images = int(matrix[true].sum())
        cells = (
            Cell(
                count := int(matrix[true, predicted]),
                float(shades[true, predicted]),
                true == predicted,
                f"true {name}, predicted {names[predicted]}: {count:,} of "
                f"{count_noun(images, 'image')}"
                f" ({format_percent(count / images, percent_digits(images))})"
                if count
                else "",
            )
            for predicted in range(len(names))
        )
        found.append(Row(name, images, tuple(cells)))
    return tuple(found)


def _sheet(matrix: NDArray[np.int64]) -> Chart:
    """Chart the confusion matrix of many classes, which are numbered from 0."""
    count = len(matrix)
    side = min(max(count, 560), 760)
    return Chart(
        (Cells(draw_matrix(matrix), count, count),),
        x=Axis("predicted", (0, count), whole=True),
        y=Axis("true", (count, 0), whole=True),
        width=side,
        height=side,
        name=f"Confusion matrix of {count:,} classes",
    )


def _found(row: ClassScore) -> Proportion | None:
    """Return the recall with its confidence interval."""
    return None if row.recall is None else Proportion.of(round(row.recall * row.images), row.images)


def _views(
    answers: Sequence[Mistake | Doubt],
    pixels: NDArray[np.uint8] | SeenImages,
    originals: Originals | None,
) -> dict[int, NDArray[np.uint8]]:
    """Return the image to show of each row: the original, else the network's input."""
    found = {at.row: originals.pixels(at.path, LARGEST) if originals else None for at in answers}
    missing = [row for row, view in found.items() if view is None]
    inputs = dict(zip(missing, pixels[np.array(missing, int)], strict=True))
    return {row: inputs[row] if view is None else view for row, view in found.items()}


def _thumbnail(
    answer: Mistake | Doubt, views: Mapping[int, NDArray[np.uint8]], originals: Originals | None
) -> Thumbnail:
    view = views[answer.row]
    link = originals.link(answer.path) if originals else ""
    name, exact = PurePosixPath(answer.path).name, max(view.shape[:2]) <= EXACT
    return Thumbnail(answer, name, link, encode_thumbnail(view), exact)


def _seen(shape: tuple[int, ...], originals: Originals | None) -> str:
    if originals is None:
        return "They are shown as the network’s input."
    return f"The files are shown; the network’s input has {shape[1]}x{shape[0]} pixels."


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


def _made() -> str:
    return (
        f"striate {striate.__version__}, Python {platform.python_version()}, NumPy {np.__version__}"
    )
