"""The evaluation report: one self-contained HTML page without scripts, Markdown, or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import Finding
from striate.errors import OptionError
from striate.evaluation.content import Content, make_content, rename_inputs
from striate.evaluation.curves import make_charts
from striate.evaluation.page import find_template
from striate.evaluation.seen_images import SeenImages
from striate.evaluation.views import Images
from striate.tasks.results import Results
from striate.tasks.sections import Section
from striate.text import count_noun

if TYPE_CHECKING:
    from striate.evaluation.doubts import Doubts
    from striate.evaluation.invariance_result import Invariance
    from striate.evaluation.nearest import Nearest
    from striate.evaluation.seen_images import Originals
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
    distorted: Invariance | None = None,
    doubts: Doubts | None = None,
) -> str:
    """Render the report. `pixels` (N, H, W, 1 or 3), 0 to 255, are the network inputs of each row.

    With `originals` it shows and links the original files where they exist, with `nearest` the
    training images that are most like them, with `distorted` what distortions do, with `doubts` the
    doubtful images; `more` stands before these. The same arguments give the same report, byte for
    byte.
    """
    if len(pixels) != len(results):
        raise OptionError(
            f"pixels must have a row for each of the {count_noun(len(results), 'image')} "
            f"that were evaluated, but came with {len(pixels):,}"
        )
    shortcuts = doubts.shortcuts if doubts else ()
    content = make_content(results, title, epochs, facts, findings, command, shortcuts)
    if distorted:
        from striate.evaluation.invariance_sections import make_sections  # lazy: loads `vision`

        more = (*more, *make_sections(distorted))
    if doubts:
        more = (*more, *doubts.sections)
    inputs = results.about.inputs
    content = rename_inputs(replace(content, sections=(*content.sections, *more)), inputs)
    images = Images(results.about.paths, pixels, originals, nearest)
    if doubts and isinstance(pixels, SeenImages):
        images = images.with_others(pixels, doubts.others)
    if form == "html":
        return _render_page(content, images, inputs)
    return _render_text(content, images, form, results, distorted)


def _render_text(
    content: Content, images: Images, form: Form, results: Results, distorted: Invariance | None
) -> str:
    from striate.evaluation.json_report import render_json  # lazy: few reports are no page
    from striate.evaluation.markdown_report import render_markdown

    if form == "markdown":
        return render_markdown(content, images)
    figures = {"invariance": distorted.to_json()} if distorted else {}
    return render_json(content, images, {**results.to_json(), **figures})


def _render_page(content: Content, images: Images, inputs: str) -> str:
    told = {part.name: getattr(content, part.name) for part in fields(content)}
    return find_template("report.html").render(
        **told | {"sections": list(map(images.view, content.sections))},
        always=content.always,
        inputs=inputs,
        charts=make_charts(content.epochs, content.score.figure),
    )
