"""The page of two models of masks, of numbers, and of several labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.metrics.masks import mean_iou
from striate.model_file import save
from tests.tasks import gauges
from tests.tasks.shapes import shapes
from tests.test_ensemble import fresh


def random_model(file: Path, spec: TargetSpec, network: str, seed: int) -> None:
    view = Preprocess(32, 3, "letterbox", (0.5,) * 3, (0.25,) * 3)
    save(fresh(network, view, seed, spec.names, spec.kind, dict(spec.constants)), file)


def streets(root: Path) -> Path:
    random = np.random.default_rng(1)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(12):
        pixels = random.integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"images/{number}.png")
        mask = Image.fromarray(random.integers(0, 3, (24, 32), np.uint8))
        mask.save(root / f"masks/{number}.png")
    (root / "classes.txt").write_text("road\nsky\ncar\n")
    return root


def numbers_spec() -> TargetSpec:
    constants = {"mean": (3.0, 60.0), "std": (3.0, 30.0), "median": (3.0, 60.0)}
    return TargetSpec("numbers", gauges.COLUMNS, constants)


KINDS = {
    "masks": (streets, TargetSpec("mask", ("road", "sky", "car")), "unet(width=2)", "mean IoU"),
    "numbers": (gauges.write, numbers_spec(), "lenet5", "MAE"),
    "labels": (
        lambda root: shapes(root, 40),
        TargetSpec("labels", ("blue", "green", "red"), {"threshold": (0.5,) * 3}),
        "lenet5",
        "mAP",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_two_models_of_any_task_has_figures_a_verdict_and_the_images_that_differ(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write, spec, network, figure = KINDS[kind]
    data = write(Path("data"))
    for name, seed in (("a", 1), ("b", 2)):
        random_model(Path(f"{name}.safetensors"), spec, network, seed)
    line = ["evaluate", "a.safetensors", "b.safetensors", str(data), "--split", "all"]
    for form in ("html", "md", "json"):
        assert main([*line, "--invariance", "6", "--out", f"pair.{form}"]) == 0
    told = capsys.readouterr().out
    pair = striate.evaluate_pair("a.safetensors", "b.safetensors", data, split="all")
    assert pair.verdict.startswith(f"{figure} of A less that of B is ")
    assert f"\n{pair.verdict}\n" in told
    assert f"\n  {figure} " in told
    better, worse = pair.flipped
    errors = [results.image_errors for results in pair.both]
    gain = errors[1] - errors[0]
    assert set(better) == set(np.flatnonzero(gain > 0))
    assert (np.diff(gain[better]) <= 0).all()
    assert set(worse) == set(np.flatnonzero(gain < 0))
    page, text = Path("pair.html").read_text("utf-8"), Path("pair.md").read_text("utf-8")
    document = json.loads(Path("pair.json").read_text("utf-8"))
    for name, rows in zip("AB", pair.flipped, strict=True):
        count = f"{len(rows)} image{'s' * (len(rows) != 1)}"
        assert f"<h2>{name} is closer: {count}</h2>" in page
        assert f"## {name} is closer: {count}\n" in text
    assert "What the network does not mind" in page
    assert document["results"]["verdict"] == pair.verdict
    assert document["results"]["invariance"]["models"] == ["A", "B"]
    matrices = page.count('aria-label="Confusion matrix of ')
    assert matrices == (2 if kind == "masks" else 0)


def test_the_errors_of_masks_are_those_of_each_image_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write, spec, network, _ = KINDS["masks"]
    write(Path("data"))
    for name, seed in (("a", 1), ("b", 2)):
        random_model(Path(f"{name}.safetensors"), spec, network, seed)
    pair = striate.evaluate_pair("a.safetensors", "b.safetensors", "data", split="all")
    path = pair.first.about.paths[0]
    model = striate.load("b.safetensors")
    seen = model.preprocess.to_array(Image.open(Path("data") / path))
    predicted = model.decode(np.stack([seen]))[0][4:-4]
    true = np.asarray(Image.open(Path("data") / path.replace("images", "masks")))
    areas = np.array([
        [((true == k) & (predicted == k)).sum() for k in range(3)],
        [(true == k).sum() for k in range(3)],
        [(predicted == k).sum() for k in range(3)],
    ])  # fmt: skip
    by_hand = np.mean([areas[0, k] / (areas[1, k] + areas[2, k] - areas[0, k]) for k in range(3)])
    assert mean_iou(areas) == pytest.approx(by_hand)
    assert pair.second.image_errors[0] == pytest.approx(1 - by_hand)
