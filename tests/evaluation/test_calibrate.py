"""A temperature is fitted on validation images, stored in the model file, and used from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

import striate
from striate.cli import main
from striate.errors import BusyError, DataError, OptionError
from striate.metrics.calibration import fit_temperature, heat
from striate.training.run import Run
from tests.conftest import striped
from tests.evaluation.parts import draw_parts


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_parts(tmp_path_factory.mktemp("data") / "parts")


@pytest.fixture(scope="module")
def runs(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    for name, seed in (("a", 3), ("b", 4)):
        options = {"network": "lenet5", "epochs": 25, "threads": 1, "validation": 0.3}
        striate.train(parts, out=out / name, progress=False, seed=seed, **options)
    return out


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    """A copy of a run, to change."""
    return shutil.copytree(runs / "a", tmp_path / "run")


def test_the_report_of_a_run_says_whether_its_probabilities_can_be_believed(runs: Path):
    page = (runs / "a" / "report.html").read_text("utf-8")
    assert "<h2>Calibration</h2>" in page
    assert "Reliability diagram" in page
    document = json.loads((runs / "a" / "evaluation.json").read_text())["calibration"]
    assert (document["temperature"], document["before"]) == (1, None)


def test_it_is_fitted_on_validation_images_stored_and_used(run: Path, parts: Path):
    plain = striate.evaluate(run, split="validation")
    expected = fit_temperature(plain.probabilities, plain.labels)
    before, facts = load_file(run / "model.safetensors"), striate.load(run).facts
    test = striate.evaluate(run)
    found = striate.evaluate(run, calibrate=True)
    assert found.about.split == "test"
    assert found.temperature == pytest.approx(expected)
    assert found.temperature != 1
    np.testing.assert_allclose(found.probabilities, heat(test.probabilities, expected), atol=1e-5)
    assert (found.predicted == test.predicted).all()
    assert found.reliability.before.error.value == pytest.approx(test.calibration.error.value)
    model, after = striate.load(run), load_file(run / "model.safetensors")
    assert model.task.spec.constants == {"temperature": (found.temperature,)}
    assert model.facts == facts
    assert all((before[name] == after[name]).all() for name in before)
    again = striate.evaluate(run)
    assert (again.probabilities == found.probabilities).all()
    shares = [striate.predict(run, parts / path)[0].probability for path in again.about.paths[:5]]
    assert shares == pytest.approx(again.confidence[:5].tolist(), abs=1e-6)
    assert striate.verify(run).same
    assert striate.evaluate(run, calibrate=True).temperature == pytest.approx(expected, rel=1e-3)


def test_a_stored_threshold_moves_along_and_one_that_is_not_saved_is_not_stored(run: Path):
    stored = striate.evaluate(run, positive="defect", min_recall=0.9, save_threshold=True)
    said = striate.evaluate(run, split="all").predicted
    striate.evaluate(run, calibrate=True, threshold=0.2)
    moved = striate.evaluate(run, split="all")
    assert (moved.predicted == said).all()
    assert moved.threshold.aim == stored.threshold.aim
    assert moved.threshold.value != stored.threshold.value
    both = striate.evaluate(run, calibrate=True, threshold=0.2, save_threshold=True)
    assert striate.load(run).task.threshold == both.threshold
    assert (both.threshold.value, striate.load(run).task.temperature) == (0.2, both.temperature)


def test_a_threshold_is_chosen_on_what_is_calibrated(run: Path):
    found = striate.evaluate(run, calibrate=True, min_recall=0.8)
    assert found.threshold == striate.evaluate(run, min_recall=0.8).threshold


def test_for_other_images_it_is_still_fitted_on_those_of_the_run(run: Path, tmp_path: Path):
    for name, kind in (("sound", "flat"), ("defect", "slanted")):
        (tmp_path / "new" / name).mkdir(parents=True)
        for seed in range(300, 306):
            striped(kind, seed).save(tmp_path / "new" / name / f"{seed}.png")
    new = striate.evaluate(run, tmp_path / "new", calibrate=True)
    assert (new.about.split, len(new)) == ("all", 12)
    assert new.temperature == pytest.approx(striate.evaluate(run, calibrate=True).temperature)


def test_an_ensemble_has_a_temperature_of_its_own(runs: Path, parts: Path, tmp_path: Path):
    for name in "ab":
        shutil.copytree(runs / name, tmp_path / name)
        striate.evaluate(tmp_path / name, calibrate=True)
    place = tmp_path / "both.safetensors"
    striate.ensemble(tmp_path / "a", tmp_path / "b", out=place)
    each = [striate.evaluate(tmp_path / name, split="all") for name in "ab"]
    mean = striate.evaluate(place, parts, split="all")
    expected = (each[0].probabilities + each[1].probabilities) / 2
    np.testing.assert_allclose(mean.probabilities, expected, atol=1e-6)
    assert mean.temperature == 1
    fit = striate.evaluate(place, parts, split="validation")
    wanted = fit_temperature(fit.probabilities, fit.labels)
    found = striate.evaluate(place, parts, calibrate=True, split="all")
    assert found.temperature == pytest.approx(wanted)
    np.testing.assert_allclose(found.probabilities, heat(mean.probabilities, wanted), atol=1e-5)
    temperatures = [member.task.temperature for member in striate.load(place).members]
    assert temperatures == [one.temperature for one in each]


def test_on_the_command_line_before_and_after_are_printed(
    run: Path, capsys: pytest.CaptureFixture[str]
):
    before = striate.evaluate(run).calibration.error.value
    assert main(["evaluate", str(run), "--calibrate"]) == 0
    shown, said = capsys.readouterr()
    assert said == f"{run}: its model file now holds this temperature\n"
    (line,) = [line for line in shown.split("\n") if line.startswith("  calibration error ")]
    temperature = striate.load(run).task.temperature
    assert f"{100 * before:.0f} % before temperature {temperature:.2f})" in line
    asked = ["--calibrate", "--threshold", "0.3", "--save-threshold"]
    assert main(["evaluate", str(run), *asked]) == 0
    said = capsys.readouterr().err
    assert said == f"{run}: its model file now holds this temperature and threshold\n"


def test_what_cannot_be_calibrated_is_refused_and_the_file_kept(
    run: Path, runs: Path, parts: Path, tmp_path: Path
):
    before = (run / "model.safetensors").read_bytes()
    with Run(run).lock(), pytest.raises(BusyError, match="is in use by"):
        striate.evaluate(run, calibrate=True)
    with pytest.raises(OptionError) as caught:
        striate.evaluate(striate.load(run), parts, calibrate=True)
    assert str(caught.value) == (
        "calibrate changes a model file, but a model that is loaded came; give its path"
    )
    shutil.copytree(parts, tmp_path / "new" / "test")
    place = shutil.copy(run / "model.safetensors", tmp_path / "net.safetensors")
    with pytest.raises(DataError) as failed:
        striate.evaluate(place, tmp_path / "new", calibrate=True)
    assert str(failed.value) == (
        f"{place}: no image is in the validation split, so no temperature can be fitted"
    )
    assert (run / "model.safetensors").read_bytes() == before == Path(place).read_bytes()


def test_a_task_without_probabilities_is_refused_before_any_image_is_read(tmp_path: Path):
    rows = ["path,weight"]
    (tmp_path / "apples").mkdir()
    for seed in range(20):
        striped("flat", seed).save(tmp_path / "apples" / f"{seed}.png")
        rows.append(f"{seed}.png,{seed * 1.5}")
    (tmp_path / "apples" / "labels.csv").write_text("\n".join(rows))
    data, options = tmp_path / "apples" / "labels.csv", {"network": "lenet5", "epochs": 1}
    run = striate.train(data, out=tmp_path / "run", progress=False, **options).folder
    with pytest.raises(OptionError) as caught:
        striate.evaluate(run, tmp_path / "nowhere", calibrate=True)
    assert str(caught.value) == (
        "a temperature calibrates probabilities, but the task regression gives none; leave out "
        "--calibrate"
    )
