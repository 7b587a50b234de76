"""Classes that a model need not know: numbered after those it knows, and in any split."""

from __future__ import annotations

import pytest

from striate.data.listing.columns import Samples
from striate.data.listing.samples import Sample, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.open_classes import OpenTargets


def targets(names: str, labels: str, splits: dict[str, Split] | None = None):
    samples = Samples.of(
        Sample(f"{name}/{at}.png", names.index(name), (splits or {}).get(name))
        for at, name in enumerate(labels)
    )
    return OpenTargets.of(tuple(names), samples), samples


def test_classes_that_a_model_does_not_know_follow_those_it_knows() -> None:
    found, _ = targets("bdq", "bdqqb")
    aligned = found.aligned(TargetSpec("open", ("a", "b", "d"), {"trained": (0.0,)}))
    assert aligned.spec.names == ("a", "b", "d", "q")
    assert aligned.values.tolist() == [1, 2, 3, 3, 1]
    assert aligned.spec.constants == {"trained": (0.0,)}
    assert aligned.select(aligned.values > 1).values.tolist() == [2, 3, 3]


def test_a_class_may_be_in_one_split_alone_and_have_one_image() -> None:
    found, samples = targets("abc", "aabc", {"a": "train", "b": "validation", "c": "test"})
    assert found.problems(samples, samples, ()) == ()


@pytest.mark.parametrize(
    ("names", "labels", "splits", "said"),
    [
        ("ab", "ab", {"a": "test", "b": "validation"},
         "there are no images to train on: all 2 are in validation and test"),
        ("ab", "aa", {}, "class 'b' has no images; add some or remove the folder"),
        ("aA", "aA", {}, "classes 'a' and 'A' differ only in case or Unicode form; merge or "
                         "rename them"),
    ],
)  # fmt: skip
def test_what_is_wrong_all_the_same(
    names: str, labels: str, splits: dict[str, Split], said: str
) -> None:
    found, samples = targets(names, labels, splits)
    assert found.problems(samples, samples, ()) == (said,)


def test_without_classes_there_is_nothing_to_compare() -> None:
    found, samples = targets("", "")
    assert found.problems(samples, samples, ())[0].startswith("there are no class folders")
