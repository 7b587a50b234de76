"""The table of a study, what it is as JSON, and the sentence of advice."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from striate.metrics.estimates import Estimate
from striate.studies.transfer.advice import format_spread
from tests.studies.transfers import ACCURACY, ERROR, make_study


def test_the_table_has_a_row_for_each_n_and_the_advice_below():
    study = make_study({"B": 0.74, "A1B": 0.812, "A1B+": 0.81, "A2B": 0.6})
    assert str(study) == (
        "accuracy of lenet5 on 300 test images of B, mean over 3 seeds ± half of the 95 % "
        "interval; A is cats, B dogs\n"
        "\n"
        "n  last stage             AnB          AnB+           BnB          BnB+\n"
        "0  from nothing  74.0 ± 2.5 %\n"
        "1  stage1        81.2 ± 2.5 %  81.0 ± 2.5 %  50.0 ± 2.5 %  50.0 ± 2.5 %\n"
        "2  stage2        60.0 ± 2.5 %  50.0 ± 2.5 %  50.0 ± 2.5 %  50.0 ± 2.5 %\n"
        "\n"
        f"{study.advice}"
    )


def test_a_study_of_one_seed_has_no_intervals():
    study = make_study({"B": 0.74}, seeds=1)
    assert study.caption == (
        "accuracy of lenet5 on 300 test images of B, mean over 1 seed; A is cats, B dogs"
    )
    assert study.rows()[1] == ("0", "from nothing", "74.0 %", "", "", "")


def test_the_interval_of_a_cell_is_students():
    study = make_study({"A2B": 0.6})
    low, high = stats.ttest_1samp([0.59, 0.6, 0.61], 0).confidence_interval(0.95)
    assert study.estimate("AnB", 2).bounds == pytest.approx((low, high))


def test_a_study_is_markdown_html_and_json():
    study = make_study({"B": 0.74, "A1B": 0.812})
    assert study.to_markdown().splitlines()[2] == "| 0 | from nothing | 74.0 ± 2.5 % |  |  |  |"
    assert "<td" in study._repr_html_()  # pyright: ignore[reportPrivateUsage]
    told = study.to_json()
    assert {name: told[name] for name in ("a", "b", "network", "figure", "split", "images")} == {
        "a": "cats", "b": "dogs", "network": "lenet5", "figure": "accuracy", "split": "test",
        "images": 300,
    }  # fmt: skip
    assert [(row["kind"], row["n"]) for row in told["rows"]][:3] == [
        ("B", 0), ("AnB", 1), ("AnB+", 1),
    ]  # fmt: skip
    assert told["rows"][1]["values"] == pytest.approx([0.802, 0.812, 0.822])
    assert told["seconds"] == 2.0 * 30


def test_frozen_stages_are_advised_where_they_are_best():
    study = make_study({"B": 0.74, "A1B": 0.812, "A1B+": 0.81})
    assert study.advice == (
        "Transfer helps: keep the first stage of A (stage1) frozen: accuracy 81.2 % (78.7 to "
        "83.7 %) against 74.0 % (71.5 to 76.5 %) from nothing, 7.2 points more (4.9 to 9.5); "
        "nothing certain is gained by fine-tuning them too: 81.0 % (78.5 to 83.5 %)."
    )


def test_fine_tuning_is_advised_where_it_is_best():
    study = make_study({"B": 0.74, "A2B+": 0.8, "A2B": 0.6})
    assert study.advice == (
        "Transfer helps: take the first 2 stages of A (stage1, stage2) and fine-tune them: "
        "accuracy 80.0 % (77.5 to 82.5 %) against 74.0 % (71.5 to 76.5 %) from nothing, 6.0 points "
        "more (3.7 to 8.3); frozen they give 60.0 % (57.5 to 62.5 %); of B itself, fine-tuned too, "
        "they give 50.0 % (47.5 to 52.5 %): the gain is due to A."
    )


def test_a_gain_that_a_second_training_on_b_brings_too_is_not_said_to_be_due_to_a():
    study = make_study({"B": 0.74, "A2B+": 0.8, "B2B+": 0.79})
    assert study.advice.endswith(
        "; of B itself, fine-tuned too, they give 79.0 % (76.5 to 81.5 %): the gain may be due to "
        "the second training."
    )


def test_of_an_error_too_the_control_tells_what_the_gain_is_due_to():
    given = {"B": 2.0, "A2B+": 1.5, "B2B+": 1.8}
    study = make_study(given, other=3.0, spread=0.02, figure=ERROR)
    assert study.advice.endswith("1.8 °C (1.75 to 1.85 °C): the gain is due to A.")


def test_fine_tuning_that_is_no_clear_gain_is_told_with_the_quicker_way():
    study = make_study({"B": 0.74, "A2B+": 0.8, "A2B": 0.795})
    assert study.advice.endswith(
        "; frozen they give 79.5 % (77.0 to 82.0 %), no clear difference, and train faster; of B "
        "itself, fine-tuned too, they give 50.0 % (47.5 to 52.5 %): the gain is due to A."
    )


def test_a_difference_that_may_be_chance_is_no_help():
    study = make_study({"B": 0.74, "A1B": 0.745})
    assert study.advice == (
        "Transfer does not help as far as 3 seeds can tell: the best of it, the first stage of "
        "A (stage1) frozen, gives accuracy 74.5 % (72.0 to 77.0 %) against 74.0 % (71.5 to "
        "76.5 %) from nothing, a difference of -1.8 to 2.8 points."
    )


def test_transfer_that_harms_is_advised_against():
    study = make_study({"B": 0.74}, other=0.6)
    assert study.advice == (
        "Transfer harms: the best of it, the first 2 stages of A (stage1, stage2) frozen, "
        "gives accuracy 60.0 % (57.5 to 62.5 %) against 74.0 % (71.5 to 76.5 %) from nothing, "
        "14.0 points less (11.7 to 16.3); train from nothing."
    )


def test_one_seed_cannot_tell():
    study = make_study({"B": 0.74, "A1B": 0.9}, seeds=1)
    assert study.advice == (
        "One seed cannot tell whether transfer helps: the first stage of A (stage1) frozen "
        "gives accuracy 90.0 % against 74.0 % from nothing; more seeds would tell."
    )


def test_a_lower_figure_is_advised_where_lower_is_better():
    study = make_study({"B": 2.0, "A1B": 1.5, "A1B+": 1.6}, other=3.0, spread=0.02, figure=ERROR)
    assert study.advice == (
        "Transfer helps: keep the first stage of A (stage1) frozen: MAE 1.5 °C (1.45 to 1.55 "
        "°C) against 2 °C (1.95 to 2.05 °C) from nothing, 0.5 °C less (0.455 to 0.545); "
        "fine-tuning them too gives 1.6 °C (1.55 to 1.65 °C)."
    )


def test_what_is_advised_is_chosen_by_validation_images():
    """By test images A2B would be the best."""
    study = make_study({"B": 0.74, "A1B": 0.8, "A2B": 0.82}, validation={"A1B": 0.85, "A2B": 0.84})
    assert "keep the first stage of A (stage1) frozen: accuracy 80.0 %" in study.advice


def test_of_equals_the_one_that_trains_least_is_advised():
    study = make_study({"B": 0.5}, other=0.8)
    assert "keep the first 2 stages of A (stage1, stage2) frozen" in study.advice


def test_an_undefined_figure_advises_nothing():
    assert make_study({"A1B": math.nan}, other=math.nan).advice == (
        "Nothing can be said: accuracy is undefined on these images."
    )


def test_a_figure_that_only_test_images_leave_undefined_advises_nothing():
    study = make_study({"A1B": math.nan}, validation={"A1B": 0.9})
    assert study.advice == "Nothing can be said: accuracy is undefined on these images."


def test_an_interval_of_shares_ends_at_0_and_1():
    study = make_study({"B": 0.74, "A1B": 0.999})
    assert "accuracy 99.9 % (97.4 to 100 %)" in study.advice


def test_a_cell_has_the_unit_of_its_figure():
    assert format_spread(ERROR, Estimate(2.314, 2.1, 2.528, 3)) == "2.314 ± 0.21 °C"
    assert format_spread(ACCURACY, Estimate(0.8, None, None, 1)) == "80.0 %"
    assert format_spread(ACCURACY, Estimate(math.nan, math.nan, math.nan, 3)) == "–"
