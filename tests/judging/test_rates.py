"""A range test raises the rate until the loss explodes, suggests one, and leaves no run."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.judging.rates.finder import RateTest, exploded, smooth, suggestion
from striate.judging.rates.plot import drawn

QUICK = {"threads": 1, "seed": 3, "network": "lenet5", "batch": 16}


@pytest.fixture(scope="module")
def test(photos: Path) -> RateTest:
    return striate.find_rate(photos, **QUICK)


def test_the_rate_rises_by_a_constant_factor_until_the_loss_explodes(test: RateTest):
    assert test.rates[0] == 1e-5
    assert test.exploded
    assert 10 < len(test.rates) < 100
    for one, other in zip(test.rates, test.rates[1:], strict=False):
        assert other / one == pytest.approx(1e6 ** (1 / 99))


def test_a_rate_is_suggested_that_learns(test: RateTest, photos: Path, tmp_path: Path):
    assert test.suggested is not None
    least = test.rates[test.smoothed.index(min(test.smoothed))]
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
    assert not exploded([2.0, 0.5, 2.0])
    assert exploded([2.0, 0.5, 2.1])


def test_a_loss_that_never_fell_suggests_nothing():
    rates = [0.01, 0.1, 1.0]
    assert suggestion(rates, [2.0, 1.0, 3.0]) == pytest.approx(0.025)
    assert suggestion(rates, [2.0, 1.99, 3.0]) is None
    told = str(RateTest("a", "sgd", 8, (0.1, 1.0), (2.0, 3.0), (2.0, 3.0), None, exploded=False))
    assert told.splitlines()[-1] == (
        "a with sgd and 8 pictures a step: no rate up to 1 lowered the loss; it never exploded"
    )


def test_the_table_marks_the_suggestion(test: RateTest):
    *rows, verdict = str(test).splitlines()[1:]
    assert len(rows) <= 20
    (marked,) = [row for row in rows if row.endswith("  <- suggested")]
    assert float(marked.split()[0]) <= float(f"{test.suggested:.2g}") * 1.01
    assert verdict == (
        f"lenet5 with nesterov and 16 pictures a step: a learning rate of {test.suggested:.2g}, a "
        f"quarter of the rate where the smoothed loss was least; the loss exploded at "
        f"{test.rates[-1]:.2g}"
    )


def test_the_plot_marks_the_suggestion_between_its_decades(test: RateTest):
    text = drawn(test, ".svg").decode()
    ET.fromstring(text)
    assert f">suggested: {test.suggested:.2g}</text>" in text
    (mark,) = re.findall(r'points="([\d.]+),[\d.]+ [\d.]+,[\d.]+" stroke="#b3261e"', text)
    places = {
        at: float(x) for x, at in re.findall(r'x="([\d.]+)"[^>]*>(0\.01|0\.001)</text>', text)
    }
    decade = places["0.01"] - places["0.001"]
    expected = places["0.01"] + decade * (math.log10(test.suggested) + 2)
    assert float(mark) == pytest.approx(expected, abs=0.3)


def test_no_line_of_the_plot_leaves_it(test: RateTest):
    found = re.findall(r'points="([^"]+)" stroke="(#\w+)"', drawn(test, ".svg").decode())
    for points, colour in found:
        for x, y in (map(float, point.split(",")) for point in points.split()):
            assert 60 <= x <= 620
            assert 44 <= y <= 344
            assert y > 44 or colour not in ("#b9cbe8", "#2f5fb3")  # nor runs along its edge


def test_the_plot_is_a_png_of_twice_its_size(test: RateTest):
    image = Image.open(io.BytesIO(drawn(test, ".png")))
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


@pytest.mark.parametrize("name", ["epochs", "learning_rate", "recover"])
def test_options_without_use_are_unknown(name: str):
    with pytest.raises(OptionError, match=f"no option is called '{name}'"):
        striate.find_rate("nowhere", **{name: 1})


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
