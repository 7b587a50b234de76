"""SVG or PNG plot of a learning-rate range test: loss over learning rate."""

from __future__ import annotations

from striate.plotting.chart import Axis, Chart, Line, Rule
from striate.plotting.chart_layout import draw_chart
from striate.plotting.png import to_png
from striate.plotting.shapes import BLUE, ORANGE
from striate.plotting.svg import to_svg
from striate.plotting.ticks import make_ticks
from striate.training.lr_finder import RateTest


def draw_rate_test(test: RateTest, suffix: str) -> bytes:
    """Return the plot as the bytes of a file."""
    picture = draw_chart(_chart(test))
    return to_svg(picture).encode() if suffix == ".svg" else to_png(picture)


def _chart(test: RateTest) -> Chart:
    losses = tuple(zip(test.rates, test.losses, strict=True))
    smoothed = tuple(zip(test.rates, test.smoothed, strict=True))
    suggestion = (
        (Rule(max(test.suggested, test.rates[0]), f"suggested: {test.suggested:.2g}", ORANGE),)
        if test.suggested
        else ()
    )
    return Chart(
        (
            Line(losses, "loss of a step (gaps: beyond the axis)", BLUE, width=1.2, opacity=0.4),
            Line(smoothed, "smoothed", BLUE),
            *suggestion,
        ),
        f"{test.network}, {test.optimizer}, {test.batch} images a step",
        Axis("learning rate", (test.rates[0], test.rates[-1]), log=True),
        Axis(limits=_losses(test)),
        name=f"The loss of {test.network} over the learning rate",
        width=640,
        height=400,
    )


def _losses(test: RateTest) -> tuple[float, float]:
    """Choose limits; a diverging loss is cut off, so that the descent stays readable."""
    marks = make_ticks(min(*test.losses, test.start), 1.5 * max(test.start, min(test.smoothed)))
    return marks[0], marks[-1]
