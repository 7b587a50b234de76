"""Results of regression: figures with intervals, remarks, and the sections of the report."""

import json
import math

import numpy as np
import pytest

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, ModelError, OptionError
from striate.tasks.regression.answer import NumbersAnswer
from striate.tasks.regression.task import Regression
from striate.tasks.results import About
from striate.tasks.sections import Charts, Gallery, Span, Table, Text, Tiles

NAN = math.nan
CONSTANTS = {"mean": (10.0,), "std": (4.0,), "median": (11.0,)}


def judged(predicted, true, *names, **constants):
    names = names or ("age (years)",)
    constants = constants or {name: values * len(names) for name, values in CONSTANTS.items()}
    about = About("net.safetensors", "test", tuple(f"{at}.png" for at in range(len(true))), 0)
    task = Regression(TargetSpec("numbers", names, constants))
    pair = np.array(predicted, np.float64), np.array(true, np.float64)
    halves = [tuple(each[:2] for each in pair), tuple(each[2:] for each in pair)]
    return task.evaluate(halves, about)


def column(*values):
    return [[value] for value in values]


def cloud(images=200, bias=0.0, noise=1.0, seed=0):
    draw = np.random.default_rng(seed)
    true = draw.normal(10, 4, (images, 1))
    return true + draw.normal(bias, noise, (images, 1)), true


def texts(results):
    return [remark.text for remark in results.remarks()]


def part(results, kind):
    return next(p for section in results.sections() for p in section.parts if isinstance(p, kind))


def test_the_error_of_images_leads_and_has_an_interval_and_a_unit():
    results = judged(column(1, 2, 3, 8), column(2, 2, 5, 5))
    mae, rmse, r2 = results.scores()
    assert (mae.value, rmse.value) == pytest.approx((6 / 4, math.sqrt(14 / 4)))
    assert r2.value == pytest.approx(1 - 14 / 9)
    assert 0 <= mae.low < mae.value < mae.high <= 3
    assert str(mae) == (
        f"MAE 1.5 years (4 images, 95 % interval {mae.low:.3g} to {mae.high:.3g} years)"
    )


SAME = "The network gives the same answer for all 12 images: it has learned nothing yet."


def test_a_model_that_answers_alike_for_all_images_is_named():
    true = column(*range(12))
    constant = judged(column(*np.linspace(11.81, 11.84, 12)), true)
    assert SAME in texts(constant)
    assert f"  {SAME}" in str(constant).split("\n")
    for told in (
        judged(column(*np.linspace(11.8, 11.85, 12)), true),
        judged(column(*[3] * 12), column(*[3] * 12)),
        judged([[3.0, float(at)] for at in range(12)], [[at, at] for at in range(12)], "a", "b"),
        judged(column(*[3] * 9), column(*range(9))),
    ):
        assert not [
            text for text in texts(told) if text.startswith("The network gives the same answer")
        ]


def test_the_best_constant_is_the_training_median():
    results = judged(column(1, 2, 3, 8), column(9, 11, 13, 15))
    assert results.baseline().value == pytest.approx((2 + 0 + 2 + 4) / 4)
    assert results.baseline().rule == "always predicting the training median"


def test_missing_numbers_are_left_out_of_their_column_and_counted():
    results = judged(
        [[1, 5], [2, 5], [3, 5], [8, 5]], [[2, NAN], [2, 4], [5, NAN], [NAN, 8]], "x", "y"
    )
    x, y = results.columns
    assert (x.mae.n, x.mae.value) == (3, 1.0)
    assert (y.mae.n, y.mae.value) == (2, 2.0)
    assert results.scores()[0].value == pytest.approx((1.0 + 2.0) / 2 / 4)  # in std of 4
    assert part(results, Text).phrase == (
        "3 of 8 numbers are missing here; each is left out of its column."
    )
    (plain,) = {isinstance(p, Text) for s in judged(*cloud()).sections() for p in s.parts}
    assert not plain


def test_one_image_has_no_interval():
    results = judged(column(3), column(5))
    (mae, rmse) = results.scores()
    assert (mae.value, mae.low, mae.high) == (2.0, None, None)
    assert mae.interval == "unknown"
    assert rmse.value == 2.0
    assert texts(results)[0] == (
        "With 1 image the 95 % interval of the MAE is unknown: evaluate on more images."
    )
    kept = json.loads(json.dumps(results.to_json(), allow_nan=False))
    assert kept["r2"] == {"value": None, "low": None, "high": None, "images": 1}


