"""A range test raises the rate until the loss explodes, suggests one, and leaves no run."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.evaluation.lr_plot import draw_rate_test
from striate.options import RateOptions, TrainOptions
from striate.training.lr_finder import RateTest, find_explosion, smooth, suggest

QUICK = {"threads": 1, "seed": 3, "network": "lenet5", "batch": 16}


@pytest.fixture(scope="module")
def test(photos: Path) -> RateTest:
    return striate.find_rate(photos, **QUICK)


def test_the_rate_rises_by_a_constant_factor_until_the_loss_explodes(test: RateTest):
    assert test.rates[0] == 1e-5
    assert test.exploded_rate
    assert 10 < len(test.rates) < 100
    for one, other in zip(test.rates, test.rates[1:], strict=False):
        assert other / one == pytest.approx(1e6 ** (1 / 99))


def test_a_rate_is_suggested_that_learns(test: RateTest, photos: Path, tmp_path: Path):
    assert test.suggested is not None
    least = test.rates[test.smoothed.index(min(test.smoothed[9:]))]
    assert test.suggested == least / 4
    options = {**QUICK, "learning_rate": test.suggested, "epochs": 10, "batch": 8}
    run = striate.train(photos, out=tmp_path / "run", progress=False, **options)
    assert run.epochs()[-1].train_loss < run.epochs()[0].train_loss / 2


def test_the_same_seed_finds_the_same_rate(test: RateTest, photos: Path):
    assert striate.find_rate(photos, **QUICK) == test


def test_the_first_losses_weigh_in_the_smoothed_ones_as_they_should():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2, 2, 2])
    assert smooth([1.0, 3.0])[1] == pytest.approx((0.9 * 1 + 3) / 1.9)


def test_a_loss_explodes_at_four_times_its_least():
    assert not find_explosion([1.0] * 20 + [3.9] * 60)
    assert find_explosion([1.0] * 20 + [4.1] * 60)


def test_one_step_makes_no_explosion_whether_lucky_or_unlucky():
    assert not find_explosion([0.1] + [1.0] * 20)
    assert not find_explosion([1.0] * 12 + [500.0])
    assert find_explosion([1.0] * 12 + [500.0, 400.0, 600.0])


def test_a_loss_that_explodes_at_once_suggests_nothing():
    losses = [1.0, 1.1, 1.5, 9.0, 80.0, 700.0]
    assert find_explosion(losses)
    assert suggest([10.0**n for n in range(6)], losses) is None


def test_a_loss_that_never_fell_suggests_nothing():
    assert suggest(RATES, falling(0.4)) is not None
    assert suggest(RATES, falling(0.0)) is None
    losses = tuple(falling(0.0))
    test = RateTest(
        "a", "sgd", 8, RATES, losses, tuple(smooth(losses)), 1.1, None, exploded_rate=False
    )
    assert str(test).splitlines()[-1] == (
        "a with sgd and 8 images a step: no rate up to 10 lowered the loss by more than batches "
        f"differ, from 1.1 to {min(test.smoothed[9:]):.3g}; it never exploded; a larger --batch or "
        "more --steps tell more"
    )


RATES = tuple(1e-5 * 1e6 ** (step / 99) for step in range(100))


def falling(by: float, seed: int = 0) -> list[float]:
    """Losses of batches that differ by 0.15: they fall from step 40 to 75, and then rise."""
    random = np.random.default_rng(seed)
    steps = np.arange(100)
    fallen = by * np.clip((steps - 40) / 35, 0, 1)
    return (
        1.1 + random.normal(0, 0.15, 100) - fallen + 0.1 * np.clip(steps - 75, 0, None)
    ).tolist()


@pytest.mark.parametrize("first", [0.1, 0.5, 1.1, 2.0, 9.0])
def test_the_first_step_decides_nothing(first: float):
    found = {suggest(RATES, [first, *falling(0.5, seed)[1:]]) for seed in range(20)}
    assert None not in found
    assert suggest(RATES, [first, *falling(0.0)[1:]]) is None
    assert all(0.1 < 4 * rate < 1.5 for rate in found)


def test_batches_that_differ_are_seldom_taken_for_a_fall():
    found = [suggest(RATES, (1.1 + np.array(noise(seed))).tolist()) for seed in range(200)]
    assert sum(rate is not None for rate in found) < 40


def noise(seed: int) -> list[float]:
    return np.random.default_rng(seed).normal(0, 0.15, 100).tolist()


def test_the_table_marks_the_suggestion(test: RateTest):
    *rows, verdict = str(test).splitlines()[1:]
    assert len(rows) <= 23
    assert str(test).splitlines()[0] == "     rate  smoothed loss"
    (marked,) = [row for row in rows if row.endswith("  <- suggested")]
    assert marked.split()[0] == f"{test.suggested:.2g}"
    (lowest,) = [row for row in rows if row.endswith("  <- minimum")]
    assert lowest.split()[:2] == [f"{4 * test.suggested:.2g}", f"{min(test.smoothed[9:]):.3f}"]
    assert rows[-1].split()[:2] == [f"{test.rates[-1]:.2g}", f"{test.smoothed[-1]:.3f}"]
    assert verdict == (
        f"lenet5 with nesterov and 16 images a step: a learning rate of {test.suggested:.2g}, a "
        f"quarter of {4 * test.suggested:.2g}, where the smoothed loss was lowest; the loss "
        f"exploded at {test.rates[-1]:.2g}"
    )


def test_the_plot_marks_the_suggestion_between_its_decades(test: RateTest):
    text = draw_rate_test(test, ".svg").decode()
    ET.fromstring(text)
    assert f">suggested: {test.suggested:.2g}</text>" in text
    _, mark = re.findall(r'd="M([\d.]+) [\d.]+L[\d.]+ [\d.]+" stroke="#d9541e"', text)
    places = {
        at: float(x) for x, at in re.findall(r'x="([\d.]+)"[^>]*>(0\.01|0\.001)</text>', text)
    }
    decade = places["0.01"] - places["0.001"]
    expected = places["0.01"] + decade * (math.log10(test.suggested) + 2)
    assert float(mark) == pytest.approx(expected, abs=0.3)


def test_no_line_of_the_plot_leaves_it(test: RateTest):
    found = re.findall(r'd="([^"]+)" stroke="([^"]+)"', draw_rate_test(test, ".svg").decode())
    strokes = [
        ([tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]], color)
        for path, color in found
    ]
    (grid,) = (points for points, color in strokes if color == "currentColor")
    lefts, tops = zip(*grid, strict=True)
    samples = 3  # of the legend
    for points, color in strokes[samples:]:
        for x, y in points:
            assert min(lefts) <= x <= max(lefts)
            assert min(tops) <= y <= max(tops)
            assert y > min(tops) or color != "#3b7ddd"  # nor runs along its edge


def test_the_plot_is_a_png_of_twice_its_size(test: RateTest):
    image = Image.open(io.BytesIO(draw_rate_test(test, ".png")))
    assert (image.format, image.size) == ("PNG", (1280, 800))
    assert len(image.getcolors(10**6)) > 20


def test_the_command_writes_a_plot_and_no_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.chdir(tmp_path)
    asked = ["find-rate", str(photos), "--network", "lenet5", "--batch", "16", "--threads", "1"]
    assert main([*asked, "--out", "rates.svg"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    command = f"striate train {photos} --network lenet5 --batch 16 --threads 1 --learning-rate 0."
    assert last.startswith(f"train with it:  {command}")
    assert main([*asked, "--json", "--steps", "10"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "lenet5"
    assert len(told["rates"]) == len(told["losses"]) <= 10
    assert [file.name for file in tmp_path.iterdir()] == ["rates.svg"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lowest": 1.0, "highest": 0.5}, "the rate rises, but lowest 1.0 and highest 0.5 came"),
        ({"out": "rates.txt"}, "rates.txt: expected a file that ends in .svg or .png"),
        ({"steps": 3}, "steps must be at least 10, but 3 came"),
    ],
)
def test_wrong_options_are_refused(options: dict, said: str):
    with pytest.raises(OptionError) as caught:
        striate.find_rate("nowhere", **options)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("epochs", "did you mean 'eps' or 'steps'?"),
        ("learning_rate", "did you mean 'largest', 'clip_grad' or 'backbone_rate'?"),
        ("recover", "did you mean 'reuse', 'precision' or 'color'?"),
        (
            "checkpoint_minutes",
            "of 49 names the nearest are 'compile', 'backbone_rate' and 'deterministic'",
        ),
    ],
)
def test_options_that_no_step_depends_on_are_unknown(name: str, near: str):
    with pytest.raises(OptionError) as caught:
        striate.find_rate("nowhere", **{name: 1})
    assert str(caught.value) == f"no option is called {name!r}; {near}"


def test_the_steps_are_those_of_a_training_with_the_same_options():
    same = {"network": "lenet5", "batch": 8, "optimizer": "adamw", "betas": "0.9,0.95", "seed": 3}
    options = RateOptions.read({**same, "lowest": 1e-4, "out": "rates.svg"})
    assert options.training() == TrainOptions.read(same)


def test_a_recipe_of_a_training_serves_the_test_as_far_as_it_concerns_a_step(
    test: RateTest, photos: Path, tmp_path: Path
):
    lines = [f'{name} = "{value}"' for name, value in QUICK.items()]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("\n".join([*lines, "epochs = 20", 'schedule = "step"', 'out = "run"']))
    assert striate.find_rate(photos, recipe=recipe) == test
    assert striate.find_rate(photos, recipe=recipe, batch=8).batch == 8


def test_a_recipe_is_checked_as_for_a_training(photos: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('netwrk = "lenet5"')
    with pytest.raises(OptionError, match=r"recipe.toml: .*netwrk.*did you mean 'network'"):
        striate.find_rate(photos, recipe=recipe)
