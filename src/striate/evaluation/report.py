"""The evaluation report: one self-contained HTML page without scripts, Markdown, or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import Finding
from striate.errors import OptionError, printable
from striate.evaluation.content import Content, make_content
from striate.evaluation.curves import make_charts, number
from striate.evaluation.json_report import render_json
from striate.evaluation.markdown_report import render_markdown
from striate.evaluation.views import Images
from striate.plotting.chart import Chart
from striate.plotting.chart_layout import draw_chart
from striate.plotting.svg import to_svg
from striate.tasks.results import Results
from striate.tasks.sections import Section
from striate.text import count_noun, format_percent, shorten_name

if TYPE_CHECKING:
    import jinja2

    from striate.evaluation.nearest import Nearest
    from striate.evaluation.seen_images import Originals, SeenImages
    from striate.training.events import Epoch

Form = Literal["html", "markdown", "json"]


def render_report(
    results: Results,
    *,
    title: str,
    pixels: NDArray[np.uint8] | SeenImages,
    epochs: Sequence[Epoch],
    facts: Mapping[str, str],
    findings: Sequence[Finding],
    command: str,
    originals: Originals | None = None,
    nearest: Nearest | None = None,
    form: Form = "html",
    more: Sequence[Section] = (),
) -> str:
    """Render the report. `pixels` (N, H, W, 1 or 3), 0 to 255, are the network inputs of each row.

    With `originals` it shows and links the original files where they exist, with `nearest` the
    training images that are most like them; `more` stands behind the sections of the results. The
    same arguments give the same report, byte for byte.
    """
    if len(pixels) != len(results):
        raise OptionError(
            f"pixels must have a row for each of the {count_noun(len(results), 'image')} "
            f"that were evaluated, but came with {len(pixels):,}"
        )
    content = make_content(results, title, epochs, facts, findings, command)
    content = replace(content, sections=(*content.sections, *more))
    images = Images(results.about.paths, pixels, originals, nearest)
    if form == "html":
        return _render_page(content, images)
    if form == "markdown":
        return render_markdown(content, images)
    return render_json(content, images, results.to_json())


def _render_page(content: Content, images: Images) -> str:
    told = {part.name: getattr(content, part.name) for part in fields(content)}
    return _template().render(
        **told | {"sections": list(map(images.view, content.sections))},
        always=content.always,
        charts=make_charts(content.epochs, content.score.figure),
    )


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
        f.__name__: f for f in (number, format_percent, shorten_name, verbatim, drawn, kind, anchor)
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


def kind(part: object) -> str:
    """Return the name of the macro that draws a part."""
    return type(part).__name__.lower()


def anchor(cell: tuple[int, int]) -> str:
    """Return the id of the panel with the images of a cell of the confusion matrix."""
    return "cell-{}-{}".format(*cell)


def drawn(chart: Chart) -> Any:
    """Return a chart as SVG in the page's colors."""
    from markupsafe import Markup

    return Markup(to_svg(draw_chart(chart), inline=True))  # noqa: S704  # escapes its texts
