"""A study of transferability is a list of trainings, each with its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate.studies.transfer.plan import Kind, Treatment, plan_study


def test_each_seed_has_two_bases_and_four_trainings_for_each_depth():
    names = [(each.name, each.data, each.seed) for each in plan_study((1, 3), seeds=2)]
    one = ["A", "B", "A1B", "A1B+", "B1B", "B1B+", "A3B", "A3B+", "B3B", "B3B+"]
    expected = [(name, "A" if name == "A" else "B") for name in one]
    assert names == [(*each, seed) for seed in (0, 1) for each in expected]


def test_a_training_comes_after_the_one_whose_stages_it_takes():
    planned = list(plan_study((1, 2), seeds=2))
    for at, treatment in enumerate(planned):
        assert treatment.source is None or treatment.source in planned[:at]


@pytest.mark.parametrize(
    ("kind", "source", "frozen"),
    [("AnB", "A", True), ("AnB+", "A", False), ("BnB", "B", True), ("BnB+", "B", False)],
)
def test_the_first_stages_come_from_the_base_of_that_seed(kind: Kind, source: Kind, frozen: bool):
    treatment = Treatment(kind, 2, seed=1)
    trained = {"freeze": "none", "backbone_rate": 1.0, "norms": "train"}
    assert treatment.source == Treatment(source, 0, 1)
    assert treatment.options(Path("study"), first_seed=5, seeds=3) == {
        "weights": f"study/{source}-seed1",
        "reuse": "2",
        "seed": 9,
        **({"freeze": "2"} if frozen else trained),
    }


@pytest.mark.parametrize("kind", ["A", "B"])
def test_a_base_takes_no_weights_at_all(kind: Kind):
    assert Treatment(kind, 0, 2).options(Path("study"), first_seed=5, seeds=3) == {
        "weights": "none",
        "seed": 7,
    }


def test_what_starts_anew_has_a_seed_that_no_base_has():
    planned = list(plan_study((1,), seeds=3))
    seeds = {
        based: {each.options(Path(), 0, 3)["seed"] for each in planned if (not each.n) == based}
        for based in (True, False)
    }
    assert seeds == {True: {0, 1, 2}, False: {3, 4, 5}}


def test_every_training_has_a_folder_of_its_own():
    planned = list(plan_study((1, 2, 3), seeds=3))
    assert len({each.folder for each in planned}) == len(planned) == 42
    assert planned[3].folder == "A1B+-seed0"
