"""Classes of different size come as often as each other, in an order that can be repeated."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.data.order import balanced_order

LABELS = torch.tensor([0] * 9 + [1] * 2 + [2] * 5)


def order(labels: torch.Tensor, seed: int) -> torch.Tensor:
    return balanced_order(labels, torch.Generator().manual_seed(seed))


def test_every_class_comes_as_often_as_any_other_or_once_more() -> None:
    counts = torch.bincount(LABELS[order(LABELS, 3)])
    assert sorted(counts.tolist()) == [5, 5, 6]


def test_who_comes_once_more_is_chance() -> None:
    assert {tuple(torch.bincount(LABELS[order(LABELS, n)]).tolist()) for n in range(20)} == {
        (6, 5, 5), (5, 6, 5), (5, 5, 6)
    }  # fmt: skip


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 2**60))
def test_no_image_comes_again_before_all_of_its_class_came(labels: list[int], seed: int) -> None:
    every = torch.tensor(labels)
    drawn = order(every, seed)
    assert len(drawn) == len(labels)
    times = torch.bincount(drawn, minlength=len(labels))
    for label in set(labels):
        of_class = times[every == label]
        assert of_class.max() - of_class.min() <= 1


def test_the_order_is_mixed_and_depends_on_the_generator_alone() -> None:
    assert torch.equal(order(LABELS, 5), order(LABELS, 5))
    assert not torch.equal(order(LABELS, 5), order(LABELS, 6))
    drawn = LABELS[order(LABELS, 5)].tolist()
    assert drawn != sorted(drawn)
