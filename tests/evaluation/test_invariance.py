"""What distortions do to answers: of networks whose behavior is known by construction."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.evaluation.evaluate_folder import evaluate_steps
from striate.evaluation.invariance_sections import make_curves
from striate.model import Model
from striate.model_file import save
from striate.options import EvaluateOptions
from striate.progress import drain
from striate.tasks import bind_task
from striate.training.run import Run
from striate.verbs.invariance import measure_invariance
from striate.verbs.judging import evaluate_in_full
from striate.vision.distortions import DISTORTIONS, distort
from tests.prediction.map_models import make_model
from tests.test_ensemble import fresh

COLOR = Preprocess(32, 3, "stretch", (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))


class Glow(nn.Module):
    """Answers with one of three classes by the mean brightness alone."""

    def __init__(self, *, left: bool = False) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor([0.25, 0.5, 0.75]))
        self.left = left

    def forward(self, x):
        seen = x[..., : x.shape[-1] // 2] if self.left else x
        mean = seen.double().mean(dim=(1, 2, 3)).float() + 0.5
        return -(mean[:, None] - self.levels).square() * 100


def glowing(*, left: bool = False) -> Model:
    model = fresh("lenet5", replace(COLOR, channels=1))
    return replace(model, network=Glow(left=left).eval(), preprocess=COLOR)


@pytest.fixture
def lamps(tmp_path: Path) -> Path:
    """20 color images of each of three brightnesses."""
    random = np.random.default_rng(0)
    for name, light in (("cat", 50), ("dog", 128), ("owl", 210)):
        (tmp_path / "lamps" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(light + random.normal(0, 15, (32, 32, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / f"lamps/{name}/{number}.png")
    return tmp_path / "lamps"


def test_a_network_that_sees_the_mean_alone_is_invariant_to_mirrors_and_turns_not_to_light(lamps):
    found = measure_invariance(glowing(), lamps, split="all")
    for kind in ("mirror", "turn", "shift", "scale", "blur", "hue"):
        changed = [point.changed.value for point in found.curve("lenet5", kind)]
        assert changed == [0.0] * len(DISTORTIONS[kind].levels), kind
    dark = found.curve("lenet5", "brightness")
    assert (dark[0].changed.value, dark[-1].changed.value) == (0.0, pytest.approx(2 / 3))
    assert dark[-1].score.value == pytest.approx(1 / 3)
    assert found.worst("lenet5")[0].kind == "brightness"
    assert found.remarks()[0].startswith(
        "lenet5: worst by changed answers: brightness (0.6 times) 67 %"
    )


def test_changed_answers_and_scores_are_those_of_the_distorted_arrays(lamps):
    model = glowing(left=True)
    found = measure_invariance(model, lamps, split="all", seed=3)
    paths = found.plain[0].about.paths
    images = np.stack([np.asarray(Image.open(lamps / path)) for path in paths])
    labels = np.array([("cat", "dog", "owl").index(path.split("/")[0]) for path in paths])
    before = model.decode(images).argmax(axis=1)
    for kind in ("noise", "occlusion", "contrast"):
        for point in found.curve("lenet5", kind):
            # rows of the cache are in the order of the listing, and all of them are evaluated
            seen = distort(images, kind, point.level, np.arange(60), seed=3)
            after = model.decode(seen).argmax(axis=1)
            assert point.changed.value == pytest.approx((after != before).mean())
            assert point.score.value == pytest.approx((after == labels).mean())


def test_the_undistorted_score_is_that_of_evaluate(lamps):
    model = glowing()
    found = measure_invariance(model, lamps, split="all")
    options = EvaluateOptions.read({"split": "all"})
    same = drain(evaluate_steps(model, lamps, options, shown="lenet5")).results
    for kind in found.kinds:
        assert found.curve("lenet5", kind)[0].score == same.scores()[0]


def test_several_models_see_the_same_images_which_are_drawn_by_seed(lamps):
    both = [glowing(), glowing(left=True)]
    found = measure_invariance(both, lamps, split="all", images=25, seed=1)
    assert found.models == ("lenet5", "lenet5 (2)")
    assert found.plain[0].about.paths == found.plain[1].about.paths
    assert str(found).startswith("25 images drawn from 60, distorted in 11 ways\n")
    again = measure_invariance(both, lamps, split="all", images=25, seed=1)
    assert again.points == found.points
    other = measure_invariance(both, lamps, split="all", images=25, seed=2)
    assert other.plain[0].about.paths != found.plain[0].about.paths
    alone = measure_invariance(both[1], lamps, split="all", images=25, seed=1)
    assert [p.score for p in alone.points] == [p.score for p in found.points if "(2)" in p.model]


def test_images_that_a_run_left_out_stay_out_and_the_test_images_are_opened_once(
    lamps, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("out.txt").write_text("".join(f"{name}/0.png\n" for name in ("cat", "dog", "owl")))
    few = {"network": "lenet5", "epochs": 1, "threads": 1, "progress": False}
    striate.train("lamps", out="less", leave_out="out.txt", **few)
    striate.train("lamps", out="all", **few)
    both = measure_invariance(["all", "less"], "lamps", split="all")
    assert {len(each) for each in both.plain} == {57}
    assert (both.of, both.apart) == (57, 3)
    assert both.remarks()[-1] == "3 images that not every model can use: left out."
    assert not {"cat/0.png", "dog/0.png"} & set(both.plain[0].about.paths)
    # what is drawn does not depend on which rows a model has
    alone = measure_invariance("less", "lamps", split="all")
    assert alone.plain[0].about.paths == both.plain[1].about.paths
    opened = Run(Path("less")).read_json("evaluation.json")["test_opened"]
    assert measure_invariance("less", "lamps").plain[0].about.tests == opened + 3
    evaluate_in_full("less", invariance=5)
    assert striate.evaluate("less").about.tests == opened + 5


def test_a_gray_network_has_no_hue(lamps):
    found = measure_invariance(fresh("lenet5", replace(COLOR, channels=1, mean=(0.5,), std=(1.0,))),
                               lamps, split="all", images=6)  # fmt: skip
    assert "hue" not in found.kinds
    assert found.remarks()[-1] == "hue is left out: the network sees gray."


def test_everything_is_said_in_json_too(lamps):
    document = measure_invariance(glowing(), lamps, split="all", images=6).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["images"], document["of"], document["figure"]) == (6, 60, "accuracy")
    assert len(document["points"]) == 10 * 7 + 4


def test_a_strip_shows_one_image_at_each_level(lamps):
    found = measure_invariance(glowing(), lamps, split="all", images=6)
    first = np.asarray(Image.open(lamps / found.plain[0].about.paths[0]))
    assert (found.strips["turn"][0] == first).all()
    assert found.strips["mirror"].shape == (4, 32, 32, 3)


def test_masks_are_not_moved(tmp_path):
    random = np.random.default_rng(1)
    for folder in ("images", "masks"):
        (tmp_path / "streets" / folder).mkdir(parents=True)
    for number in range(4):
        pixels = random.integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"streets/images/{number}.png")
        mask = Image.fromarray(random.integers(0, 3, (24, 32), np.uint8))
        mask.save(tmp_path / f"streets/masks/{number}.png")
    (tmp_path / "streets" / "classes.txt").write_text("road\nsky\ncar\n")
    found = measure_invariance(make_model(), tmp_path / "streets", split="all")
    assert set(found.left_out) == {"shift", "turn", "scale", "mirror"}
    assert found.change.title == "changed pixels"
    # by hand: of 32x32 pixels the upper and lower four rows are padding, which does not count
    model = make_model()
    images = np.stack([
        model.preprocess.to_array(Image.open(tmp_path / "streets" / path))
        for path in found.plain[0].about.paths
    ])  # fmt: skip
    before = model.decode(images)
    for point in found.curve("unet(width=2)", "noise"):
        after = model.decode(distort(images, "noise", point.level, np.arange(4), 0))
        wanted = (after != before)[:, 4:-4].mean()
        assert point.changed.value == pytest.approx(wanted, abs=2e-3)
        assert point.changed.low <= point.changed.value <= point.changed.high
    assert ": worst by changed pixels: " in found.remarks()[0]


class Level(nn.Module):
    """Answers with the mean brightness and its double."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        mean = (x.double().mean(dim=(1, 2, 3)) + 0.5).float()
        return torch.stack([mean, 2 * mean], dim=1)


