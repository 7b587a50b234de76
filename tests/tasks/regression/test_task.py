"""Regression: numbers are standardized inside, and losses and sums add up however they are cut."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from striate.data.augment.plan import make_plan, uniform_samples
from striate.data.augment.ranges import LEVELS, AugmentRanges
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.tasks.fitness import check_options
from striate.tasks.regression.task import Regression, RegressionParams

NAN = math.nan
LOSSES = ("squared", "absolute", "huber")


def task(*names, **constants):
    return Regression(TargetSpec("numbers", names or ("x",), constants))


def fitted(targets, *names, loss="squared", delta=1.0):
    params = RegressionParams(loss=loss, delta=delta)
    return Regression(TargetSpec("numbers", names), params).fit(targets)


def numbers(seed=0, images=12, columns=3, missing=0.3):
    """Targets far from 0 with missing cells, and outputs for them."""
    draw = torch.Generator().manual_seed(seed)
    targets = 1000 + 5 * torch.randn((images, columns), generator=draw, dtype=torch.float64)
    targets[torch.rand((images, columns), generator=draw) < missing] = NAN
    return targets, torch.randn((images, columns), generator=draw)


def test_numbers_are_the_task_of_their_kind():
    assert type(bind_task(None, TargetSpec("numbers", ("x",)))) is Regression


def test_mean_std_and_median_are_those_of_the_numbers_that_are_there():
    targets = torch.tensor([[1.0, NAN], [2.0, 7.0], [6.0, 9.0]], dtype=torch.float64)
    constants = task("x", "y").fit(targets).spec.constants
    assert constants["mean"] == (3.0, 8.0)
    assert constants["std"] == pytest.approx((math.sqrt(14 / 3), 1.0))
    assert constants["median"] == (2.0, 8.0)


def test_a_constant_or_empty_column_is_not_scaled():
    targets = torch.tensor([[0.1, NAN]] * 3, dtype=torch.float64)
    constants = task("x", "y").fit(targets).spec.constants
    assert constants["std"] == (1.0, 1.0)
    assert constants["mean"] == pytest.approx((0.1, 0.0))


@pytest.mark.parametrize(
    ("loss", "delta", "expected"),
    [
        ("squared", 1.0, (1 + 16) / 2),
        ("absolute", 1.0, (1 + 4) / 2),
        ("huber", 2.0, (1 / 2 + 2 * (4 - 2 / 2)) / 2),
    ],
)
def test_a_loss_is_that_of_distances_in_standard_deviations(loss, delta, expected):
    targets = torch.tensor([[8.0], [12.0]], dtype=torch.float64)  # standardized: -1 and 1
    outputs = torch.tensor([[0.0], [5.0]])
    value = fitted(targets, "x", loss=loss, delta=delta).loss(outputs, targets)
    assert value.item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cuts", [(5, 12), (1, 2, 3, 12), (0, 12), (11, 12)])
def test_any_partition_of_a_batch_has_the_loss_and_gradient_of_the_whole(loss, cuts):
    targets, outputs = numbers()
    targets[4:6] = NAN  # two images without any number
    of_all = fitted(targets, "x", "y", "z", loss=loss)
    whole = outputs.clone().requires_grad_()
    value = of_all.loss(whole, targets)
    value.backward()
    parts, total = outputs.clone().requires_grad_(), 0.0
    for first, last in zip((0, *cuts[:-1]), cuts, strict=True):
        share = (last - first) / len(targets)
        part = of_all.loss(parts[first:last], targets[first:last]) * share
        part.backward()
        total += part.item()
    assert total == pytest.approx(value.item(), abs=1e-6)
    torch.testing.assert_close(parts.grad, whole.grad, rtol=0, atol=1e-6)
    assert value > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_missing_number_changes_neither_loss_nor_gradient(loss):
    targets, outputs = numbers(columns=2, missing=0)
    targets[:, 1] = NAN
    outputs[:, 1] = math.inf
    given = outputs.requires_grad_()
    value = fitted(targets, "x", "y", loss=loss).loss(given, targets)
    value.backward()
    assert value.isfinite()
    assert given.grad.isfinite().all()
    assert (given.grad[:, 1] == 0).all()
    alone = fitted(targets[:, :1], "x", loss=loss).loss(outputs[:, :1], targets[:, :1])
    assert value.item() == pytest.approx(alone.item() / 2)


def test_large_numbers_are_standardized_before_they_are_rounded_to_float32():
    targets = torch.tensor([[1e9], [1e9 + 1]], dtype=torch.float64)
    outputs = torch.tensor([[-1.0], [1.0]])
    of_both = fitted(targets, "x")
    assert of_both.loss(outputs, targets).item() == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(of_both.decode(outputs), targets)


def test_losses_of_auxiliary_heads_are_added():
    targets, outputs = numbers(missing=0)
    of_all = fitted(targets, "x", "y", "z")
    both = AuxOutputs(outputs, (outputs + 1, outputs - 1), 0.5)
    expected = of_all.loss(outputs, targets) + 0.5 * (
        of_all.loss(outputs + 1, targets) + of_all.loss(outputs - 1, targets)
    )
    torch.testing.assert_close(of_all.loss(both, targets), expected)
    torch.testing.assert_close(
        dict(of_all.count(both, targets)), dict(of_all.count(outputs, targets))
    )


@pytest.mark.parametrize("method", ["loss", "count"])
def test_a_row_of_outputs_is_not_broadcast_against_a_column_of_numbers(method):
    with pytest.raises(OptionError) as caught:
        getattr(task(), method)(torch.zeros(4), torch.zeros((4, 1), dtype=torch.float64))
    assert str(caught.value) == (
        "the network gives (4,) for numbers (4, 1); expected the same shape: a row an image, a "
        "column a number"
    )


@pytest.mark.parametrize("columns", [1, 3])
def test_figures_agree_with_scikit_learn(columns):
    targets, outputs = numbers(images=40, columns=columns)
    names = [f"{name} (m)" for name in "xyz"[:columns]]
    of_all = fitted(targets, *names)
    found = of_all.measure(totals(of_all, outputs, targets, 7), 40)
    predicted, expected = of_all.decode(outputs).numpy(), []
    for column, true in enumerate(targets.numpy().T):
        known = ~np.isnan(true)
        pair = true[known], predicted[known, column]
        expected.append(
            (
                reference.mean_absolute_error(*pair),
                reference.root_mean_squared_error(*pair),
                reference.r2_score(*pair),
            )
        )
    assert list(found) == ["mae", "rmse", "r2"]
    np.testing.assert_allclose(list(found.values()), np.mean(expected, axis=0), rtol=1e-10)


def totals(of_all, outputs, targets, size):
    """The sums of batches, added up from nothing."""
    sums = dict(of_all.zero_sums())
    for given, true in zip(outputs.split(size), targets.split(size), strict=True):
        for name, new in of_all.count(given, true).items():
            sums[name] = sums[name] + new
    return {name: total.numpy() for name, total in sums.items()}


def test_columns_without_a_common_unit_are_averaged_in_their_standard_deviations():
    targets = torch.tensor([[0.0, 0.0], [2.0, 2000.0]], dtype=torch.float64)
    of_both = fitted(targets, "x (m)", "mass (g)")
    outputs = torch.tensor([[-1.0, -1.0], [2.0, 4.0]])  # off by 0, 0, 1 and 3 standard deviations
    found = of_both.measure(totals(of_both, outputs, targets, 2), 2)
    assert found["mae"] == pytest.approx((0.5 + 1.5) / 2)
    assert found["rmse"] == pytest.approx((math.sqrt(1 / 2) + math.sqrt(9 / 2)) / 2)
    assert [figure.unit for figure in of_both.figures] == ["std", "std", ""]


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("age (years)",), "years"),
        (("angle [deg]",), "deg"),
        (("x",), ""),
        (("x (px)", "y (px)"), "px"),
        (("x", "y"), "std"),
        (("x (px)", "y"), "std"),
        (("f(x) value",), ""),
    ],
)
def test_figures_have_the_unit_that_all_columns_share(names, unit):
    mae, rmse, r2 = task(*names).figures
    assert (mae.unit, rmse.unit, r2.unit) == (unit, unit, "")
    assert (mae.higher_is_better, rmse.higher_is_better, r2.higher_is_better) == (
        False,
        False,
        True,
    )


def test_undefined_figures_are_absent():
    one = torch.tensor([[3.0]], dtype=torch.float64)
    of_one = fitted(one, "x")
    found = of_one.measure(totals(of_one, torch.zeros((1, 1)), one, 1), 1)
    assert found == {"mae": 0.0, "rmse": 0.0}
    nothing = {name: total.numpy() for name, total in of_one.zero_sums().items()}
    assert of_one.measure(nothing, 1) == {}
    assert of_one.measure(nothing, 0) == {}


def test_answers_are_in_the_unit_of_the_column():
    of_both = task("x", "y", mean=(100.0, -2.0), std=(10.0, 0.5))
    (row,) = of_both.decode(torch.tensor([[0.5, -1.0]])).numpy()
    answer = of_both.answer(row, 3)
    assert answer.values == {"x": 105.0, "y": -2.5}
    assert answer.to_json() == {"numbers": {"x": 105.0, "y": -2.5}}
    assert answer.csv_columns == answer.columns == ("x", "y")
    assert answer.csv_cells() == answer.cells() == ("105", "-2.5")
    assert answer.details() == (("number", "value"), ("x", "105"), ("y", "-2.5"))


def test_the_answer_of_an_unreadable_image_has_no_number():
    blank = task("x", "y").blank
    assert blank.csv_columns == ("x", "y")
    assert blank.csv_cells() == ("", "")
    assert blank.cells() == ("–", "–")
    assert blank.to_json() == {"numbers": {"x": None, "y": None}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"balance": "weights"}, "--balance weights: numbers have no classes to balance"),
        (
            {"label_smoothing": 0.1},
            "--label-smoothing 0.1: numbers have no classes whose probability is smoothed",
        ),
    ],
)
def test_options_of_classes_are_refused(given, expected):
    with pytest.raises(OptionError) as caught:
        check_options(task(), TrainOptions(**given))
    assert str(caught.value) == f"the task regression has no use for {expected}; leave it out"


@pytest.mark.parametrize(
    ("constants", "expected"),
    [
        ({"mean": (1.0, 2.0)}, "mean has 2 values for 1 number"),
        ({"mean": (1.0,), "std": (0.0,)}, "a std is not above 0"),
    ],
)
def test_constants_that_cannot_be_are_refused(constants, expected):
    with pytest.raises(OptionError) as caught:
        task(**constants)
    assert str(caught.value) == expected


def test_numbers_of_mirrored_images_follow_and_missing_ones_stay_missing():
    of_both = task("angle", "age").configure(TrainOptions(mirrored="angle=-v,age=same"))
    uniform = uniform_samples(64, seed=0, epoch=0)
    plan = make_plan(uniform, AugmentRanges(hflip=True), (1, 8, 8))
    targets = torch.randn((64, 2), dtype=torch.float64) + 9
    targets[3] = NAN
    moved = of_both.augment(targets, plan, None)
    flipped = plan.maps[:, 0, 0] < 0
    assert 10 < flipped.sum() < 54
    signs = torch.where(flipped, -1, 1)
    torch.testing.assert_close(moved[:, 0], signs * targets[:, 0], equal_nan=True)
    torch.testing.assert_close(moved[:, 1], targets[:, 1], equal_nan=True)


def test_without_mirrored_images_numbers_stay():
    plan = make_plan(uniform_samples(8, seed=0, epoch=0), LEVELS["light"], (1, 8, 8))
    targets = torch.ones((8, 1), dtype=torch.float64)
    negated = task("x").configure(TrainOptions(mirrored="x=-v"))
    assert negated.augment(targets, plan, None).equal(targets)


def test_the_number_of_an_augmented_image_is_said_only_where_it_changed():
    before = np.array([3.0, 7.0, NAN, 1.0])
    several = task("angle (deg)", "age", "x", "y [px]")
    assert several.caption(before, np.array([-3.0, 7.0, NAN, 2.5])) == "angle -3, y 2.5"
    assert several.caption(before, before) == ""
    assert task("angle (deg)").caption(np.array([3.0]), np.array([-3.0])) == "-3"
    assert task("(deg)", "x").caption(before[:2], np.array([-3.0, 7.0])) == "(deg) -3"
