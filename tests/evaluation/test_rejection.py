"""What looks foreign is rejected, judged by classes left out, made images and a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

import striate
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.evaluation.learning_curve import FeatureSet
from striate.evaluation.rejection import MOST_LEFT_OUT, leave_out_classes
from striate.evaluation.rejection_result import LeftOut
from striate.tasks import bind_task
from striate.verbs.judging import evaluate_in_full
from striate.vision.foreign import FOREIGN
from tests.conftest import striped


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    options = {"network": "lenet5", "epochs": 12, "threads": 1, "validation": 0.3, "size": 32}
    for name, seed in (("a", 3), ("b", 4)):
        striate.train(photos, out=out / name, progress=False, seed=seed, **options)
    return out


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    """A copy of a run, to change."""
    return shutil.copytree(runs / "a", tmp_path / "run")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of noise, and a file that is none."""
    folder = tmp_path_factory.mktemp("foreign")
    random = np.random.default_rng(0)
    for number in range(6):
        noise = random.integers(0, 256, (20, 20), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"none")
    return folder


def test_it_is_fitted_stored_and_used_by_evaluate_and_predict(run: Path, foreign: Path):
    plain = striate.evaluate(run)
    found = evaluate_in_full(run, reject=0.1, foreign=foreign)
    told = found.rejection
    assert found.results.about.split == "test"
    assert (found.results.probabilities == plain.probabilities).all()
    model = striate.load(run)
    assert model.rejection.share == told.share == 0.1
    names = [each.name for each in told.foreign]
    assert names == [str(foreign), *FOREIGN]
    noise = told.foreign[0].rejected
    answers = striate.predict(run, foreign)
    assert noise.n == 6  # but for the broken one
    assert sum(each.rejected for each in answers if not each.error) == round(noise.value * 6)
    assert noise.value >= 0.5
    again = evaluate_in_full(run).rejection
    assert again.rejected == told.rejected
    assert (again.left_out, again.foreign) == ((), ())
    assert striate.verify(run).same


def test_of_validation_images_it_rejects_the_share_asked_for_at_most(run: Path):
    striate.evaluate(run, reject=0.2)
    told = evaluate_in_full(run, split="validation").rejection
    images = told.rejected.n
    assert 0.2 - 1.01 / images <= told.rejected.value <= 0.2


def test_the_correct_of_the_others_are_counted(run: Path, photos: Path):
    evaluated = evaluate_in_full(run, reject=0.2, split="all")
    paths = [photos / path for path in evaluated.results.about.paths]
    answered = [not each.rejected for each in striate.predict(run, *paths)]
    every, rest = evaluated.rejection.correct
    assert every.value == pytest.approx(evaluated.results.correct.mean())
    assert rest.value == pytest.approx(evaluated.results.correct[answered].mean())
    assert rest.n == sum(answered)


def test_a_rejected_image_is_none_of_these_and_its_classes_stand_beside(
    run: Path, foreign: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    striate.evaluate(run, reject=0.5)
    (found, *_) = (each for each in striate.predict(run, foreign) if each.rejected)
    assert (found.class_name, found.probability) == ("none of these", 0)
    assert sum(share for _, share in found.top) == pytest.approx(1)
    assert found.to_json()["class"] == "none of these"
    assert found.to_json()["probability"] is None
    assert "none of these" in found._repr_html_()
    assert main(["predict", str(run), found.path]) == 0
    (line,) = [line for line in capsys.readouterr().out.split("\n") if "none of these" in line]
    assert found.top[0][0] in line
    main(["predict", str(run), found.path, "--out", str(tmp_path / "found.csv")])
    assert ",none of these,," in (tmp_path / "found.csv").read_text()


def test_zero_removes_it(run: Path, capsys: pytest.CaptureFixture[str]):
    before = load_file(run / "model.safetensors")
    assert main(["evaluate", str(run), "--reject", "0.05"]) == 0
    shown, said = capsys.readouterr()
    assert said == f"{run}: its model file now holds this limit of what is rejected\n"
    assert "\nNone of these\n" in shown
    assert "flat, left out" in shown
    assert main(["evaluate", str(run), "--reject", "0"]) == 0
    shown, said = capsys.readouterr()
    assert said == f"{run}: its model file now rejects no image\n"
    assert "None of these" not in shown
    after = load_file(run / "model.safetensors")
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert striate.load(run).rejection is None


def test_report_and_json_tell_it(run: Path, foreign: Path, tmp_path: Path, capsys):
    page = tmp_path / "report.html"
    asked = ["--reject", "0.05", "--foreign", str(foreign), "--out", str(page), "--json"]
    assert main(["evaluate", str(run), *asked]) == 0
    told = json.loads(capsys.readouterr().out)["none_of_these"]
    assert [each["class"] for each in told["left_out"]] == ["flat", "slanted", "upright"]
    assert told["foreign"][0]["rejected"]["images"] == 6
    text = page.read_text("utf-8")
    assert "<h2>None of these</h2>" in text
    assert "Classes left out in turn" in text


def test_other_images_are_judged_with_the_limit_of_the_run(run: Path, tmp_path: Path):
    for kind in ("flat", "slanted", "upright"):
        (tmp_path / "new" / kind).mkdir(parents=True)
        for seed in range(300, 304):
            striped(kind, seed).save(tmp_path / "new" / kind / f"{seed}.png")
    new = evaluate_in_full(run, tmp_path / "new", reject=0.1)
    limit = striate.load(run).rejection.limit
    assert (new.results.about.split, new.rejection.rejected.n) == ("all", 12)
    striate.evaluate(run, reject=0.1)
    assert striate.load(run).rejection.limit == limit


def clouds(count: int, seed: int) -> Iterator[FeatureSet]:
    """Features of four classes around corners of a tetrahedron: train, validation, shown."""
    random = np.random.default_rng(seed)
    corners = 3 * np.eye(4, 6)
    for _ in range(3):
        labels = np.arange(4 * count) % 4
        features = corners[labels] + random.normal(0, 0.7, (len(labels), 6))
        yield FeatureSet(torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels))


