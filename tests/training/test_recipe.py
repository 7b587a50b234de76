"""What a model file and its report tell of the settings of a training."""

import pytest
import torch

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.tasks.fitness import complete_options
from striate.training.recipe import complete_recipe
from striate.training.view import View
from striate.zoo import CARDS
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


def test_ranges_of_augmentation_are_told_with_room_to_break_the_line():
    facts = complete(augment="light", augment_params="hflip=yes,rotate=0").facts
    assert facts["augmentation"] == "light, hflip=yes, rotate=0"


def test_a_resumed_run_tells_the_settings_of_the_first_one():
    recipe = complete(optimizer="adamw", ema=0.99)
    again = complete(**recipe.to_options())
    assert again.facts == recipe.facts


@pytest.mark.parametrize(
    ("network", "task", "given", "taken"),
    [
        ("lenet5", "classification", {}, "nesterov"),
        ("deepbind", "classification", {}, "adamw"),
        ("pilotnet", "classification", {}, "adamw"),
        ("deepbind", "classification", {"optimizer": "nesterov"}, "nesterov"),
        ("deepbind", "generation", {}, "adam"),
    ],
)
def test_the_optimizer_is_the_one_given_or_of_the_task_or_of_the_network(
    network, task, given, taken
):
    kind = "image" if task == "generation" else "label"
    bound = bind_task(task, TargetSpec(kind, ("a", "b") if kind == "label" else ()))
    completed = complete_options(bound, CARDS[network], TrainOptions.read({**given, "seed": 3}))
    assert (completed.optimizer, completed.seed) == (taken, 3)


def test_what_the_optimizer_of_a_network_has_no_use_for_is_refused():
    task = bind_task(None, TargetSpec("label", ("a", "b")))
    with pytest.raises(OptionError) as caught:
        complete_options(task, CARDS["deepbind"], TrainOptions.read({"momentum": 0.8}))
    assert str(caught.value) == (
        "adamw has no use for momentum; leave it out, or take the optimizer momentum, nesterov, "
        "rmsprop, lars or muon"
    )


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
