"""Masks as targets: what decoding recorded of them tells what they are of, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from striate.data.listing.columns import Records, Samples
from striate.data.listing.masks import MaskCodes, MaskFiles, index_codes
from striate.data.listing.samples import IGNORE, MaskRecord, Record, Sample, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.masks import MaskTargets

Counts = tuple[tuple[int, ...], ...]
NAMES = ("road", "sky", "tree", "car")
#: pixels of each class, and of none
COUNTS: Counts = ((60, 20, 20, 0, 4), (50, 0, 50, 0, 0), (0, 0, 0, 1, 9), (10, 70, 15, 5, 0))


def recorded(counts: Counts = COUNTS, same: bool = False) -> Records:
    """Records of images whose masks have these pixels."""
    records = Records.empty(len(counts), len(counts[0]) - 1)
    for row, numbers in enumerate(counts):
        pixels = tuple(zip((*range(len(numbers) - 1), IGNORE), numbers, strict=True))
        mask = MaskRecord(f"{7 if row % 2 else row:064x}", (), (), pixels)
        records.put(row, Record(f"{0 if same else row:064x}", 8, 8, 3, (), mask))
    return records


def targets_of(counts: Counts = COUNTS) -> MaskTargets:
    paths = [f"masks/{row}.png" for row in range(len(counts))]
    names = NAMES[: len(counts[0]) - 1]
    files = MaskFiles(paths, index_codes(len(names)))
    return MaskTargets(TargetSpec("mask", names), files).recorded(recorded(counts))


def images_of(*splits: Split | None) -> Samples:
    return Samples.of(Sample(f"images/{row}.jpg", 0, split) for row, split in enumerate(splits))


def problems(*splits: Split | None, counts: Counts = COUNTS) -> tuple[str, ...]:
    images = images_of(*splits)
    targets = targets_of(counts).select(np.arange(len(splits)))
    return targets.problems(images, images, ())


def test_a_mask_is_described_by_its_most_frequent_classes() -> None:
    targets = targets_of()
    assert [targets.describe(row) for row in range(4)] == [
        "road 60 %, sky 20 %, tree 20 %",
        "road 50 %, tree 50 %",
        "car 100 %",
        "sky 70 %, tree 15 %, road 10 % and 1 more",
    ]
    assert targets_of(((0, 0, 9),)).describe(0) == "no class"


def test_classes_are_counted_by_images_and_by_their_share_of_the_pixels() -> None:
    counts = targets_of().count(images_of("train", "train", "train", "test"), ("train", "test"))
    assert counts.images == {"road": 3, "sky": 2, "tree": 3, "car": 2}
    assert counts.splits == {
        "train": {"road": 2, "sky": 1, "tree": 2, "car": 1},
        "test": {"road": 1, "sky": 1, "tree": 1, "car": 1},
    }
    assert counts.columns == {"pixels": ["39.9 %", "29.9 %", "28.2 %", "2.0 %"]}
    rare = targets_of(((100_000, 1, 0),)).count(images_of(None), ())
    assert rare.columns == {"pixels": ["100.0 %", "< 0.1 %"]}


def test_the_share_of_ignored_pixels_is_of_all_pixels() -> None:
    images = images_of("train", "train", "train", "test")
    assert targets_of().count(images, ()).ignored == 13 / (301 + 13)
    assert targets_of(((9, 1, 0),)).count(images_of(None), ()).ignored == 0
    assert targets_of(((0, 0, 7),)).count(images_of(None), ()).ignored == 1


def test_the_pixels_of_each_class_stand_for_the_masks() -> None:
    targets = targets_of().select(np.array([1, 3]))
    assert targets.values.tolist() == [[50, 0, 50, 0], [10, 70, 15, 5]]
    assert targets.files.paths == ["masks/1.png", "masks/3.png"]
    with pytest.raises(ValueError, match="masks are counted when they are decoded"):
        _ = MaskTargets(targets.spec, targets.files).values


def test_a_changed_mask_changes_the_entry_of_its_image() -> None:
    assert targets_of().entry(2) == {"mask": "masks/2.png", "mask_sha256": f"{2:064x}"}
    unknown = MaskTargets(targets_of().spec, targets_of().files)
    assert unknown.entry(2) == {"mask": "masks/2.png"}


def test_equal_masks_have_equal_ids_once_they_are_decoded() -> None:
    targets = targets_of()
    first, second, third, fourth = targets.ids().tolist()
    assert second == fourth
    assert len({first, second, third}) == 3
    assert MaskTargets(targets.spec, targets.files).ids().tolist() == [0, 1, 2, 3]


def test_masks_are_decoded_to_the_numbers_that_a_model_has_for_the_classes() -> None:
    files = MaskFiles(["m.png"], MaskCodes(((0, 0), (7, 1), (9, IGNORE)), ((0xFF0000, 1),)))
    targets = MaskTargets(TargetSpec("mask", ("road", "sky")), files)
    known = TargetSpec("mask", ("car", "sky", "road"), {"colors": (1.0,) * 9})
    aligned = targets.aligned(known)
    assert aligned.spec is known
    assert aligned.files.codes == MaskCodes(((0, 2), (7, 1), (9, IGNORE)), ((0xFF0000, 1),))
    assert targets_of().aligned(targets_of().spec).records is not None


def unseen(*splits: Split | None, counts: Counts = COUNTS) -> list[tuple[str, str, str]]:
    targets = targets_of(counts).select(np.arange(len(splits)))
    found = targets.findings(images_of(*splits))
    return [(finding.kind, finding.path, finding.detail) for finding in found]


def test_a_class_without_a_pixel_to_learn_from_is_found_and_is_no_problem() -> None:
    assert unseen(None, None, None, None) == []
    assert unseen("train", "train", "train", "validation") == []
    assert unseen("train", "train", "test", "validation") == [
        ("unseen class", "car", "in masks of validation and test only")
    ]
    assert unseen(None, None) == [("unseen class", "car", "in no mask")]
    assert problems("train", "train", "test", "validation") == problems(None, None) == ()
    assert MaskTargets(targets_of().spec, targets_of().files).findings(images_of(None)) == ()


def test_masks_that_show_no_class_or_the_same_one_everywhere_are_a_problem() -> None:
    assert problems(None, None, counts=((0, 0, 9), (0, 0, 8))) == (
        "no pixel of a mask is of a class; replace the masks",
    )
    assert problems("train", "train", "test", counts=((3, 0, 9), (5, 0, 8), (5, 5, 0))) == (
        "every pixel of the masks in train is of class 'road'; expected at least two classes",
    )


def test_too_few_images_or_classes_are_a_problem() -> None:
    assert problems(None, counts=COUNTS[3:]) == (
        "there is only one image with a mask; expected at least two",
    )
    assert problems("train", "test", counts=COUNTS[3:] * 2) == (
        "there is only one image with a mask in train; expected at least two",
    )
    assert problems("test", "validation") == (
        "there are no images to train on: all 2 are in validation and test",
    )
    assert problems(None, None, counts=((5, 1), (4, 0))) == (
        "there is only one class, 'road'; expected at least two",
    )


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        (0, "no image has a mask; expected masks/1.png for images/1.jpg"),
        (1, "the only image cannot be used with its mask; replace them"),
        (3, "none of the 3 images can be used with its mask; replace them"),
    ],
)
def test_images_that_cannot_be_used_are_a_problem(listed: int, problem: str) -> None:
    nothing = targets_of().select(np.arange(0))
    assert nothing.problems(images_of(), images_of(*[None] * listed), ()) == (problem,)


def test_images_that_are_all_copies_are_a_problem() -> None:
    images = images_of(None, None, None, None)
    assert targets_of().copied(images, recorded()) == ()
    assert targets_of().copied(images, recorded(same=True)) == (
        "all 4 images are copies of one; expected at least two different ones",
    )