def test_numbers_tell_the_mean_change_in_their_unit(lamps):
    rows = "".join(f"cat/{n}.png,{n},{n}\n" for n in range(20))
    (lamps / "table.csv").write_text(f"path,low (lx),high (lx)\n{rows}")
    names = "low (lx)", "high (lx)"
    spec = TargetSpec("numbers", names, {"mean": (0.0, 0.0), "std": (1.0, 1.0), "median": (0, 0)})
    model = replace(glowing(), network=Level().eval(), task=bind_task("regression", spec))
    found = measure_invariance(model, lamps / "table.csv", split="all")
    assert (found.change.title, found.change.unit) == ("mean change", "lx")
    images = np.stack([np.asarray(Image.open(lamps / path)) for path in found.plain[0].about.paths])
    means = images.mean(axis=(1, 2, 3)) / 255
    for point in found.curve("lenet5", "brightness"):
        dark = distort(images, "brightness", point.level, np.arange(20), 0)
        wanted = 1.5 * np.abs(dark.mean(axis=(1, 2, 3)) / 255 - means).mean()
        assert point.changed.value == pytest.approx(wanted, abs=1e-6)
    assert found.worst("lenet5")[0].kind == "brightness"
    assert "lenet5: worst by mean change: brightness (0.1 times) 0.2" in found.remarks()[0]
    assert " lx" in found.show(found.worst("lenet5")[0])
    chart = make_curves(found, "brightness")
    assert [line.dashes != () for line in chart.series] == [False, True]


