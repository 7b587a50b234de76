"""A temperature corrects probabilities, and no answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.calibration import fit_temperature
from striate.options import EvaluateOptions
from striate.tasks import bind_task
from striate.tasks.classification.results import make_evaluation
from striate.tasks.classification.threshold import Threshold
from striate.tasks.multilabel.results import make_results
from striate.tasks.results import About
from striate.tasks.sections import Charts
from striate.tasks.temperature import move_thresholds

PETS = TargetSpec("label", ("cat", "dog", "owl"))
PARTS = TargetSpec("label", ("defect", "sound"))
LABELS = TargetSpec("labels", ("blue", "green", "red"))


def given(spec, images=400, seed=0, sharp=3.0):
    """Logits that are `sharp` times too sure, and targets."""
    draw = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn((images, len(spec.names)), generator=draw)
    if spec.several:
        targets = (torch.rand(logits.shape, generator=draw) < logits.sigmoid()).int()
    else:
        targets = torch.multinomial(logits.softmax(1), 1, generator=draw)[:, 0]
    return sharp * logits, targets


def calibrated(spec, **options):
    """The task before and after, with what it was calibrated on, in two batches."""
    logits, targets = given(spec, **options)
    task = bind_task(None, spec)
    rated = task.decode(logits).numpy()
    half = len(rated) // 2
    batches = [(rated[:half], targets[:half].numpy()), (rated[half:], targets[half:].numpy())]
    return task, task.calibrate(batches), logits, targets


@pytest.mark.parametrize("spec", [PETS, PARTS, LABELS])
def test_the_temperature_that_makes_answers_too_sure_is_found_and_takes_it_back(spec):
    before, after, logits, targets = calibrated(spec, images=3000)
    assert before.temperature == 1
    assert after.temperature == pytest.approx(3, rel=0.1)
    assert after.spec.constants["temperature"] == (after.temperature,)
    expected = before.decode(logits / after.temperature)
    assert torch.allclose(after.decode(logits), expected)
    losses = [task.loss(logits / task.temperature, targets).item() for task in (before, after)]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("spec", [PETS, PARTS])
def test_no_class_changes(spec):
    before, after, logits, _ = calibrated(spec)
    fresh = torch.cat([logits, given(spec, seed=1)[0]])
    assert (after.decode(fresh).argmax(1) == before.decode(fresh).argmax(1)).all()
    rows = zip(before.decode(fresh).numpy(), after.decode(fresh).numpy(), strict=True)
    assert all(before.answer(a, 1).class_name == after.answer(b, 1).class_name for a, b in rows)


@pytest.mark.parametrize("value", [0.0, 0.03, 0.5, 0.9])
@pytest.mark.parametrize("positive", [0, 1])
def test_a_threshold_moves_along_and_decides_the_same(value, positive):
    before, after, logits, _ = calibrated(Threshold(positive, value).store(PARTS))
    assert after.threshold.positive == positive
    moved = after.threshold.value
    if value in (0, 0.5):
        assert moved == value
    else:
        assert abs(moved - 0.5) < abs(value - 0.5)
    found = [task.threshold.decide(task.decode(logits).numpy()) for task in (before, after)]
    assert (found[0] == found[1]).all()


def test_a_threshold_chosen_before_keeps_what_it_was_chosen_for():
    logits, targets = given(PARTS)
    task = bind_task(None, PARTS)
    batches = [(task.decode(logits).numpy(), targets.numpy())]
    before = task.decide(EvaluateOptions.read({"min_recall": 0.9}), batches)
    after = before.calibrate(batches)
    assert after.threshold.aim == before.threshold.aim
    assert after.threshold.value != before.threshold.value
    found = [each.threshold.decide(each.decode(logits).numpy()) for each in (before, after)]
    assert (found[0] == found[1]).all()
    assert set(after.spec.constants) == {"positive", "threshold", "min_recall", "temperature"}


def test_the_thresholds_of_labels_move_along():
    spec = replace(LABELS, constants={"threshold": (0.1, 0.5, 0.8)})
    before, after, logits, _ = calibrated(spec)
    assert 0.1 < after.thresholds[0] < after.thresholds[1] == 0.5 < after.thresholds[2] < 0.8
    found = [task.decode(logits).numpy() >= task.thresholds for task in (before, after)]
    assert (found[0] == found[1]).all()


def test_thresholds_move_there_and_back():
    values = np.array([0, 1e-9, 0.2, 0.5, 0.7, 1 - 1e-9, 1])
    assert np.allclose(move_thresholds(move_thresholds(values, 3), 1 / 3), values, rtol=1e-6)
    assert (move_thresholds(values, 1e-3)[[0, 1, -2, -1]] == [0, 0, 1, 1]).all()
    assert (move_thresholds(values, 2)[[0, 3, -1]] == [0, 0.5, 1]).all()


@pytest.mark.parametrize("spec", [PETS, LABELS])
def test_a_calibrated_task_is_calibrated_already(spec):
    _, once, logits, targets = calibrated(spec)
    again = once.calibrate([(once.decode(logits).numpy(), targets.numpy())])
    assert again.temperature == pytest.approx(once.temperature, rel=1e-3)
    assert once.calibrate(()) is once


@pytest.mark.parametrize("spec", [PETS, PARTS, LABELS])
def test_an_ensemble_averages_what_is_calibrated_and_has_a_temperature_of_its_own(spec):
    _, after, logits, targets = calibrated(spec)
    other = bind_task(None, spec)
    merged = after.merge([other.spec])
    assert merged.temperature == 1
    mean = (after.rate(logits) + other.rate(-logits.flip(0))) / 2
    assert (merged.settle(mean) == mean).all()
    made = merged.calibrate([(mean.numpy(), targets.numpy())])
    assert made.temperature != 1
    settled = made.settle(mean)
    assert fitted(settled, targets) == pytest.approx(1, abs=1e-3)
    order = mean.argsort(1) if not spec.several else mean > 0.5
    assert ((settled.argsort(1) if not spec.several else settled > 0.5) == order).all()


def fitted(rated, targets):
    if targets.ndim == 2:
        rated = torch.stack([1 - rated, rated], dim=-1).reshape(-1, 2)
    return fit_temperature(rated.numpy(), targets.numpy().ravel())


def test_an_ensemble_of_saturated_answers_stays_finite():
    rated = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    for spec in (PETS, LABELS):
        task = bind_task(None, replace(spec, constants={"temperature": (0.5,)}))
        assert task.settle(rated).isfinite().all()


def evaluation(temperature, split="test"):
    logits, labels = given(PETS, 500)
    task = bind_task(None, replace(PETS, constants={"temperature": (temperature,)}))
    about = About("net", split, tuple(map(str, range(500))), 0)
    return task.evaluate([(task.decode(logits).numpy(), labels.numpy())], about)


def test_results_tell_the_error_before_the_temperature():
    plain, hot = evaluation(1.0), evaluation(3.0)
    assert hot.reliability.before.error.value == pytest.approx(plain.calibration.error.value)
    assert hot.calibration.error.value < plain.calibration.error.value / 3
    assert plain.reliability.before is None
    shown = next(line for line in repr(hot).split("\n") if "calibration error" in line)
    assert shown.endswith(f"; {100 * plain.calibration.error.value:.1f} % before temperature 3.00)")
    document = hot.to_json()["calibration"]
    assert (document["temperature"], document["lean"]) == (3, None)
    assert document["before"] == pytest.approx(plain.to_json()["calibration"]["error"])
    assert sum(each["count"] for each in document["bins"]) == 500
    assert "evaluate --calibrate fits a temperature." in "".join(r.text for r in plain.remarks())
    assert "--calibrate" not in "".join(remark.text for remark in hot.remarks())


def test_a_temperature_is_not_judged_by_the_images_that_fitted_it_without_a_remark():
    said = (
        "The temperature was fitted on validation images: their calibration error is a little too "
        "low."
    )
    for temperature, split, there in ((3.0, "validation", True), (1.0, "validation", False),
                                      (3.0, "test", False)):  # fmt: skip
        texts = [remark.text for remark in evaluation(temperature, split).remarks()]
        assert (said in texts) == there


def test_a_temperature_that_makes_it_worse_is_a_warning():
    for temperature, there in ((0.5, True), (3.0, False)):
        remarks = [r for r in evaluation(temperature).remarks() if "made it worse" in r.text]
        assert [remark.warning for remark in remarks] == [True] * there


def test_the_report_draws_the_reliability_of_both():
    for temperature, rings in ((1.0, 0), (3.0, 1)):
        (section,) = [s for s in evaluation(temperature).sections() if s.title == "Calibration"]
        (charts,) = [part for part in section.parts if isinstance(part, Charts)]
        reliability, histogram = charts.charts
        assert (reliability.title, histogram.title) == (
            "Reliability diagram",
            "How often each is given",
        )
        assert sum(getattr(one, "label", "") == "before" for one in reliability.series) == rings
        assert len(reliability.tooltips) == len(histogram.series)


def test_labels_too_have_a_calibration_in_text_json_and_report():
    logits, sets = given(LABELS, 300)
    about = About("net", "test", tuple(map(str, range(300))), 0)
    for temperature, lean in ((1.0, "over"), (3.0, None)):
        rated = (logits / temperature).sigmoid().numpy()
        found = make_results(rated, sets.numpy(), LABELS.names, np.full(3, 0.5), about, temperature)
        assert found.to_json()["calibration"]["lean"] == lean
        assert "Calibration" in [section.title for section in found.sections()]
        assert "  calibration error  " in repr(found)
    plain = make_results(logits.sigmoid().numpy(), sets.numpy(), LABELS.names, 0.5, about)
    before = found.reliability.before.error.value
    assert before == pytest.approx(plain.calibration.error.value, abs=1e-4)


@pytest.mark.parametrize(
    ("rated", "labels"),
    [
        ([[0.7, 0.3]], [0]),
        ([[0.7, 0.3]], [1]),
        ([[1, 0], [0, 1]], [0, 1]),
        ([[1, 0], [0, 1]], [1, 0]),
        ([[1, 0], [1, 0]], [0, 0]),
    ],
)
def test_one_image_one_class_and_certain_answers_are_told_as_they_are(rated, labels):
    about = About("net", "test", tuple(map(str, range(len(labels)))))
    found = make_evaluation(rated, labels, PARTS.names, about)
    error = found.calibration.error
    assert 0 <= error.low <= error.value <= error.high <= 1
    assert error.high - error.low > 0.3
    assert all(section.title for section in found.sections())
    assert "calibration error" in repr(found)


@pytest.mark.parametrize("kind", ["label", "labels"])
@pytest.mark.parametrize("value", [(), (0.0,), (-1.0,), (float("inf"),), (1.0, 2.0)])
def test_a_temperature_that_is_none_is_refused(kind, value):
    with pytest.raises(OptionError) as caught:
        bind_task(None, TargetSpec(kind, ("a", "b"), {"temperature": value}))
    assert str(caught.value) == f"temperature must be a number above 0, not {value}"


def test_where_images_determine_no_temperature_it_is_said_why():
    task = bind_task(None, PARTS)
    rated = np.float32([[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(OptionError) as caught:
        task.calibrate([(rated, np.array([0, 1]))])
    assert str(caught.value) == (
        "every answer is right on the 2 validation images, so no temperature can be fitted: the "
        "more certain the answers, the better they would fit; more validation images are needed"
    )
    with pytest.raises(OptionError) as caught:
        task.calibrate([(rated[:1], np.array([1]))])
    assert str(caught.value) == (
        "on the 1 validation image the answers are no better than a guess, so no temperature can "
        "be fitted: train the network for longer, or on better data"
    )


@pytest.mark.parametrize("kind", ["numbers", "mask"])
def test_a_task_without_probabilities_has_none_to_calibrate(kind):
    task = bind_task(None, TargetSpec(kind, ("one", "two")))
    with pytest.raises(OptionError) as caught:
        task.calibrate(())
    assert str(caught.value) == (
        f"a temperature calibrates probabilities, but the task {task.name} gives none; leave out "
        "--calibrate"
    )
