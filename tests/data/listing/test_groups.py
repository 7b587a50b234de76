"""Groups of images: told from paths or a column, and never on two sides of a split."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data.listing.columns import Records, Samples
from striate.data.listing.group_counts import SplitCounts, count_groups
from striate.data.listing.groups import Groups, match_groups
from striate.data.listing.samples import SPLITS, Record, Sample
from striate.data.listing.splits import TEST, TRAIN, USUAL, VALIDATION, SplitFractions, placed
from striate.data.targets.classes import ClassTargets
from striate.data.targets.label_sets import LabelSets
from striate.errors import OptionError
from striate.options import StepOptions

FRACTIONS = SplitFractions(0.15, 0.15)
#: group -> class and number of images
SETS = st.dictionaries(
    st.text("abcdefgh0123456789", min_size=1, max_size=8),
    st.tuples(st.integers(0, 2), st.integers(1, 6)),
    min_size=1,
    max_size=60,
)
Sets = dict[str, tuple[int, int]]


def listed(sets: Sets, salt: str = "") -> tuple[Samples, Records]:
    """Images of groups, each of other content."""
    rows = [
        (f"{name}_{number}.png", name, label)
        for name, (label, count) in sets.items()
        for number in range(count)
    ]
    images = Samples.of(Sample(path, label) for path, _, label in rows)
    content = [f"{salt}{path}".encode().hex()[:64].ljust(64, "0") for path, _, _ in rows]
    records = Records.of([Record(digest, 8, 8, 3) for digest in content])
    return images.with_groups(Groups.of(name for _, name, _ in rows)), records


def split_of_groups(
    sets: Sets, fractions: SplitFractions = FRACTIONS, salt: str = ""
) -> dict[str, set[int]]:
    """The splits in which the images of each group are."""
    images, records = listed(sets, salt)
    targets = ClassTargets.of(("a", "b", "c"), images)
    splits = placed(images, records, targets, fractions)
    assert images.groups is not None
    found: dict[str, set[int]] = {}
    for row, group in enumerate(images.groups.ids.tolist()):
        found.setdefault(images.groups.names[group], set()).add(int(splits[row]))
    return found


@settings(deadline=None)
@given(SETS, st.floats(0.01, 0.45), st.floats(0, 0.45))
def test_no_group_is_in_two_splits(sets: Sets, validation: float, test: float) -> None:
    splits = split_of_groups(sets, SplitFractions(validation, test))
    assert {len(found) for found in splits.values()} == {1}


@settings(deadline=None)
@given(SETS, st.floats(0.05, 0.3), st.floats(0, 0.3))
def test_each_class_has_about_its_fractions_of_groups(
    sets: Sets, validation: float, test: float
) -> None:
    splits = split_of_groups(sets, SplitFractions(validation, test))
    for label in range(3):
        names = [name for name, (own, _) in sets.items() if own == label]
        own = [next(iter(splits[name])) for name in names]
        for split, fraction in ((TEST, test), (VALIDATION, validation)):
            most = max(math.ceil(1.5 * fraction * len(names)), split == VALIDATION)
            # an image for training, then one for validation, come before the fraction
            spared = (len(names) > 1) + (split == TEST)
            least = min(math.floor(0.5 * fraction * len(names) + 0.5), len(names) - spared)
            assert least <= own.count(split) <= most
        if len(names) > 1:
            assert {TRAIN, VALIDATION} <= set(own)


@settings(deadline=None)
@given(SETS, st.data())
def test_a_group_stays_when_its_images_are_renamed_or_others_join_it(
    sets: Sets, data: st.DataObject
) -> None:
    grown = {
        name: (label, count + data.draw(st.integers(0, 3))) for name, (label, count) in sets.items()
    }
    assert split_of_groups(grown, salt="new") == split_of_groups(sets)


def test_other_groups_stay_when_one_goes_or_comes():
    sets = {f"cow{number}": (0, 3) for number in range(200)}
    before = split_of_groups(sets)
    without = split_of_groups({name: each for name, each in sets.items() if name != "cow7"})
    assert without == {name: split for name, split in before.items() if name != "cow7"}
    more = split_of_groups({**sets, "cow200": (0, 3)})
    assert {name: split for name, split in more.items() if name != "cow200"} == before


def test_hundreds_of_groups_are_split_close_to_the_fractions():
    splits = [
        split
        for found in split_of_groups({f"cow{n}": (0, 2) for n in range(1000)}).values()
        for split in found
    ]
    assert abs(splits.count(TEST) / 1000 - 0.15) < 0.04  # 3.5 standard deviations
    assert abs(splits.count(VALIDATION) / 1000 - 0.15) < 0.04


def test_each_label_is_found_in_training_and_validation_if_it_has_two_groups():
    sets = {f"p{n}": (0, 2) for n in range(30)}
    images, records = listed(sets)
    assert images.groups is not None
    matrix = np.stack([images.groups.ids < 2, images.groups.ids % 3 == 0], axis=1).astype(np.uint8)
    splits = placed(images, records, LabelSets.of(("rare", "common"), matrix), FRACTIONS)
    for label in range(2):
        assert {TRAIN, VALIDATION} <= set(splits[matrix[:, label] == 1].tolist())
    for group in range(30):
        assert len(set(splits[images.groups.ids == group].tolist())) == 1


def test_a_test_split_of_the_layout_stays_and_the_rest_is_split_by_groups():
    images, records = listed({f"cow{n}": (0, 4) for n in range(40)})
    given_splits = np.where(np.arange(len(images)) < 20, TEST, images.splits).astype(np.uint8)
    images = images.with_splits(given_splits)
    splits = placed(images, records, ClassTargets.of(("a",), images), FRACTIONS)
    assert (splits[:20] == TEST).all()
    assert not (splits[20:] == TEST).any()
    assert images.groups is not None
    rest, ids = splits[20:], images.groups.ids[20:]
    assert all(len(set(rest[ids == group].tolist())) == 1 for group in set(ids.tolist()))


@pytest.mark.parametrize(
    ("pattern", "path", "group"),
    [
        ("{group}_*.jpg", "cat/cow7_001.jpg", "cow7"),
        ("{group}_*.jpg", "cow_7_001.jpg", "cow"),
        ("{group}_{number}.jpg", "cow_7_001.jpg", "cow_7"),
        ("*_{group}_*", "IMG_p12_x_3.png", "p12"),
        ("*/{group}/*", "cat/cow7/1.jpg", "cow7"),
        ("*/*/{group}-*", "train/cat/a-b-c.png", "a"),
        ("{group}.*", "a[1].png", "a[1]"),
        ("{group}.*", "caf\u0065\u0301.png", "caf\u0065\u0301"),
    ],
)
def test_a_pattern_names_the_group(pattern: str, path: str, group: str) -> None:
    assert match_groups([path], pattern) == ([group], [])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{group}_*.jpg", "cat/1.jpg"),
        ("{group}_*.jpg", "cow7_1.JPG"),
        ("*/{group}/*", "cat/1.jpg"),
        ("*/{group}/*", "train/cat/cow7/1.jpg"),
        ("{group}_{number}.jpg", "cow7_1a.jpg"),
        ("{group}[0-9].jpg", "cow7.jpg"),
    ],
)
def test_a_path_that_the_pattern_does_not_match_is_told(pattern: str, path: str) -> None:
    assert match_groups([path], pattern) == ([], [path])


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("{group}_{group}", "{group} stands twice in '{group}_{group}'"),
        ("{group}_{nr}.jpg", "{nr} stands in '{group}_{nr}.jpg'"),
    ],
)
def test_a_pattern_of_other_words_is_refused(pattern: str, what: str) -> None:
    with pytest.raises(OptionError) as error:
        match_groups([], pattern)
    assert str(error.value) == (
        f"group: {what}; expected {{group}} once, {{number}} for digits and * for any text, as in "
        "'{group}_*.jpg'"
    )


def test_names_that_look_the_same_are_one_group():
    groups = Groups.of(["caf\u00e9", "cafe\u0301", "tea"])
    assert groups.names == ("caf\u00e9", "tea")
    assert groups.ids.tolist() == [0, 0, 1]


def test_groups_are_counted_in_all_and_in_each_split():
    images, _ = listed({"a": (0, 5), "b": (0, 1), "c": (0, 2)})
    splits = np.array([TRAIN] * 5 + [TEST] + [VALIDATION] * 2, np.uint8)
    counts = count_groups(images.with_splits(splits))
    assert (counts.groups, counts.largest, counts.largest_images) == (3, "a", 5)
    assert counts.splits == dict(
        zip(SPLITS, (SplitCounts(1, 5), SplitCounts(1, 2), SplitCounts(1, 1)), strict=True)
    )
    assert counts.note() == "3 groups; the largest is 'a', 5 images"


def test_check_splits_as_a_training_does_by_default():
    assert (USUAL.validation, USUAL.test) == (StepOptions().validation, StepOptions().test)


def test_the_order_of_the_images_says_nothing():
    sets = {f"cow{n}": (n % 3, 1 + n % 4) for n in range(50)}
    assert split_of_groups(dict(reversed(sets.items()))) == split_of_groups(sets)
