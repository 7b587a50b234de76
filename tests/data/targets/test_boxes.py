"""Boxes as targets: fitted to decoded images, placed as inputs, selected, packed and counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data.cache.decoded import decode_images
from striate.data.check import inspect
from striate.data.decoding.preprocess import Fit, Preprocess
from striate.data.listing.columns import Records
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import Finding, Record
from striate.data.listing.target_spec import TargetSpec
from striate.data.loader import load_split
from striate.data.readers.scan import scan
from striate.data.shard_writer import write_shards
from striate.data.targets.boxes import BoxTargets
from striate.errors import DataError
from striate.progress import drain
from tests.data.boxes import boxes_of, coco, photo, voc
from tests.data.images import STORED_AS, corners, turned

SPEC = TargetSpec("boxes", ("cat", "dog"))
VIEW = Preprocess(32, 3, mean=(0.5,) * 3, std=(0.25,) * 3)


def targets(
    *images: Sequence[Sequence[float]], frames: Sequence[Sequence[float]] | None = None
) -> BoxTargets:
    """Boxes of some images, each left, top, right, bottom, class, ignored."""
    rows = np.array([box for image in images for box in image], float).reshape(-1, 6)
    counts = np.array([len(image) for image in images])
    return BoxTargets(SPEC, rows, counts, None if frames is None else np.array(frames, float))


def records(*sizes: tuple[int, int], orientation: int = 1) -> Records:
    found = (Finding("rotated", "a", f"orientation {orientation}"),) * (orientation > 1)
    return Records.of([Record("ab" * 32, *size, 3, found) for size in sizes])


def decoded(root: Path) -> DecodedImages:
    return decode_images(scan(root), VIEW, cache=root.parent / "cache")


def kinds(found: BoxTargets) -> list[str]:
    return [each.kind for row in sorted(found.odd) for each in found.odd[row]]


def test_values_are_padded_to_the_fullest_image() -> None:
    boxes = targets([[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 1]], [], [[0, 0, 1, 1, 1, 0]])
    none = [0, 0, 0, 0, -1, 0]
    assert boxes.values.tolist() == [
        [[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 1]],
        [none, none],
        [[0, 0, 1, 1, 1, 0], none],
    ]
    assert boxes.values.dtype == np.float32
    assert targets([], []).values.tolist() == [[none]] * 2
    assert BoxTargets.of(SPEC, boxes.values) == boxes


def test_rows_are_selected_with_their_boxes() -> None:
    boxes = targets([[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 1]], [], [[0, 0, 1, 1, 1, 0]])
    some = boxes.select(np.array([1, 2]))
    assert some == targets([], [[0, 0, 1, 1, 1, 0]])
    assert (len(some), some.describe(0), some.describe(1)) == (2, "no box", "1 dog")
    assert boxes.select(np.array([False, False, False])).values.shape == (0, 1, 6)


def test_names_are_numbered_as_a_model_does() -> None:
    spec = TargetSpec("boxes", ("ant", "dog", "cat"))
    boxes = targets([[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 0]]).aligned(spec)
    assert boxes.rows[:, 4].tolist() == [2, 1]
    assert boxes.describe(0) == "1 dog, 1 cat"


def test_equal_boxes_are_equal_in_whatever_order() -> None:
    one, other = [1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 0]
    assert targets([one, other], [other, one], [one], [], []).ids().tolist() == [0, 0, 1, 2, 2]


def test_an_entry_of_the_image_list_has_the_boxes() -> None:
    assert targets([[1, 2, 3, 4.5, 0, 0], [5, 6, 7, 8, 1, 1]]).entry(0) == {
        "boxes": [
            {"class": "cat", "box": [1, 2, 3, 4.5]},
            {"class": "dog", "box": [5, 6, 7, 8], "ignored": True},
        ]
    }


def test_boxes_are_cut_at_the_edge_and_dropped_beyond_it() -> None:
    written = targets(
        [[-0.6, 0, 40.9, 30, 0, 0], [30, 20, 60, 30, 1, 0], [41, 5, 50, 9, 0, 0]],
        [[-5, -5, 0, 8, 1, 0]],
        frames=[[0, 0], [40, 30]],
    )
    found = written.recorded(records((40, 30), (40, 30)))
    assert found == targets([[0, 0, 40, 30, 0, 0], [30, 20, 40, 30, 1, 0]], [])
    assert [each.detail for each in found.odd[0]] == [
        "dog, 30 20 60 30 in 40 x 30 pixels",
        "cat, 41 5 50 9 in 40 x 30 pixels",
    ]
    assert kinds(found) == ["box clipped", "box outside", "box outside"]


def test_shares_and_other_sizes_of_one_shape_are_scaled() -> None:
    box = [0.25, 0.5, 0.75, 1, 0, 0]
    large = [20, 30, 60, 60, 0, 0]
    written = targets([box], [large], [large], [large], frames=[[1, 1], [80, 60], [60, 80], [0, 0]])
    found = written.recorded(records(*[(40, 30)] * 4))
    half = [10, 15, 30, 30, 0, 0]
    assert found == targets([half], [half], [], [])
    assert kinds(found) == [
        "boxes scaled",
        "box outside",
        "boxes of another size",
        "box outside",
    ]
    assert found.odd[1][0].detail == "written for 80 x 60, the image has 40 x 30 pixels"


@pytest.mark.parametrize("orientation", range(2, 9))
def test_boxes_of_the_stored_pixels_are_turned_with_them(orientation: int) -> None:
    upright = Image.new("L", (40, 30))
    upright.paste(255, (3, 4, 15, 10))
    stored = upright.transpose(STORED_AS[orientation])
    left, top, right, low = stored.getbbox() or (0, 0, 0, 0)
    written = targets([[left, top, right, low, 0, 0]], frames=[list(stored.size)])
    found = written.recorded(records((40, 30), orientation=orientation))
    if orientation < 5:  # the size does not tell, and most tools show images upright
        assert found.rows[0, :4].tolist() == [left, top, right, low]
        assert kinds(found) == []
    else:
        assert found.rows[0, :4].tolist() == [3, 4, 15, 10]
        assert kinds(found) == ["boxes rotated"]


def test_a_tool_that_shows_images_upright_may_write_the_stored_size() -> None:
    rows = [[2, 2, 9, 9, 0, 0]], [[2, 25, 9, 38, 0, 0]]
    found = targets(*rows, frames=[[40, 30]] * 2).recorded(records(*[(30, 40)] * 2, orientation=6))
    assert found == targets(*rows)
    assert kinds(found) == []
    turned_ones = targets(rows[0], frames=[[40, 30]]).recorded(records((30, 40), orientation=6))
    assert turned_ones.rows[0, :4].tolist() == [21, 2, 28, 9]


def test_a_rotated_photograph_and_its_boxes_go_together(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(turned(corners(), 6, "JPEG"))  # 48 x 32, stored 32 x 48
        voc((tmp_path / name).with_suffix(".xml"), [("cat", 1, 25, 16, 48)], (32, 48))
    photo(tmp_path / "3.png")
    found = inspect(tmp_path)
    assert [f"{each.kind}: {each.path} {each.detail}" for each in found.findings if each.kind
            not in ("duplicate", "near duplicate")] == [
        "rotated: 1.jpg orientation 6",
        "rotated: 2.jpg orientation 6",
        "boxes rotated: 1.xml written for 32 x 48, the image has 48 x 32 pixels",
        "boxes rotated: 2.xml written for 32 x 48, the image has 48 x 32 pixels",
        "no box: 3.png ",
    ]  # fmt: skip
    # the stored left lower quarter is the upright left upper one: red
    box = decoded(tmp_path).targets.values[0, 0]
    assert box.tolist() == [0, 0, 24, 16, 0, 0]


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("letterbox", [[8, 12, 16, 20, 0, 0], [0, 4, 32, 28, 1, 1]]),
        ("stretch", [[8, 32 / 3, 16, 64 / 3, 0, 0], [0, 0, 32, 32, 1, 1]]),
        ("crop", [[16 / 3, 32 / 3, 16, 64 / 3, 0, 0], [0, 0, 32, 32, 1, 1]]),
    ],
)
def test_boxes_are_placed_as_the_input_shows_them(fit: Fit, expected: list[list[float]]) -> None:
    boxes = targets([[10, 10, 20, 20, 0, 0], [0, 0, 40, 30, 1, 1]], [[0, 5, 5, 9, 0, 0]])
    known, view = records((40, 30), (40, 30)), Preprocess(32, 3, fit)
    placed = boxes.placed(view, known)
    assert placed.shape == (2, 2, 6)
    assert placed[0] == pytest.approx(np.array(expected), abs=1e-5)
    assert (placed[1, :, 4] >= 0).sum() == (0 if fit == "crop" else 1)
    back = view.restore_boxes(placed[0, :1, :4], 40, 30)
    assert back[0] == pytest.approx(np.array([10, 10, 20, 20]), abs=1e-4)


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_evaluation_knows_the_area_of_a_pixel_in_the_image(fit: Fit) -> None:
    boxes, known = targets([[10, 10, 30, 20, 0, 0]], []), records((40, 30), (400, 100))
    judged = boxes.judged(Preprocess(32, 3, fit), known)
    assert judged.shape == (2, 1, 7)
    assert np.array_equal(judged[..., :6], boxes.placed(Preprocess(32, 3, fit), known))
    (box,) = judged[0]
    assert (box[2] - box[0]) * (box[3] - box[1]) * box[6] == pytest.approx(200, rel=1e-5)
    assert judged[1, 0, 6] == pytest.approx({
        "letterbox": 400 * 100 / (32 * 8), "stretch": 400 * 100 / 32**2, "crop": (100 / 32) ** 2
    }[fit])  # fmt: skip


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_a_box_lies_in_the_input_where_the_mask_of_its_pixels_does(fit: Fit) -> None:
    draws = np.random.default_rng(3)
    for _ in range(50):
        wide, high = draws.integers(20, 90, 2).tolist()
        left, top = draws.integers(0, wide - 8), draws.integers(0, high - 8)
        right, low = draws.integers(left + 4, wide + 1), draws.integers(top + 4, high + 1)
        mask = np.zeros((high, wide), np.uint8)
        mask[top:low, left:right] = 1
        view = Preprocess(64, 3, fit)
        shown = np.asarray(view.resize_mask(Image.fromarray(mask), (wide, high))) == 1
        boxes = targets([[left, top, right, low, 0, 0]])
        (box,) = boxes.placed(view, records((wide, high)))[0]
        if box[4] < 0:
            assert not shown.any()
            continue
        rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
        edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert np.abs(box[:4] - edges).max() <= 0.51


def test_training_and_a_shard_have_the_boxes_of_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "set"
    for number in range(6):
        photo(home / f"{number}.png", seed=number)
        rows = [("cat", 1, 1, 8 + number, 9), ("dog", 20, 10, 55, 20)][: number % 3]
        voc(home / f"{number}.xml", rows)
    drain(write_shards(home, tmp_path / "shards"))
    folder, shards = (decoded(place) for place in (home, tmp_path / "shards"))
    assert folder.targets == shards.targets
    assert [each.kind for each in folder.targets.findings(folder.samples)] == [
        *["box clipped"] * 2,
        *["no box"] * 2,
    ]
    assert json.loads(
        (tmp_path / "shards/shards.json").read_text()
    )["targets"] == {"kind": "boxes", "names": ["cat", "dog"], "constants": {}}  # fmt: skip
    batches = [
        next(iter(load_split(each, None, VIEW, torch.device("cpu")).eval_batches(6)))
        for each in (folder, shards)
    ]
    assert torch.equal(batches[0].targets, batches[1].targets)
    # 40 x 30 pixels become 32 x 24 below a margin of 4
    assert batches[0].targets[2, 1].numpy() == pytest.approx(
        np.array([19 * 0.8, 9 * 0.8 + 4, 32, 20 * 0.8 + 4, 1, 0]), abs=1e-5
    )


def test_a_shard_with_boxes_that_cannot_be_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "set"
    for number in range(2):
        photo(home / f"{number}.png", seed=number)
        voc(home / f"{number}.xml", [("cat", 1, 1, 8, 9)])
    drain(write_shards(home, tmp_path / "shards"))
    file = tmp_path / "shards/targets.npy"
    values = np.load(file)
    from striate.data.shards.targets import read_targets

    for place, wrong in (((1, 0, 2), -3), ((1, 0, 4), 1.5), ((1, 0, 5), 2), ((1, 0, 0), np.nan)):
        broken = values.copy()
        broken[place] = wrong
        np.save(file, broken)
        with pytest.raises(DataError, match="row 1, box 0: expected corners in order, a class and"):
            read_targets(file, TargetSpec("boxes", ("cat",)), 2)
    np.save(file, values[:, 0])
    with pytest.raises(DataError) as raised:
        read_targets(file, TargetSpec("boxes", ("cat",)), 2)
    assert str(raised.value) == (
        f"{file}: expected float32 of shape (2, None, 6), found float32 of shape (2, 6); "
        "copy it again"
    )


def test_check_counts_boxes_and_their_sizes(tmp_path: Path) -> None:
    for number in range(4):
        photo(tmp_path / f"photos/{number}.png", seed=number)
    coco(
        tmp_path / "a.json",
        ["0.png", "1.png", "2.png", "3.png"],
        [(1, 1, [0, 0, 10, 10]), (1, 1, [5, 5, 20, 20]), (2, 2, [1, 1, 38, 25])],
    )
    found = inspect(tmp_path)
    assert str(found).split("\n")[1:] == [
        "40 x 30 pixels; color",
        "",
        "class  images  boxes  smallest   median  largest",
        "cat         1      2   10 x 10  10 x 10  20 x 20",
        "dog         1      1   38 x 25  38 x 25  38 x 25",
        "",
        "2 no box: kept: all of it is background",
        "    photos/2.png",
        "    photos/3.png",
        "",
        "It can be trained on: detection.",
    ]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "no image has a box that can be learned; draw some around its objects"),
        ([(1, 1, [0, 0, 10, 10])], ""),
    ],
)
def test_images_without_any_box_cannot_be_trained_on(
    tmp_path: Path, rows: list[tuple[int, int, list[float]]], problem: str
) -> None:
    for number in range(2):
        photo(tmp_path / f"{number}.png", seed=number)
    coco(tmp_path / "a.json", ["0.png", "1.png"], rows, ["cat"])
    assert inspect(tmp_path).problems == ((problem,) if problem else ())
    coco(tmp_path / "a.json", ["0.png", "1.png"], [(1, 1, [0, 0, 9, 9])], ["cat"], iscrowd=1)
    assert inspect(tmp_path).problems == (
        "no image has a box that can be learned; draw some around its objects",
    )


def test_a_class_without_a_box_to_train_on_is_named(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for number in range(2):
            photo(tmp_path / f"{split}/{number}.png", seed=number + 2 * (split == "val"))
    coco(tmp_path / "train/a.json", ["0.png", "1.png"], [(1, 1, [0, 0, 9, 9])], ["a", "b", "c"])
    coco(tmp_path / "val/a.json", ["0.png", "1.png"], [(1, 2, [0, 0, 9, 9])], ["a", "b", "c"])
    found = [each for each in inspect(tmp_path).findings if each.kind == "unboxed class"]
    assert found == [
        Finding("unboxed class", "b", "in validation only"),
        Finding("unboxed class", "c", "nowhere"),
    ]


def test_targets_are_not_fitted_twice() -> None:
    boxes = targets([[0, 0, 4, 4, 0, 0]], frames=[[8, 8]]).recorded(records((4, 4)))
    assert boxes.recorded(records((2, 2))) is boxes
    assert replace(boxes).rows[0, 2] == 2


def test_boxes_of_a_listing_are_as_written_until_images_are_decoded(tmp_path: Path) -> None:
    photo(tmp_path / "1.png")
    voc(tmp_path / "1.xml", [("cat", 1, 1, 90, 9)])
    assert boxes_of(scan(tmp_path)) == {"1.png": [("cat", 0, 0, 90, 9)]}
