"""Why images cannot be trained on: each reason in one sentence, all of them at once."""

from collections.abc import Collection, Iterable, Sequence

import pytest

from striate.data.listing.columns import Samples
from striate.data.listing.samples import Finding, Sample, Split
from striate.data.targets.class_problems import find_problems

NAMES = ["cat", "dog", "owl"]


def problems_of(
    class_names: Sequence[str],
    usable: Iterable[Sample],
    listed: Iterable[Sample] | None = None,
    findings: Collection[Finding] = (),
) -> tuple[str, ...]:
    candidates = None if listed is None else Samples.of(listed)
    return find_problems(class_names, Samples.of(usable), candidates, findings)


def images(*counts: int, split: Split | None = None) -> list[Sample]:
    """So many images of each class."""
    return [
        Sample(f"{NAMES[label % 3]}/{number}.jpg", label, split)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def splits(train: list[int], validation: list[int], test: list[int]) -> list[Sample]:
    return [
        *images(*train, split="train"),
        *images(*validation, split="validation"),
        *images(*test, split="test"),
    ]


def test_enough_images_of_each_class_are_no_problem():
    assert problems_of(NAMES, images(2, 2, 3)) == ()
    assert problems_of(NAMES, splits([2, 3, 4], [1, 1, 1], [1, 1, 1])) == ()
    assert problems_of(NAMES, splits([2, 3, 4], [], [])) == ()
    assert problems_of(NAMES, splits([2, 3, 4], [], [1, 1, 1])) == ()


def test_only_what_is_left_after_decoding_counts():
    listed = images(7, 4, 1, 6)
    names = [*NAMES, "emu"]
    usable = [image for image in listed if image.label in (0, 3)]
    assert problems_of(names, usable, listed) == (
        "none of the 4 images of class 'dog' can be used; replace them or remove the class",
        "the one image of class 'owl' cannot be used; replace it or remove the class",
    )
    assert problems_of(names, usable) == (
        "classes 'dog' and 'owl' have no images; add some or remove the folders",
    )


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "the class folders hold no images; fill them"),
        (1, "the only image cannot be used; replace it"),
        (1_234, "none of the 1,234 images can be used; replace them"),
    ],
)
def test_a_folder_without_a_usable_image_is_one_problem(count: int, message: str):
    assert problems_of(NAMES, [], images(count)) == (message,)


def test_class_folders_that_may_not_be_read_are_told_from_empty_ones():
    closed = [Finding("unreadable", "dog", "permission denied")]
    assert problems_of(NAMES, images(5), findings=closed) == (
        "class 'owl' has no images; add some or remove the folder",
        "the folder of class 'dog' cannot be read; make it readable",
    )
    in_splits = [Finding("unreadable", "train/dog"), Finding("unreadable", "train/owl")]
    assert problems_of(NAMES, images(5), findings=in_splits) == (
        "the folders of classes 'dog' and 'owl' cannot be read; make them readable",
    )
    assert problems_of(NAMES, [], findings=closed) == (
        "the class folders cannot be read; make them readable",
    )


def test_an_unreadable_image_does_not_make_its_class_unreadable():
    broken = [Finding("unreadable", "cat/owl", "permission denied")]
    assert problems_of(NAMES, images(5, 4), findings=broken) == (
        "class 'owl' has no images; add some or remove the folder",
    )


def test_all_reasons_are_told_at_once():
    names = ["Cat", "cat", "dog", "emu", "owl"]
    listed = [*splits([2, 3, 4, 1], [1, 1], []), Sample("val/owl/1.jpg", 4, "validation")]
    assert problems_of(names, listed) == (
        "class 'emu' has one image in train; expected at least two of a class",
        "class 'owl' has images in validation, but none in train; move some there",
        "classes 'dog' and 'emu' have no images in validation; move some there",
        "classes 'Cat' and 'cat' differ only in case or Unicode form; merge or rename them",
    )


def test_images_of_one_split_only_cannot_be_learned_from():
    assert problems_of(NAMES, splits([], [], [3, 3, 2])) == (
        "there are no images to train on: all 8 are in test",
    )
    assert problems_of(NAMES, splits([], [2, 2, 1], [3, 3, 2])) == (
        "there are no images to train on: all 13 are in validation and test",
    )


def test_many_classes_are_named_by_the_first_three():
    names = [f"kind {n}" for n in range(1_237)]
    two = [Sample(f"{n}.jpg", n % 2) for n in range(6)]
    assert problems_of(names, two) == (
        (
            "classes 'kind 2', 'kind 3', 'kind 4' and 1,232 more have no images; "
            "add some or remove the folders"
        ),
    )
    lonely = [Sample(f"{n}.jpg", n) for n in range(6)] + two
    assert problems_of(names[:6], lonely) == (
        (
            "classes 'kind 2', 'kind 3', 'kind 4' and 'kind 5' each have one image; "
            "expected at least two of a class"
        ),
    )


def test_one_class_is_not_enough():
    assert problems_of(["cat"], images(12)) == (
        "there is only one class, 'cat', with 12 images; expected at least two",
    )


def test_the_folders_inside_are_offered_only_where_the_class_is_their_folder():
    elsewhere = [Sample(f"all/{name}/2.jpg", 0) for name in NAMES]
    assert problems_of(["pet"], elsewhere) == (
        "there is only one class, 'pet', with 3 images; expected at least two",
    )


def test_a_name_with_control_characters_is_escaped():
    assert problems_of(["a\n\x1b[31m", "\udcff"], images(3)) == (
        "class '\\udcff' has no images; add some or remove the folder",
    )
