"""The plan of a comparison fits into its budget, and is never empty."""

from __future__ import annotations

import pytest

from striate.studies.halving import make_plan, survivors


@pytest.mark.parametrize(("networks", "rungs"), [(1, [1]), (2, [2, 1]), (5, [5, 3, 2, 1])])
def test_the_better_half_goes_on_rounded_up(networks, rungs):
    assert survivors(networks) == rungs


def test_each_rung_has_the_same_time_and_each_network_in_it_the_same_share():
    plan = make_plan({"fast": 1.0, "slow": 10.0, "middle": 4.0}, 180)
    assert plan.epochs == {"fast": (20, 50, 110), "slow": (2, 5, 11), "middle": (5, 12, 27)}
    assert plan.too_slow == {}


def test_a_network_of_which_no_epoch_fits_leaves_its_share_to_the_others():
    plan = make_plan({"a": 10.0, "b": 25.0, "c": 900.0}, 120)
    assert plan.epochs == {"a": (3, 9), "b": (1, 3)}
    assert plan.too_slow == {"c": 120 / 9}


def test_the_fastest_trains_for_an_epoch_however_short_the_budget():
    plan = make_plan({"a": 10.0, "b": 25.0}, 0.1)
    assert plan.epochs == {"a": (1,)}
    assert plan.too_slow == {"b": 0.1 / 4}


def test_no_plan_takes_longer_than_its_budget():
    took = {"a": 1.3, "b": 2.1, "c": 3.7, "d": 5.5, "e": 2.9}
    plan = make_plan(took, 300)
    alive, spent = list(plan.epochs), 0.0
    for rung in range(len(plan.epochs["a"])):
        before = [plan.epochs[name][rung - 1] if rung else 0 for name in alive]
        now = [plan.epochs[name][rung] for name in alive]
        spent += sum((n - b) * took[a] for n, b, a in zip(now, before, alive, strict=True))
        alive = sorted(alive, key=took.__getitem__)[-((len(alive) + 1) // 2) :]  # the slowest
    assert spent <= 300 + max(took.values())
