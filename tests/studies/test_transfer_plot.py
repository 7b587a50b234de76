"""The plot of a study: a line for each way of transferring, whiskers, and a band behind them."""

from __future__ import annotations

import io
import math

from PIL import Image

from striate.plotting.chart import Bars, Line
from striate.studies.transfer.plot import draw_transferability, make_transfer_chart
from tests.studies.transfers import ERROR, make_study

STUDY = make_study({"B": 0.74, "A1B": 0.812, "A2B": 0.6}, depths=(1, 2))


def test_there_is_a_line_for_each_way_and_one_for_b_from_nothing():
    lines = [each for each in make_transfer_chart(STUDY).series if isinstance(each, Line)]
    assert [line.label for line in lines if line.label] == [
        "B from nothing",
        "AnB: of A, frozen",
        "AnB+: of A, fine-tuned",
        "BnB: of B, frozen",
        "BnB+: of B, fine-tuned",
    ]
    frozen = next(line for line in lines if line.label.startswith("AnB:"))
    assert [round(x) for x, _ in frozen.points] == [1, 2]
    assert [y for _, y in frozen.points] == [STUDY.estimate("AnB", n).value for n in (1, 2)]


def test_the_intervals_are_a_band_for_b_and_whiskers_for_the_others():
    series = make_transfer_chart(STUDY).series
    (band,) = [each for each in series if isinstance(each, Bars)]
    assert (*band.bottoms, *band.tops) == STUDY.estimate("B", 0).bounds
    whiskers = [each for each in series if isinstance(each, Line) and each.width == 1.2]
    ends = [y for _, y in whiskers[0].points if math.isfinite(y)]
    assert ends == [end for n in (1, 2) for end in STUDY.estimate("AnB", n).bounds]
    assert len(whiskers) == 4


def test_the_lines_of_one_n_do_not_lie_on_each_other():
    lines = [each for each in make_transfer_chart(STUDY).series if isinstance(each, Line)]
    first = [line.points[0][0] for line in lines if ": of" in line.label]
    assert len(set(first)) == 4


def test_one_seed_is_drawn_without_intervals():
    series = make_transfer_chart(make_study({"B": 0.7}, seeds=1)).series
    assert not any(isinstance(each, Bars) for each in series)
    assert all(not each.points for each in series if isinstance(each, Line) and each.width == 1.2)


def test_the_tooltip_of_an_n_has_all_four_figures():
    (first, told), _ = make_transfer_chart(STUDY).tooltips
    assert (first, told) == (
        1.0, "n = 1, up to stage1: AnB 81.2 %, AnB+ 50.0 %, BnB 50.0 %, BnB+ 50.0 %"
    )  # fmt: skip


def test_the_plot_tells_what_a_and_b_are():
    assert make_transfer_chart(STUDY).y.label == "A is cats; B is dogs"


def test_a_number_has_an_axis_of_numbers():
    chart = make_transfer_chart(make_study({"B": 2.0}, other=2.5, figure=ERROR))
    assert (chart.title, chart.y.show(2.5)) == ("MAE on B, the first n stages kept", "2.5")
    assert make_transfer_chart(STUDY).y.show(0.5) == "50 %"


def test_the_plot_is_svg_and_png():
    assert draw_transferability(STUDY, ".svg").startswith(b"<svg")
    image = Image.open(io.BytesIO(draw_transferability(STUDY, ".png")))
    assert image.width / image.height == 640 / 420
