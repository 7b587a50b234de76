"""Forecasts: what they say of twice the images, of each class, and when they cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.data.listing.target_spec import TargetSpec
from striate.evaluation.extrapolate import make_forecast
from striate.evaluation.forecast import ClassForecast, Expected, Forecast
from striate.evaluation.learning_curve import CurvePoint, FeatureSet, measure_curve
from striate.metrics.estimates import Estimate
from striate.progress import drain
from striate.tasks import bind_task
from striate.tasks.task import Task
from tests.evaluation.clouds import clouds, of_classes


def foretold(train: FeatureSet, validation: FeatureSet, task: Task) -> Forecast:
    points = drain(measure_curve(train, validation, task, draws=4, seed=0))
    return make_forecast(points, train, validation, task, source="clouds", seed=0)


def staged(rates: list[float], *, images: int = 400, noise: float = 0.0) -> Forecast:
    """The forecast of heads that are wrong on these shares of the validation images."""
    classes, sizes = 2, (50, 100, 200, 400, 800)
    task, labels = of_classes(classes), torch.arange(images) % classes
    generator = np.random.default_rng(0)
    hard = torch.from_numpy(generator.random(images))  # the same images are hard for all heads
    points = list[CurvePoint]()
    for rate, size in zip(rates, sizes, strict=True):
        outputs = list[torch.Tensor]()
        for _ in range(5 if size < 800 else 1):
            wrong = hard < rate + generator.normal(0, noise)
            said = torch.where(wrong, (labels + 1) % classes, labels)
            outputs.append(torch.nn.functional.one_hot(said, classes).double())
        points.append(CurvePoint(size, 0.1, torch.stack(outputs)))
    train = FeatureSet(torch.zeros(800, 1), torch.arange(800) % classes)
    validation = FeatureSet(torch.zeros(images, 1), labels)
    return make_forecast(points, train, validation, task, source="stage", seed=0)


FALLING = [0.30, 0.24, 0.195, 0.16, 0.133]


def test_a_curve_that_falls_by_a_law_goes_on_by_it():
    found = staged(FALLING, noise=0.005)
    assert found.doubts == ()
    assert found.expected.twice.value == pytest.approx(0.89, abs=0.01)
    assert found.expected.gain.value == pytest.approx(0.022, abs=0.008)
    assert 0 < found.expected.gain.low < found.expected.gain.value < found.expected.gain.high


def test_twice_the_images_are_foretold_as_they_come():
    task = of_classes(3)
    whole, validation = clouds(3, 960, 0), clouds(3, 900, 1)
    half = FeatureSet(whole.features[:480], whole.targets[:480])
    found = foretold(half, validation, task)
    real = foretold(whole, validation, task).points[-1].value
    assert found.expected.twice.low < real < found.expected.twice.high
    assert found.images == 480
    assert found.sizes == (30, 60, 120, 240, 480)


@pytest.mark.parametrize(
    ("rates", "images", "doubts"),
    [
        ([0.2] * 5, 400, ("the curve does not rise beyond its noise from 50 images on",)),
        (
            [0.1, 0.06, 0.04, 0.02, 0.01],
            100,
            (
                "only 1 of 100 validation images is wrong: what is left to gain is less than they "
                "can show",
            ),
        ),
        (FALLING, 40, ("40 validation images are too few to measure a gain by",)),
        ([0.4, 0.4, 0.4, 0.4, 0.1], 4000, ("no power law fits the curve",)),
    ],
)
def test_what_it_cannot_tell_is_said(rates: list[float], images: int, doubts: tuple[str, ...]):
    found = staged(rates, images=images, noise=0.003)
    assert found.doubts[: len(doubts)] == doubts
    assert found.verdict == (
        f"cannot tell what twice the images (1,600) would bring: {'; '.join(found.doubts)}"
    )


def test_few_images_a_class_are_too_few_for_a_curve():
    found = foretold(clouds(4, 28, 0), clouds(4, 200, 1), of_classes(4))
    assert found.doubts[0] == "28 training images are too few for a curve"


def test_a_gain_whose_interval_holds_0_is_none():
    found = staged([0.22, 0.2, 0.19, 0.2, 0.21], noise=0.02)
    assert found.expected.gain.low <= 0 <= found.expected.gain.high
    assert found.doubts[-1] == "the interval of the gain holds 0"


def test_classes_gain_by_themselves():
    task, generator = of_classes(3), np.random.default_rng(0)
    train, validation = clouds(3, 480, 0, apart=2.5), clouds(3, 600, 1, apart=2.5)
    for each in (train, validation):  # the last class is not to be told from noise by anything
        rows = (each.targets == 2).nonzero()[:, 0]
        drawn = generator.normal(0, 6, (len(rows), 20)).astype(np.float32)
        each.features[rows] = torch.from_numpy(drawn)
    found = foretold(train, validation, task)
    assert [each.name for each in found.classes] == ["class 0", "class 1", "class 2"]
    assert [each.images for each in found.classes] == [160] * 3
    assert [each.expected.now.n for each in found.classes] == [200] * 3
    mean = np.mean([each.expected.now.value for each in found.classes])
    assert mean == pytest.approx(found.expected.now.value, abs=0.02)


@pytest.mark.parametrize(
    ("images", "gain", "lawful", "verdict"),
    [
        (9, (0.1, 0.05, 0.2), True, "few images"),
        (10, (0.1, 0.05, 0.2), True, "gains"),
        (10, (0.1, 0.05, 0.2), False, "cannot tell"),
        (10, (0.1, -0.05, 0.2), True, "cannot tell"),
        (10, (-0.1, -0.2, -0.05), True, "loses"),
    ],
)
def test_a_class_is_called_by_the_interval_of_its_gain(
    images: int, gain: tuple, lawful: bool, verdict: str
):
    now = Estimate(0.5, 0.4, 0.6, images)
    expected = Expected(now, now, Estimate(*gain, images))
    assert ClassForecast("a", 20, expected, lawful).verdict == verdict


def test_no_class_gains_by_the_law_of_a_curve_that_has_none():
    found = foretold(clouds(4, 28, 0), clouds(4, 200, 1), of_classes(4))
    assert found.doubts
    assert {each.verdict for each in found.classes} == {"cannot tell"}


def test_numbers_are_foretold_by_their_error():
    task = bind_task(None, TargetSpec("numbers", ("weight (kg)",)))
    generator = np.random.default_rng(0)
    slope = generator.normal(0, 1, (30, 1))

    def numbers(images: int) -> FeatureSet:
        features = generator.normal(0, 1, (images, 30))
        targets = 50 + features @ slope + generator.normal(0, 1, (images, 1))
        return FeatureSet(torch.from_numpy(features).float(), torch.from_numpy(targets))

    train, validation = numbers(1600), numbers(200)
    found = foretold(train, validation, task.fit(train.targets))
    assert found.figure.name == "mae"
    assert found.classes == ()
    assert found.points[0].value > found.points[-1].value > 0.7
    assert found.expected.twice.value < found.expected.now.value
    assert found.expected.gain.value > 0
    assert "kg" in found.verdict


def test_labels_are_foretold_by_their_map():
    task = bind_task(None, TargetSpec("labels", ("a", "b")))
    generator = np.random.default_rng(0)

    def labeled(images: int) -> FeatureSet:
        sets = generator.random((images, 2)) < 0.4
        features = sets @ generator.normal(0, 0.01, (2, 12)) + generator.normal(0, 1, (images, 12))
        features[:, :2] += sets * 1.5
        targets = torch.from_numpy(sets.astype(np.uint8))
        return FeatureSet(torch.from_numpy(features).float(), targets)

    found = foretold(labeled(160), labeled(80), task)
    assert found.figure.name == "mAP"
    assert found.classes == ()
    assert found.points[0].value < found.points[-1].value


def test_the_same_seed_gives_the_same_forecast():
    sets = clouds(2, 80, 0), clouds(2, 100, 1), of_classes(2)
    assert foretold(*sets).to_json() == foretold(*sets).to_json()
