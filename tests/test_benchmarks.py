"""Tables say what the results say, recipes can be read, and our quick network is what it claims."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from benchmarks.quick_network import Quick, accuracy, shifted, trained, whitening
from benchmarks.task_data import DATA
from torch.nn import functional as F

from striate.options import TrainOptions

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted([*ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("scripts/*.py")])
RECIPES = sorted((ROOT / "benchmarks" / "recipes").glob("*.toml"))
TASK_RECIPES = sorted((ROOT / "benchmarks" / "recipes" / "tasks").glob("*.toml"))


def test_tables_say_what_the_results_say():
    command = [sys.executable, ROOT / "benchmarks" / "tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_program_imports_what_there_is(program: Path):
    for node in ast.walk(ast.parse(program.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            offered = names_of(node.module, program.parent)
            wanted = {alias.name for alias in node.names}
            assert offered is None or wanted <= offered, node.module


def names_of(module: str, beside: Path) -> set[str] | None:
    """The names that a module of ours defines; None for a module of others."""
    if module.partition(".")[0] == "striate":
        found = importlib.import_module(module)
        modules = pkgutil.iter_modules(getattr(found, "__path__", ()))
        return {*dir(found), *(each.name for each in modules)}
    for folder in (beside, ROOT / "benchmarks"):
        path = folder.joinpath(*module.split("."))
        if path.is_dir():
            return {each.stem for each in path.glob("*.py")}
        if (file := path.with_suffix(".py")).exists():
            body = ast.parse(file.read_text("utf-8")).body
            return {name for statement in body for name in defined_by(statement)}
    return None


def defined_by(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    stored = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return [each.id for each in stored if isinstance(each.ctx, ast.Store)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_trains_the_network_that_it_is_called_by(recipe: Path):
    assert TrainOptions.read_toml(recipe, {}).network == recipe.stem


@pytest.mark.parametrize("recipe", TASK_RECIPES, ids=lambda path: path.stem)
def test_a_recipe_of_a_task_is_called_by_its_data_and_can_be_read(recipe: Path):
    assert recipe.stem in DATA
    assert TrainOptions.read_toml(recipe, {}).network


def test_the_page_shows_the_recipe_of_the_deep_plain_network():
    (recipe,) = [path for path in RECIPES if path.stem == "plain56"]
    _, _, settings = recipe.read_text("utf-8").partition("\n")
    assert settings in (ROOT / "docs" / "guide" / "degradation.md").read_text("utf-8")


def test_whitened_kernels_answer_with_variance_one_and_independently():
    chance = torch.Generator().manual_seed(0)
    images = F.avg_pool2d(torch.randn(64, 3, 18, 18, generator=chance), 3, 1) * 3
    answers = F.conv2d(images, whitening(images)[:27]).transpose(0, 1).flatten(1)
    together = answers @ answers.T / answers.shape[1]
    strong = together.diagonal() > 0.5  # the others hardly occur, and the floor holds them down
    assert strong.sum() >= 20
    torch.testing.assert_close(
        together[strong][:, strong].tril(-1), torch.zeros(27, 27)[strong][:, strong],
        atol=1e-3, rtol=0,
    )  # fmt: skip
    assert together.diagonal().max() < 1.001


def test_squares_are_cut_from_within_the_padded_images():
    padded = torch.arange(2 * 6 * 6 * 1).reshape(2, 6, 6, 1)
    torch.manual_seed(0)
    squares = shifted(padded, torch.tensor([1, 0, 1]), side=4)
    assert squares.shape == (3, 4, 4, 1)
    for row, square in zip((1, 0, 1), squares, strict=True):
        first = int(square[0, 0, 0]) - 36 * row
        down, across = divmod(first, 6)
        assert torch.equal(square, padded[row, down : down + 4, across : across + 4])


def test_the_quick_network_learns_to_tell_bright_from_dark():
    torch.manual_seed(0)
    labels = torch.arange(64) % 2
    pixels = (torch.randint(0, 100, (64, 32, 32, 3)) + labels.reshape(-1, 1, 1, 1) * 100).byte()
    quick = Quick(widths=(4, 4, 4), epochs=12, batch=16, compiled=False)
    assert accuracy(trained(quick, pixels, labels), pixels, labels) == 1.0
