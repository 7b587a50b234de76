"""The evaluation report: one self-contained HTML page, without scripts or external resources."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import striate
from striate.data.listing.samples import EQUAL, FINDINGS, LEFT_OUT, Finding
from striate.errors import OptionError, printable
from striate.evaluation.curves import kept_epoch, make_charts, number
from striate.evaluation.remarks import headline, make_remarks
from striate.evaluation.views import Images
from striate.plotting.chart import Chart
from striate.plotting.chart_layout import draw_chart
from striate.plotting.svg import to_svg
from striate.tasks.results import Results
from striate.text import count_noun, format_percent, shorten_name

if TYPE_CHECKING:
    import jinja2

    from striate.evaluation.evaluate import Originals, SeenImages
    from striate.training.events import Epoch

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
) -> str:
    """Render the page. `pixels` (N, H, W, 1 or 3), 0 to 255, are the network inputs of each row.

    With `originals` it shows and links the original files where they exist. The same arguments
    give the same page, byte for byte.
    """
    if len(pixels) != len(results):
        raise OptionError(
            f"pixels must have a row for each of the {count_noun(len(results), 'image')} "
            f"that were evaluated, but came with {len(pixels):,}"
        )
    images = Images(results.about.paths, pixels, originals)
    score, baseline = results.scores()[0], results.baseline()
    return _template().render(
        title=title,
        facts={"model": results.about.model, **facts},
        groups=_groups(findings),
        command=command,
        made=_made(),
        headline=headline(results),
        score=score,
        baseline=baseline,
        always=baseline.show(score),
        remarks=make_remarks(results, epochs),
        sections=list(map(images.view, results.sections())),
        epochs=epochs,
        kept=kept_epoch(epochs),
        charts=make_charts(epochs, score.figure),
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
        f.__name__: f for f in (number, format_percent, shorten_name, verbatim, drawn, kind)
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


def drawn(chart: Chart) -> Any:
    """Return a chart as SVG in the page's colors."""
    from markupsafe import Markup

    return Markup(to_svg(draw_chart(chart), inline=True))  # noqa: S704  # escapes its texts


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
