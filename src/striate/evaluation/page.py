"""How templates become a page: what they escape, and the filters that they use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import printable
from striate.evaluation.curves import number
from striate.plotting.chart import Chart
from striate.plotting.chart_layout import draw_chart
from striate.plotting.svg import to_svg
from striate.text import format_percent, shorten_name

if TYPE_CHECKING:
    import jinja2


@cache
def find_template(name: str) -> jinja2.Template:
    """Return a template of the folder `templates`, which escapes all that it is given."""
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
    return environment.get_template(name)


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
