"""An evaluation as one HTML page that carries all it shows, and loads and runs nothing."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import striate
from striate.data.listing.samples import EQUAL, FINDINGS, LEFT_OUT, Finding
from striate.errors import OptionError, printable
from striate.evaluation import curves
from striate.evaluation.curves import make_charts, number, thin_epochs
from striate.evaluation.evaluate import OriginalImages, Originals
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
from striate.text import count_noun, format_percent, percent_digits, shorten_name

if TYPE_CHECKING:
    import jinja2

    from striate.training.events import Epoch

#: up to this many classes the matrix is a table to read; above, an image and a list
MOST_IN_TABLE = 40
#: with more classes than this, long names above the columns are turned
MOST_LEVEL = 4
#: wrong images shown, right ones, and findings of one kind
MOST_MISTAKES, MOST_DOUBTS = 24, 12
MOST_PATHS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int
    shade: float  #: how strongly it is colored, 0 to 1
    right: bool
    text: str  #: what it says under the pointer


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    images: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    answer: Mistake | Doubt
    name: str  #: of the file
    link: str  #: to the file, relative to the page; "" where it is none
    address: str  #: `data:`
    exact: bool  #: every pixel is there


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one kind."""

    kind: str
    action: str
    left_out: bool
    same: bool  #: their details are paths of the same image
    count: int
    first: tuple[Finding, ...]


def render_report(
    evaluation: Evaluation,
    *,
    title: str,
    pixels: NDArray[np.uint8] | OriginalImages,
    epochs: Sequence[Epoch],
    facts: Mapping[str, str],
    findings: Sequence[Finding],
    command: str,
    originals: Originals | None = None,
) -> str:
    """The page. `pixels` (N, H, W, 1 or 3), 0 to 255, are the network's view of each row.

    With `originals` it shows and links the files themselves where they are there. The same
    arguments give the same page, byte for byte.
    """
    if len(pixels) != len(evaluation):
        raise OptionError(
            f"pixels must have a row for each of the {count_noun(len(evaluation), 'image')} "
            f"that were judged, but came with {len(pixels):,}"
        )
    shown = partial(_thumbnail, pixels=pixels, originals=originals)
    return _template().render(
        title=title,
        facts=facts,
        groups=_groups(findings),
        command=command,
        made=_made(),
        headline=headline(evaluation),
        remarks=make_remarks(evaluation, epochs),
        thumbnails=[shown(mistake) for mistake in evaluation.worst_mistakes(MOST_MISTAKES)],
        seen=_seen(np.shape(pixels[0]), originals),
        doubts=[shown(doubt) for doubt in evaluation.least_sure(MOST_DOUBTS)],
        epochs=epochs,
        kept=thin_epochs(epochs),
        charts=make_charts(epochs),
        size=curves,
        **_figures(evaluation),
    )


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """What the template shows of the evaluation alone."""
    matrix, names = evaluation.confusion, evaluation.class_names
    tabled = len(names) <= MOST_IN_TABLE
    return {
        "evaluation": evaluation,
        "baseline": baseline(evaluation),
        "guessing": math.log(len(names)),
        "errors": int(matrix.sum() - np.trace(matrix)),
        "rows": _rows(evaluation) if tabled else (),
        "turned": len(names) > MOST_LEVEL and max(map(len, names)) > 3,
        "image": None if tabled else draw_matrix(matrix),
        "confused": evaluation.top_confusions(10 if tabled else 20),
        "classes": [(row, _found(row)) for row in evaluation.weakest()],
        "few": FEW,
        "places": percent_digits(len(evaluation)),
        "class_places": percent_digits(len(evaluation) // len(names)),
    }


def _template() -> jinja2.Template:
    import jinja2  # only who writes a page waits for it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_inert,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        f.__name__: f for f in (number, format_percent, count_noun, shorten_name, verbatim)
    }
    environment.filters.update(filters)
    return environment.get_template("report.html")


def _inert(value: Any) -> Any:
    """Every value on its way into the page: control and direction characters become visible."""
    from markupsafe import Markup, escape  # comes with jinja2

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return Markup(str(escape(printable(value))).replace(" %", "&nbsp;%"))  # noqa: S704  # escaped


def verbatim(text: str) -> Any:
    """Every blank stays what it is, so that a line can be copied."""
    from markupsafe import Markup, escape

    return Markup(str(escape(printable(text))))  # noqa: S704  # escaped


def _rows(evaluation: Evaluation) -> tuple[Row, ...]:
    matrix, names = evaluation.confusion, evaluation.class_names
    shades = shade_matrix(matrix)
    found: list[Row] = []
    for true, name in enumerate(names):
        images = int(matrix[true].sum())
        cells = (
            Cell(
                count := int(matrix[true, said]),
                float(shades[true, said]),
                true == said,
                f"true {name}, said {names[said]}: {count:,} of {count_noun(images, 'image')}"
                f" ({format_percent(count / images, percent_digits(images))})"
                if count
                else "",
            )
            for said in range(len(names))
        )
        found.append(Row(name, images, tuple(cells)))
    return tuple(found)


def _found(row: ClassScore) -> Proportion | None:
    """Recall with its interval."""
    return None if row.recall is None else Proportion.of(round(row.recall * row.images), row.images)


def _thumbnail(
    answer: Mistake | Doubt, pixels: NDArray[np.uint8] | OriginalImages, originals: Originals | None
) -> Thumbnail:
    view = originals.pixels(answer.path, LARGEST) if originals else None
    view = np.asarray(pixels[answer.row]) if view is None else view
    link = originals.link(answer.path) if originals else ""
    name, exact = PurePosixPath(answer.path).name, max(view.shape[:2]) <= EXACT
    return Thumbnail(answer, name, link, encode_thumbnail(view), exact)


def _seen(shape: tuple[int, ...], originals: Originals | None) -> str:
    if originals is None:
        return "They are shown as the network saw them."
    return f"The files are shown; the network saw them at {shape[1]}x{shape[0]} pixels."


def _groups(findings: Sequence[Finding]) -> list[Group]:
    """By kind in the order of FINDINGS: what is left out first."""
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