def test_the_command_prints_a_table_or_json_and_adds_a_section_to_the_page(lamps, tmp_path, capsys):
    save(
        fresh("lenet5", replace(COLOR, channels=1, mean=(0.5,), std=(1.0,))),
        tmp_path / "m.safetensors",
    )
    line = ["evaluate", str(tmp_path / "m.safetensors"), str(lamps), "--split", "all"]
    page = tmp_path / "page.html"
    assert main([*line, "--invariance", "8", "--out", str(page)]) == 0
    told = capsys.readouterr().out
    assert "\n\n8 images drawn from 60, distorted in 10 ways\n" in told
    assert "\n  JPEG quality " in told
    text = page.read_text("utf-8")
    assert "What the network does not mind" in text
    for form in ("md", "json"):
        assert main([*line, "--invariance", "8", "--out", str(tmp_path / f"page.{form}")]) == 0
    told = (tmp_path / "page.md").read_text("utf-8")
    assert "accuracy (changed answers)\n\n| distortion | itself | level 1 | level 2 |" in told
    found = json.loads((tmp_path / "page.json").read_text("utf-8"))["results"]["invariance"]
    assert (found["images"], found["of"], found["change"]) == (8, 60, "changed_answers")
    (noise,) = re.findall(r"\| noise \|(.*)\|", told)
    shown = [cell.split()[0] for cell in noise.split("|")]
    values = [point["value"] for point in found["points"] if point["kind"] == "noise"]
    assert shown == [f"{100 * value:.0f}" for value in values]
    capsys.readouterr()
    assert text.count("An image by ") == 10
    assert main([*line, "--invariance", "8", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["images"], document["invariance"]["images"]) == (60, 8)
    assert main(line) == 0
    assert "distorted" not in capsys.readouterr().out


def test_what_cannot_be_measured_is_refused(lamps):
    with pytest.raises(OptionError) as told:
        measure_invariance([], lamps)
    assert str(told.value) == "measure_invariance needs a model or several, but none came"
    with pytest.raises(OptionError) as told:
        measure_invariance(glowing(), lamps, images=0)
    assert str(told.value) == "images to distort must be 1 or more, but 0 came"
    model = replace(glowing(), fractions=SplitFractions(0.1, 0.0))
    with pytest.raises(DataError) as told:
        measure_invariance(model, lamps)
    assert str(told.value) == (
        "lenet5: no image is in the test split; --split all takes every image"
    )
    with pytest.raises(OptionError) as told:
        measure_invariance([glowing(), make_model()], lamps, split="all")
    assert str(told.value) == (
        "lenet5 is judged by accuracy, unet(width=2) by mean IoU; measure them apart"
    )
