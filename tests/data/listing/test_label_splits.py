"""Each of several labels stands in training and in validation, wherever images allow it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data.listing.columns import Records, Samples
from striate.data.listing.label_splits import complete_labels
from striate.data.listing.samples import Record, Sample
from striate.data.listing.splits import TEST, TRAIN, VALIDATION, SplitFractions, placed
from striate.data.targets.label_sets import LabelSets


def completed(splits: list[int], matrix: list[list[int]]) -> list[int]:
    found = np.array(splits, np.uint8)
    complete_labels(found, np.array(matrix, np.uint8), TRAIN, VALIDATION)
    return found.tolist()


def test_an_image_with_few_labels_is_moved_to_the_split_that_lacks_one():
    matrix = [[1, 1], [1, 0], [0, 1], [0, 0], [0, 1], [0, 0]]
    splits = [TRAIN, TRAIN, TRAIN, TRAIN, VALIDATION, VALIDATION]
    assert completed(splits, matrix) == [TRAIN, VALIDATION, TRAIN, TRAIN, VALIDATION, VALIDATION]


def test_the_only_image_of_another_label_stays():
    matrix = [[1, 1], [1, 0], [0, 1], [0, 0], [0, 0]]
    splits = [TRAIN, VALIDATION, VALIDATION, TRAIN, VALIDATION]
    assert completed(splits, matrix) == splits


def test_an_image_of_the_test_split_is_taken_where_no_other_can_be():
    matrix = [[1], [0], [0], [1]]
    assert completed([TRAIN, TRAIN, VALIDATION, TEST], matrix) == [
        TRAIN,
        TRAIN,
        VALIDATION,
        VALIDATION,
    ]


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_no_label_is_lost_and_nothing_depends_on_the_order_of_images(data: st.DataObject):
    count = data.draw(st.integers(12, 40))
    rows = data.draw(st.lists(st.integers(0, 7), min_size=count, max_size=count))
    matrix = np.array([[row & 1, row >> 1 & 1, row >> 2 & 1] for row in rows], np.uint8)
    digests = [f"{(at * 2654435761) % 2**32:08x}" * 8 for at in range(1, count + 1)]
    fractions = SplitFractions(0.2, 0.2)

    def split(order: list[int]) -> dict[str, int]:
        records = Records.of([Record(digests[at], 4, 4, 3) for at in order])
        images = Samples.of(Sample(f"{at}.jpg", 0) for at in order)
        targets = LabelSets.of(("a", "b", "c"), matrix[order])
        found = placed(images, records, targets, fractions).tolist()
        return dict(zip((f"{at}.jpg" for at in order), found, strict=True))

    plain = split(list(range(count)))
    assert split(data.draw(st.permutations(range(count)))) == plain
    splits = np.array([plain[f"{at}.jpg"] for at in range(count)])
    for label in range(3):
        for value in (0, 1):
            having = matrix[:, label] == value
            if having.sum() >= 8:  # so many that one can always be spared
                assert {TRAIN, VALIDATION} <= set(splits[having].tolist())
