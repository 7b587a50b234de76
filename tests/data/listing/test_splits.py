"""An image's content alone says whether it trains, validates or tests."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate.data.listing.samples import SPLITS, DecodedImages, Record, Sample, Split
from striate.data.listing.splits import SplitFractions, assign_splits

USUAL = SplitFractions(validation=0.15, test=0.25)
CLASSES = ("cat", "dog", "owl")


class Entry(NamedTuple):
    digest: str
    label: int
    part: Split | None = None


def packed_of(entries: list[Entry], *, names: str = "a") -> DecodedImages:
    images = [
        Sample(f"{names}/{number}.png", entry.label, entry.part)
        for number, entry in enumerate(entries)
    ]
    records = [Record(entry.digest, 9, 7, 1) for entry in entries]
    pixels = np.zeros((len(entries), 1, 1, 1), np.uint8)
    return DecodedImages(pixels, tuple(images), tuple(records), CLASSES, ())


def parts_of(
    entries: list[Entry], shares: SplitFractions = USUAL, *, names: str = "a"
) -> list[Split]:
    found = [
        sample.split for sample in assign_splits(packed_of(entries, names=names), shares).samples
    ]
    assert set(found) <= set(SPLITS)
    return found  # type: ignore[return-value]


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


SHARES = st.builds(SplitFractions, st.floats(0.01, 0.89), st.floats(0, 0.89)).filter(
    lambda shares: shares.validation + shares.test < 1
)
DIGESTS = st.integers(0, 2**256 - 1).map("{:064x}".format) | st.integers(0, 30).map(digest)
LABELS = st.integers(0, 2)
ENTRIES = st.lists(st.builds(Entry, DIGESTS, LABELS, st.none()), max_size=30)
ANY_PART = st.sampled_from([None, *SPLITS])
UNVALIDATED = st.lists(
    st.builds(Entry, DIGESTS, LABELS, st.sampled_from([None, "train", "test"])), max_size=30
)
PLACED = st.lists(st.builds(Entry, DIGESTS, LABELS, ANY_PART), max_size=30)
properties = settings(deadline=None, max_examples=120)


@pytest.mark.parametrize(
    ("start", "part"),
    [
        ("0000000000000", "test"),
        ("3ffffffffffff", "test"),
        ("4000000000000", "validation"),
        ("6666666666665", "validation"),
        ("6666666666667", "train"),
        ("fffffffffffff", "train"),
    ],
)
def test_the_first_bits_of_the_digest_decide(start: str, part: Split) -> None:
    assert USUAL.split(start + "0" * 51) == USUAL.split(start + "f" * 51) == part


def test_shares_of_many_images_are_those_asked_for() -> None:
    found = Counter(USUAL.split(digest(number)) for number in range(10_000))
    for part, share in (("test", 0.25), ("validation", 0.15), ("train", 0.6)):
        std = (10_000 * share * (1 - share)) ** 0.5
        assert abs(found[part] - 10_000 * share) < 4 * std


def test_no_test_part_is_split_off_when_none_is_wanted() -> None:
    assert "test" not in parts_of(
        [Entry(digest(n), n % 3) for n in range(300)], SplitFractions(0.3, 0)
    )


@properties
@given(entries=PLACED, shares=SHARES, seed=st.integers())
def test_order_and_names_change_nothing(
    entries: list[Entry], shares: SplitFractions, seed: int
) -> None:
    order = list(range(len(entries)))
    random.Random(seed).shuffle(order)
    first = parts_of(entries, shares)
    again = parts_of([entries[place] for place in order], shares, names="renamed")
    assert again == [first[place] for place in order]


def _several(entries: list[Entry]) -> set[str]:
    """Digests that stand under more than one class."""
    labels: dict[str, set[int]] = {}
    for entry in entries:
        labels.setdefault(entry.digest, set()).add(entry.label)
    return {digest for digest, found in labels.items() if len(found) > 1}


def test_a_image_keeps_its_part_when_others_come_and_go() -> None:
    entries = [Entry(digest(number), number % 3) for number in range(600)]
    before = parts_of(entries)
    assert before == [USUAL.split(entry.digest) for entry in entries]
    more = [Entry(digest(number), number % 3) for number in range(600, 1500)]
    assert parts_of(more + entries)[900:] == before
    assert parts_of(entries[300:]) == before[300:]


@properties
@given(entries=ENTRIES, shares=SHARES)
def test_only_what_a_small_class_lacks_is_moved(
    entries: list[Entry], shares: SplitFractions
) -> None:
    assume(not _several(entries))
    moved = {
        entry.digest: entry.label
        for entry, part in zip(entries, parts_of(entries, shares), strict=True)
        if part != shares.split(entry.digest)
    }
    assert max(Counter(moved.values()).values(), default=0) <= 2
    for label in set(moved.values()):
        own = {entry.digest for entry in entries if entry.label == label}
        by_content = Counter(shares.split(digest) for digest in own)
        assert not (by_content["train"] and by_content["validation"])
        if by_content["train"] > 1:
            changed = [digest for digest in own if digest in moved]
            assert [shares.split(digest) for digest in changed] == ["train"]


@properties
@given(entries=ENTRIES, shares=SHARES)
def test_copies_never_straddle(entries: list[Entry], shares: SplitFractions) -> None:
    entries = entries + entries[::2]
    seen: dict[str, set[Split]] = {}
    for entry, part in zip(entries, parts_of(entries, shares), strict=True):
        seen.setdefault(entry.digest, set()).add(part)
    assert all(len(parts) == 1 for parts in seen.values())


@properties
@given(entries=UNVALIDATED, shares=SHARES)
def test_a_class_with_two_images_has_one_to_train_and_one_to_validate(
    entries: list[Entry], shares: SplitFractions
) -> None:
    several = _several(entries)
    entries = [entry for entry in entries if entry.digest not in several]
    free = [entry for entry in entries if entry.part != "test"]
    found: dict[int, set[Split]] = {}
    for entry, part in zip(entries, parts_of(entries, shares), strict=True):
        if entry in free:
            found.setdefault(entry.label, set()).add(part)
    for label, parts in found.items():
        different = {entry.digest for entry in free if entry.label == label}
        assert parts >= ({"train"} if len(different) == 1 else {"train", "validation"})


@pytest.mark.parametrize("start", ["0", "5", "f"])
@pytest.mark.parametrize("copies", [1, 4])
def test_a_class_with_one_image_trains_on_it(start: str, copies: int) -> None:
    assert parts_of([Entry(start * 64, 1)] * copies) == ["train"] * copies


@properties
@given(entries=PLACED, shares=SHARES)
def test_what_the_folder_says_stands(entries: list[Entry], shares: SplitFractions) -> None:
    given_parts = {entry.part for entry in entries}
    for entry, part in zip(entries, parts_of(entries, shares), strict=True):
        if "validation" in given_parts:
            assert part == (entry.part or "train")
        elif "test" in given_parts:
            assert (part == "test") == (entry.part == "test")


def test_a_missing_validation_part_is_taken_from_train() -> None:
    entries = [
        Entry(digest(number), number % 3, "test" if number >= 600 else "train")
        for number in range(900)
    ]
    found = parts_of(entries)
    assert found[600:] == ["test"] * 300
    assert found[:600] == [SplitFractions(0.15, 0).split(entry.digest) for entry in entries[:600]]
    assert 60 < found.count("validation") < 120


def test_a_folder_with_a_train_part_only_gets_the_other_two() -> None:
    entries = [Entry(digest(number), number % 3, "train") for number in range(600)]
    assert parts_of(entries) == [USUAL.split(entry.digest) for entry in entries]


def test_a_folder_of_test_images_stays_one() -> None:
    entries = [Entry(digest(number), number % 3, "test") for number in range(20)]
    assert parts_of(entries) == ["test"] * 20


def test_nothing_else_of_the_pack_changes() -> None:
    decoded = packed_of([Entry(digest(number), number % 3) for number in range(40)])
    after = assign_splits(decoded, USUAL)
    assert after.pixels is decoded.pixels
    assert after.records == decoded.records
    assert after.class_names == decoded.class_names
    assert [(p.path, p.label) for p in after.samples] == [
        (p.path, p.label) for p in decoded.samples
    ]
    assert {sample.split for sample in decoded.samples} == {None}
    assert assign_splits(packed_of([]), USUAL).samples == ()