@pytest.mark.parametrize(
    ("predicted", "true", "error", "expected"),
    [
        (column(1, 2), column(1), OptionError, "predicted numbers must be (1, 1), but are (2, 1)"),
        (column(NAN), column(1), ModelError, "net.safetensors: it answers 1 of 1 image with "
         "numbers that are not finite, 0.png first;\nits weights are damaged or diverged: use an "
         "earlier checkpoint"),
        (column(1, 1), column(NAN, NAN), DataError, "no image to evaluate has a number in "
         "'age (years)'; fill some in"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_judged_are_an_error(predicted, true, error, expected):
    with pytest.raises(error) as caught:
        judged(predicted, true)
    assert str(caught.value) == expected


def test_the_worst_images_are_those_farthest_off_in_standard_deviations():
    results = judged(
        [[1, 100], [9, 300], [0, 150]], [[1, 110], [3, 300], [NAN, 0]], "x", "y (g)",
        mean=(0.0, 0.0), std=(2.0, 100.0), median=(0.0, 0.0),
    )  # fmt: skip
    first, second, third = results.worst(5)
    assert (first.path, first.column, first.true, first.predicted) == ("1.png", "x", 3.0, 9.0)
    assert (second.path, second.column, second.true) == ("2.png", "y (g)", 0.0)
    assert third.path == "0.png"
    assert len(results.worst(2)) == 2
    shown = part(results, Gallery).pictures[1]
    assert "".join(str(getattr(span, "text", span)) for span in shown.caption) == (
        "y (g): true 0 g, predicted 150 g"
    )


def test_an_image_without_any_number_is_not_among_the_worst():
    assert [miss.row for miss in judged(column(1, 2), column(NAN, 2)).worst(5)] == [1]


def test_a_good_network_is_better_than_the_constant_and_unbiased():
    (remark,) = texts(judged(*cloud()))
    assert remark.startswith("With 200 images the 95 % interval is 0.1")
    assert remark.endswith(" years wide: a smaller difference between two networks may be chance.")


def test_a_network_no_better_than_the_constant_is_called_so():
    _, true = cloud()
    remark = list(judged(np.full_like(true, 10.0), true).remarks())[2]
    assert remark.warning
    assert remark.text.startswith("Always predicting the training median has an MAE of 3.")
    assert remark.text.endswith("the network is not clearly better than this constant.")


@pytest.mark.parametrize(("bias", "way"), [(1.5, "high"), (-1.5, "low")])
def test_a_bias_is_said_with_its_direction(bias, way):
    (said,) = [text for text in texts(judged(*cloud(bias=bias))) if "on average" in text]
    assert f" years too {way} on average (95 % interval of the bias " in said
    assert said.startswith("Predictions of “age (years)” are 1.")


def test_few_images_far_off_are_pointed_at():
    predicted, true = cloud()
    predicted[:3] += 60
    assert any("a few images are far off" in text for text in texts(judged(predicted, true)))


def test_a_column_that_is_not_predicted_and_one_with_few_numbers_are_named():
    predicted, true = cloud()
    noise, _ = cloud(seed=5)
    few = np.where(np.arange(200)[:, None] < 5, true, NAN)
    results = judged(
        np.hstack([predicted, noise, predicted]), np.hstack([true, true, few]), "a", "b", "c"
    )
    found = texts(results)
    assert "“b” is predicted no better than by the mean (R2 of 0 or below)." in found
    assert (
        "1 column has fewer than 10 numbers here (“c”): the errors of such a column are little "
        "more than chance."
    ) in found


def test_few_images_are_a_rough_estimate():
    predicted, true = cloud(images=8)
    first = next(judged(predicted, true).remarks())
    assert first.warning
    assert first.text.endswith(
        "take the MAE as a rough estimate, and evaluate on more images before relying on it."
    )


def test_the_report_has_tiles_a_row_and_two_charts_for_each_column_and_the_worst():
    predicted, true = cloud()
    results = judged(np.hstack([predicted] * 2), np.hstack([true] * 2), "x (m)", "y (s)")
    titles = [section.title for section in results.sections()]
    assert titles == ["Metrics", "Errors by column", "Predicted and true", "The worst errors"]
    tiles = part(results, Tiles).tiles
    assert [tile.text.partition(",")[0] for tile in tiles] == [
        "mean MAE",
        "mean RMSE",
        "mean R2",
        "MAE of always predicting the training median",
    ]
    assert tiles[0].value.endswith(" std")
    table = part(results, Table)
    assert len(table.rows) == 2
    assert all(len(row) == len(table.heads) for row in table.rows)
    text, _, interval = table.rows[0][2].phrase
    assert float(text) > 0, "the unit stands in the column's name"
    assert interval.text.startswith("(0.")
    charts = [p for s in results.sections() for p in s.parts if isinstance(p, Charts)]
    assert [chart.title for pair in charts for chart in pair.charts] == [
        "x (m)", "x (m): errors", "y (s)", "y (s): errors",
    ]  # fmt: skip
    gallery = part(results, Gallery)
    assert (len(gallery.pictures), gallery.text) == (24, "The worst 24 of 200 images.")


def test_many_columns_are_cut_short_where_they_would_fill_pages():
    predicted, true = cloud(images=20)
    names = [f"c{at}" for at in range(14)]
    results = judged(np.hstack([predicted] * 14), np.hstack([true] * 14), *names)
    charts = [p for s in results.sections() for p in s.parts if isinstance(p, Charts)]
    assert len(charts) == 12
    assert "The first 12 columns; per_column has the other 2." in str(results)
    assert len(results.to_json()["per_column"]) == 14


def test_the_text_has_a_line_for_each_figure_and_column():
    results = judged(column(1, 2, 3, 8), column(2, 2, 5, 5))
    lines = str(results).splitlines()
    assert lines[0] == "4 test images, 1 number: net.safetensors"
    assert lines[1].startswith("  MAE          1.5 years    (95 % interval ")
    assert lines[4] == "  MAE to beat  7.5 years    (always predicting the training median)"
    assert lines[6].split() == [
        "column", "images", "MAE", "RMSE", "R2", "bias", "median", "error",
    ]  # fmt: skip
    html = results._repr_html_()
    assert "<b>4 test images, 1 number: net.safetensors</b>" in html
    assert "age (years)" in html


def test_the_json_holds_figures_columns_and_the_worst():
    kept = judged(column(1, 2, 3, 8), column(2, 2, 5, 5)).to_json()
    assert list(kept) == [
        "model", "split", "images", "trained_on", "warning", "leaked", "test_opened", "near_leaked",
        "columns", "mae", "rmse", "r2", "unit", "baseline", "per_column", "worst",
    ]  # fmt: skip
    assert kept["unit"] == "years"
    assert kept["mae"]["value"] == 1.5
    assert kept["per_column"][0]["bias"]["value"] == 0.0
    assert kept["worst"][0] == {
        "row": 3, "path": "3.png", "column": "age (years)", "true": 5.0, "predicted": 8.0,
    }  # fmt: skip


def test_the_table_of_columns_says_the_unit_once_and_writes_no_powers_of_ten():
    results = judged(column(1800, 3200, 4100), column(0, 1000, 2000), "angle (degrees)")
    row = part(results, Table).rows[0]
    assert [cell.phrase if isinstance(cell.phrase, str) else cell.phrase[0] for cell in row] == [
        Span("angle (degrees)"), "3", "2,033", "2,040", "-5.25", "2,033", "2,100",
    ]  # fmt: skip
    assert "angle (degrees)       3  2,033  2,040  -5.25  2,033         2,100" in str(results)
    assert "MAE          2,033 degrees  (95 % interval 1,800 to 2,200 degrees)" in str(results)


def test_large_numbers_are_written_out():
    true = np.linspace(100_000, 400_000, 40).reshape(-1, 1)
    results = judged(true + 25_000, true, "price (EUR)", mean=(2e5,), std=(1e5,), median=(2e5,))
    assert results.scores()[0].shown == "25,000 EUR"
    pictures = map(str, part(results, Gallery).pictures)
    said = "\n".join((*texts(results), str(results), *pictures))
    assert "Predictions of “price (EUR)” are 25,000 EUR too high on average" in said
    assert "e+0" not in said
    assert NumbersAnswer({"price (EUR)": 234_567.0}).cells() == ("234,567",)


def test_a_resample_is_the_evaluation_of_images_repeated():
    predicted, true = cloud(40)
    true[::5] = NAN
    counts = np.random.default_rng(3).integers(0, 3, (2, 40))
    found = judged(predicted, true).resample(counts)
    for value, row in zip(found, counts, strict=True):
        repeated = judged(predicted.repeat(row, axis=0), true.repeat(row, axis=0))
        assert value == pytest.approx(repeated.scores()[0].value)