def test_a_class_left_out_is_unknown_to_examples_and_heads():
    task = bind_task(None, TargetSpec("label", ("a", "b", "c", "d")))
    train, validation, shown = clouds(60, 0)
    found = finish(leave_out_classes(task, train, validation, shown, 0.05))
    assert [each.name for each in found] == ["a", "b", "c", "d"]
    for column, each in enumerate(found):
        kept = train.targets != column
        head = LogisticRegression(C=1, max_iter=1000).fit(train.features[kept], train.targets[kept])
        logits = head.decision_function(shown.features)
        energy = -np.log(np.exp(logits).sum(1))
        near = torch.cdist(shown.features, train.features[kept]).amin(1)
        truth = (shown.targets == column).numpy()
        alone = [rank_area(signal, truth) for signal in (energy, near.numpy())]
        assert each.area.value >= max(alone) - 0.02
        assert each.rejected.n == 60
        assert each.known.value == pytest.approx(0.05, abs=0.05)
        assert each.rejected.value > 0.9


def rank_area(scores: np.ndarray, truth: np.ndarray) -> float:
    return float((scores[truth][:, None] > scores[~truth][None]).mean())


def finish(work) -> tuple[LeftOut, ...]:
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value


def test_with_two_classes_none_is_left_out_and_of_many_some_are():
    train, validation, shown = (
        FeatureSet(part.features, part.targets % 2) for part in clouds(10, 1)
    )
    two = bind_task(None, TargetSpec("label", ("a", "b")))
    assert finish(leave_out_classes(two, train, validation, shown, 0.05)) == ()
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(150) % 25
    parts = [FeatureSet(torch.rand(150, 8, generator=random), targets) for _ in range(3)]
    many = bind_task(None, TargetSpec("label", tuple(map(str, range(25)))))
    assert len(finish(leave_out_classes(many, *parts, 0.05))) == MOST_LEFT_OUT


def test_what_cannot_reject_is_refused_and_the_file_kept(
    run: Path, runs: Path, photos: Path, foreign: Path, tmp_path: Path
):
    before = (run / "model.safetensors").read_bytes()
    for options, told in (
        ({"foreign": foreign}, "foreign needs a model that rejects images; give --reject 0.05"),
        ({"foreign": foreign, "reject": 0}, "foreign needs a model that rejects images"),
        ({"reject": 0.7}, "reject must be"),
    ):
        with pytest.raises(OptionError, match=told):
            striate.evaluate(run, **options)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "a.png").write_bytes(b"none")
    with pytest.raises(DataError, match="foreign: none of its images could be read"):
        striate.evaluate(run, reject=0.1, foreign=tmp_path / "foreign")
    with pytest.raises(OptionError, match="--reject is for one model, but two came"):
        striate.evaluate_pair(run, runs / "a", reject=0)
    with pytest.raises(OptionError, match="reject changes a model file, but a model that is load"):
        striate.evaluate(striate.load(run), photos, reject=0.1)
    place = tmp_path / "both.safetensors"
    striate.ensemble(run, runs / "b", out=place)
    with pytest.raises(OptionError, match="--reject is for one network, but an ensemble of 2"):
        striate.evaluate(place, photos, reject=0.1)
    assert (run / "model.safetensors").read_bytes() == before


def test_an_ensemble_of_models_that_reject_rejects_none(run: Path, runs: Path, foreign: Path):
    striate.evaluate(run, reject=0.5)
    place = run.parent / "both.safetensors"
    striate.ensemble(run, runs / "b", out=place)
    assert not any(each.rejected for each in striate.predict(place, foreign) if not each.error)


def test_a_class_of_that_name_is_refused(photos: Path, tmp_path: Path):
    data = shutil.copytree(photos, tmp_path / "data")
    (data / "flat").rename(data / "none of these")
    run = striate.train(data, network="lenet5", epochs=1, out=tmp_path / "r", progress=False)
    with pytest.raises(OptionError, match="a class is named 'none of these'"):
        striate.evaluate(run.folder, reject=0.1)
