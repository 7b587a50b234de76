"""What a model file and its report tell of the settings of a training."""

import pytest
import torch

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.training.recipe import complete_recipe
from striate.training.view import View
from striate.zoo.spec import NetworkSpec

MAIN = ["epochs", "batch", "learning rate", "optimizer", "augmentation"]


def complete(**options):
    view = View(NetworkSpec.of("lenet5"), Preprocess(32, 1))
    recipe, _ = complete_recipe(
        TrainOptions.read(options), view, 200, view.build(3), torch.device("cpu")
    )
    return recipe


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {}),
        ({"balance": "weights"}, {"balance": "weights"}),
        (
            {"task_params": "dice=1,crop_size=128", "label_smoothing": 0.1},
            {"task params": "dice=1, crop_size=128", "label smoothing": "0.1"},
        ),
        ({"mirrored": "x=-v, y=v"}, {"mirrored": "x=-v, y=v"}),
        (
            {"optimizer": "adamw", "betas": (0.8, 0.95), "warmup": 0.1, "patience": 7},
            {"patience": "7", "betas": "0.8, 0.95", "warmup": "0.1"},
        ),
        (
            {"schedule": "constant", "ema": 0.99, "momentum": 0.8},
            {"ema": "0.99", "momentum": "0.8"},
        ),
    ],
)
def test_settings_that_are_not_the_default_are_told(options, told):
    facts = complete(**options).facts
    assert list(facts)[:5] == MAIN
    assert {name: facts[name] for name in list(facts)[5:]} == told


def test_a_resumed_run_tells_the_settings_of_the_first_one():
    recipe = complete(optimizer="adamw", ema=0.99)
    again = complete(**recipe.to_options())
    assert again.facts == recipe.facts


@pytest.mark.parametrize(
    ("kind", "options", "terms"),
    [
        ("label", {}, ()),
        ("label", {"balance": "sampling"}, ()),
        (
            "label",
            {"balance": "weights", "label_smoothing": 0.1},
            ("class weights", "label smoothing"),
        ),
        ("labels", {"task_params": "focal=2"}, ("a focal factor",)),
        ("mask", {"task_params": "dice=1,crop_size=16"}, ("Dice loss",)),
        ("mask", {"task_params": "crop_size=16"}, ()),
        ("numbers", {"task_params": "loss=huber"}, ()),
    ],
)
def test_a_task_says_what_the_validation_loss_has_not(kind, options, terms):
    chosen = TrainOptions.read(options)
    task = bind_task(None, TargetSpec(kind, ("a", "b"))).configure(chosen)
    assert task.loss_terms(chosen) == terms
