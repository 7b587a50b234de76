"""An image's content alone says whether it trains, validates or tests."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate.data.listing.columns import Records, Samples
from striate.data.listing.groups import Groups
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS, Record, Sample, Split
from striate.data.listing.splits import SplitFractions, assign_splits
from striate.data.targets.classes import ClassTargets
from striate.data.targets.open_classes import OpenTargets

USUAL = SplitFractions(validation=0.15, test=0.25)
CLASSES = ("cat", "dog", "owl")


class Entry(NamedTuple):
    digest: str
    label: int
    split: Split | None = None


def decoded_of(entries: list[Entry], *, names: str = "a") -> DecodedImages:
    images = [
        Sample(f"{names}/{number}.png", entry.label, entry.split)
        for number, entry in enumerate(entries)
    ]
    records = [Record(entry.digest, 9, 7, 1) for entry in entries]
    pixels = np.zeros((len(entries), 1, 1, 1), np.uint8)
    named = Samples.of(images)
    return DecodedImages(pixels, named, Records.of(records), ClassTargets.of(CLASSES, named), ())


def splits_of(
    entries: list[Entry], fractions: SplitFractions = USUAL, *, names: str = "a"
) -> list[Split]:
    found = [
        sample.split
        for sample in assign_splits(decoded_of(entries, names=names), fractions).samples
    ]
    assert set(found) <= set(SPLITS)
    return found  # type: ignore[return-value]


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


FRACTIONS = st.builds(SplitFractions, st.floats(0.01, 0.89), st.floats(0, 0.89)).filter(
    lambda fractions: fractions.validation + fractions.test < 1
)
DIGESTS = st.integers(0, 2**256 - 1).map("{:064x}".format) | st.integers(0, 30).map(digest)
LABELS = st.integers(0, 2)
ENTRIES = st.lists(st.builds(Entry, DIGESTS, LABELS, st.none()), max_size=30)
ANY_SPLIT = st.sampled_from([None, *SPLITS])
UNVALIDATED = st.lists(
    st.builds(Entry, DIGESTS, LABELS, st.sampled_from([None, "train", "test"])), max_size=30
)
PLACED = st.lists(st.builds(Entry, DIGESTS, LABELS, ANY_SPLIT), max_size=30)
properties = settings(deadline=None, max_examples=120)


@pytest.mark.parametrize(
    ("start", "split"),
    [
        ("0000000000000", "test"),
        ("3ffffffffffff", "test"),
        ("4000000000000", "validation"),
        ("6666666666665", "validation"),
        ("6666666666667", "train"),
        ("fffffffffffff", "train"),
    ],
)
def test_the_first_bits_of_the_digest_decide(start: str, split: Split) -> None:
    assert USUAL.split(start + "0" * 51) == USUAL.split(start + "f" * 51) == split


def test_fractions_of_many_images_are_those_asked_for() -> None:
    found = Counter(USUAL.split(digest(number)) for number in range(10_000))
    for split, fraction in (("test", 0.25), ("validation", 0.15), ("train", 0.6)):
        std = (10_000 * fraction * (1 - fraction)) ** 0.5
        assert abs(found[split] - 10_000 * fraction) < 4 * std


def test_no_test_split_is_split_off_when_none_is_wanted() -> None:
    assert "test" not in splits_of(
        [Entry(digest(n), n % 3) for n in range(300)], SplitFractions(0.3, 0)
    )


@properties
@given(entries=PLACED, fractions=FRACTIONS, seed=st.integers())
def test_order_and_names_change_nothing(
    entries: list[Entry], fractions: SplitFractions, seed: int
) -> None:
    order = list(range(len(entries)))
    random.Random(seed).shuffle(order)
    first = splits_of(entries, fractions)
    again = splits_of([entries[place] for place in order], fractions, names="renamed")
    assert again == [first[place] for place in order]


def _several(entries: list[Entry]) -> set[str]:
    """Digests that stand under more than one class."""
    labels: dict[str, set[int]] = {}
    for entry in entries:
        labels.setdefault(entry.digest, set()).add(entry.label)
    return {digest for digest, found in labels.items() if len(found) > 1}


def test_an_image_keeps_its_split_when_others_come_and_go() -> None:
    entries = [Entry(digest(number), number % 3) for number in range(600)]
    before = splits_of(entries)
    assert before == [USUAL.split(entry.digest) for entry in entries]
    more = [Entry(digest(number), number % 3) for number in range(600, 1500)]
    assert splits_of(more + entries)[900:] == before
    assert splits_of(entries[300:]) == before[300:]


@properties
@given(entries=ENTRIES, fractions=FRACTIONS)
def test_only_what_a_small_class_lacks_is_moved(
    entries: list[Entry], fractions: SplitFractions
) -> None:
    assume(not _several(entries))
    moved = {
        entry.digest: entry.label
        for entry, split in zip(entries, splits_of(entries, fractions), strict=True)
        if split != fractions.split(entry.digest)
    }
    assert max(Counter(moved.values()).values(), default=0) <= 2
    for label in set(moved.values()):
        own = {entry.digest for entry in entries if entry.label == label}
        by_content = Counter(fractions.split(digest) for digest in own)
        assert not (by_content["train"] and by_content["validation"])
        if by_content["train"] > 1:
            changed = [digest for digest in own if digest in moved]
            assert [fractions.split(digest) for digest in changed] == ["train"]


@properties
@given(entries=ENTRIES, fractions=FRACTIONS)
def test_copies_never_straddle(entries: list[Entry], fractions: SplitFractions) -> None:
    entries = entries + entries[::2]
    seen: dict[str, set[Split]] = {}
    for entry, split in zip(entries, splits_of(entries, fractions), strict=True):
        seen.setdefault(entry.digest, set()).add(split)
    assert all(len(splits) == 1 for splits in seen.values())


@properties
@given(entries=UNVALIDATED, fractions=FRACTIONS)
def test_a_class_with_two_images_has_one_to_train_and_one_to_validate(
    entries: list[Entry], fractions: SplitFractions
) -> None:
    several = _several(entries)
    entries = [entry for entry in entries if entry.digest not in several]
    free = [entry for entry in entries if entry.split != "test"]
    found: dict[int, set[Split]] = {}
    for entry, split in zip(entries, splits_of(entries, fractions), strict=True):
        if entry in free:
            found.setdefault(entry.label, set()).add(split)
    for label, splits in found.items():
        different = {entry.digest for entry in free if entry.label == label}
        assert splits >= ({"train"} if len(different) == 1 else {"train", "validation"})


@pytest.mark.parametrize("start", ["0", "5", "f"])
@pytest.mark.parametrize("copies", [1, 4])
def test_a_class_with_one_image_trains_on_it(start: str, copies: int) -> None:
    assert splits_of([Entry(start * 64, 1)] * copies) == ["train"] * copies


@properties
@given(entries=PLACED, fractions=FRACTIONS)
def test_what_the_folder_says_stands(entries: list[Entry], fractions: SplitFractions) -> None:
    given_splits = {entry.split for entry in entries}
    for entry, split in zip(entries, splits_of(entries, fractions), strict=True):
        if "validation" in given_splits:
            assert split == (entry.split or "train")
        elif "test" in given_splits:
            assert (split == "test") == (entry.split == "test")


def test_a_missing_validation_split_is_taken_from_train() -> None:
    entries = [
        Entry(digest(number), number % 3, "test" if number >= 600 else "train")
        for number in range(900)
    ]
    found = splits_of(entries)
    assert found[600:] == ["test"] * 300
    assert found[:600] == [SplitFractions(0.15, 0).split(entry.digest) for entry in entries[:600]]
    assert 60 < found.count("validation") < 120


def test_a_folder_with_a_train_split_only_gets_the_other_two() -> None:
    entries = [Entry(digest(number), number % 3, "train") for number in range(600)]
    assert splits_of(entries) == [USUAL.split(entry.digest) for entry in entries]


def test_a_folder_of_test_images_stays_one() -> None:
    entries = [Entry(digest(number), number % 3, "test") for number in range(20)]
    assert splits_of(entries) == ["test"] * 20


def test_nothing_else_of_the_images_changes() -> None:
    decoded = decoded_of([Entry(digest(number), number % 3) for number in range(40)])
    after = assign_splits(decoded, USUAL)
    assert after.pixels is decoded.pixels
    assert after.records == decoded.records
    assert after.class_names == decoded.class_names
    assert [(p.path, p.label) for p in after.samples] == [
        (p.path, p.label) for p in decoded.samples
    ]
    assert {sample.split for sample in decoded.samples} == {None}
    assert assign_splits(decoded_of([]), USUAL).samples == ()


def test_open_classes_in_groups_are_split_whole_and_others_are_in_every_split() -> None:
    entries = [Entry(digest(number), number % 3) for number in range(60)]
    decoded = decoded_of(entries)
    groups = Groups.of(CLASSES[entry.label] for entry in entries)
    samples = decoded.samples.with_groups(groups)
    found = dict[str, set[Split | None]]()
    for kind in (ClassTargets, OpenTargets):
        grouped = replace(decoded, samples=samples, targets=kind.of(CLASSES, samples))
        placed = assign_splits(grouped, SplitFractions(0.34, 0.34)).samples
        for label, name in enumerate(CLASSES):
            found[f"{kind.__name__} {name}"] = {s.split for s in placed if s.label == label}
    assert {frozenset(found[f"ClassTargets {name}"]) for name in CLASSES} == {frozenset({"train"})}
    whole = [found[f"OpenTargets {name}"] for name in CLASSES]
    assert sorted(map(sorted, whole)) == [["test"], ["train"], ["validation"]]  # pyright: ignore
