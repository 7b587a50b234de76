"""Near duplicates are found as an independent comparison of all pairs finds them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from striate.data.check import inspect
from striate.data.decoding.thumbnail import make_thumbnails
from striate.data.listing import near_duplicates
from striate.data.listing.columns import NO_SPLIT
from striate.data.listing.near_duplicates import CORRELATION, find_near_duplicates


def scene(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """Blots of color at several scales."""
    random = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3), np.float32)
    for level in (3, 6, 12):
        small = random.integers(0, 256, (level, level, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)) / 3
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


def save(path: Path, image: Image.Image, **settings: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **settings)
    return path


def thumbnails(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random ones; each third repeats the one before with noise, each tenth is flat."""
    random = np.random.default_rng(seed)
    made = random.integers(0, 256, (count, 64)).astype(float)
    for row in range(2, count, 3):
        made[row] = made[row - 1] + random.normal(0, random.choice([2.0, 7.0, 15.0]), 64)
    made[::10] = 100 + random.normal(0, 2, (len(made[::10]), 64))
    return made.clip(0, 255).round().astype(np.uint8)


def test_the_pairs_are_those_whose_correlation_numpy_finds_high_enough():
    small = thumbnails(600)
    near = find_near_duplicates(small)
    shown = np.flatnonzero(small.std(axis=1) >= 5)
    assert (near.groups[np.setdiff1d(np.arange(600), shown)] == -1).all()
    correlations = np.corrcoef(small[shown])
    above = np.argwhere(np.triu(correlations >= CORRELATION, 1))
    expected = {tuple(sorted(near.groups[shown[pair]].tolist())) for pair in above}
    assert {tuple(pair) for pair in near.pairs.tolist()} == expected
    assert len(expected) > 60


def test_all_products_and_the_tree_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(3)
    copies = np.where(np.arange(400) % 40 == 0, 20, 1 + np.arange(400) % 3)
    seen = random.integers(0, 256, (400, 64)).repeat(copies, axis=0)
    noisy = np.clip(seen + random.normal(0, 2, seen.shape), 0, 255).astype(np.uint8)
    few = find_near_duplicates(noisy)
    monkeypatch.setattr(near_duplicates, "_FEW", 0)
    many = find_near_duplicates(noisy)
    alike = np.corrcoef(noisy[np.argsort(few.groups)])  # noise: no two thumbnails are equal
    nearest = [np.sort(alike[tuple(found.pairs.T)]) for found in (few, many)]
    assert nearest[0] == pytest.approx(nearest[1], abs=1e-6)  # but for ties of the eighth
    assert len(few.pairs) > 1000  # the eight nearest of 20, and all of 3
    links = csr_array((np.ones(len(few.pairs)), few.pairs.T), (len(noisy),) * 2)
    count, numbers = connected_components(links, directed=False)
    ours = few.clusters()[np.argsort(few.groups)]
    assert len(set(zip(ours.tolist(), numbers.tolist(), strict=True))) == count == len(set(ours))


def test_where_all_images_look_alike_only_much_nearer_ones_are_near_duplicates():
    random = np.random.default_rng(0)
    common = random.integers(40, 216, 64).astype(float)
    alike = (common + random.normal(0, 4, (300, 64))).round()
    alike[7] = alike[3] + random.integers(0, 2, 64)
    small = alike.clip(0, 255).astype(np.uint8)
    assert np.median(np.corrcoef(small)) > CORRELATION
    near = find_near_duplicates(small)
    assert near.pairs.tolist() == [sorted(near.groups[[3, 7]].tolist())]


def test_flat_images_are_near_duplicates_of_nothing():
    random = np.random.default_rng(3)
    flat = random.integers(100, 108, (50, 64)).astype(np.uint8)
    near = find_near_duplicates(flat)
    assert (near.groups == -1).all()
    assert near.clusters().tolist() == [-1] * 50


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one_have_no_near_duplicate(count: int):
    near = find_near_duplicates(thumbnails(5)[1 : 1 + count])
    assert len(near.pairs) == 0
    assert len(near.clusters()) == count


def test_a_thousand_equal_images_are_one_cluster():
    same = np.repeat(thumbnails(3)[1:2], 1000, axis=0)
    assert set(find_near_duplicates(same).clusters().tolist()) == {0}


def test_only_the_later_split_of_a_pair_straddles_and_equal_files_are_told_elsewhere():
    base = thumbnails(4)[[1, 3]]
    small = np.stack([base[0], base[0], base[1], base[1], base[0]])
    near = find_near_duplicates(small)
    splits = np.array([0, 2, 1, 1, NO_SPLIT], np.uint8)
    digests = np.arange(5 * 32).reshape(5, 32).astype(np.uint8)
    assert near.straddling(splits, digests).tolist() == [False, True, False, False, False]
    digests[1] = digests[0]
    assert not near.straddling(splits, digests).any()


def test_a_thumbnail_is_that_of_the_mean_over_each_cell():
    cells = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    image = np.kron(cells, np.ones((40, 30), np.uint8))
    for resized in (False, True):
        made = make_thumbnails([image], resized=resized).reshape(8, 8)
        assert np.abs(made[1:-1, 1:-1].astype(int) - cells[1:-1, 1:-1]).max() <= 1


@pytest.mark.parametrize(("mode", "size"), [("RGB", (320, 256)), ("L", (64, 96))])
def test_a_thumbnail_is_the_one_that_pillow_makes_of_pixels_averaged_by_sixteenths(
    mode: str, size: tuple[int, int]
):
    image = scene(3, size).convert(mode)
    fine = image.resize((16, 16), Image.Resampling.BOX)
    expected = np.asarray(fine.resize((8, 8), Image.Resampling.BILINEAR).convert("L"), int)
    made = make_thumbnails([np.asarray(image)]).reshape(8, 8)
    assert np.abs(made - expected).max() <= 1


@pytest.mark.parametrize(("mode", "size"), [("L", (28, 28)), ("RGB", (48, 20)), ("L", (17, 64))])
def test_small_images_are_averaged_by_area_many_at_once(mode: str, size: tuple[int, int]):
    images = [np.asarray(scene(seed, size).convert(mode)) for seed in range(5)]
    for image, made in zip(images, make_thumbnails(images), strict=True):
        fine = Image.fromarray(cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA))
        expected = np.asarray(fine.resize((8, 8), Image.Resampling.BILINEAR).convert("L"), int)
        assert np.abs(made.reshape(8, 8) - expected).max() <= 1


def test_copies_that_were_changed_a_little_are_found_across_splits(tmp_path: Path):
    for number in range(12):
        name = "cat" if number % 2 else "dog"
        for split, start in (("train", 0), ("test", 100)):
            save(tmp_path / split / name / f"{number}.png", scene(start + number))
    wide = scene(0).resize((150, 110), Image.Resampling.BICUBIC)
    save(tmp_path / "test/dog/larger.png", wide)
    save(tmp_path / "test/cat/pressed.jpg", scene(1), quality=30)
    save(tmp_path / "train/cat/darker.png", ImageEnhance.Brightness(scene(103)).enhance(0.6))
    found = inspect(tmp_path)
    assert {(each.kind, each.path, each.detail) for each in found.findings} == {
        ("near leaked", "test/dog/larger.png", "train/dog/0.png"),
        ("near leaked", "test/cat/pressed.jpg", "train/cat/1.png"),
        ("near leaked", "test/cat/3.png", "train/cat/darker.png"),
    }
    assert sorted(map(sorted, found.near_duplicates)) == [
        ["test/cat/3.png", "train/cat/darker.png"],
        ["test/cat/pressed.jpg", "train/cat/1.png"],
        ["test/dog/larger.png", "train/dog/0.png"],
    ]
    assert len(found.to_json()["near_duplicates"]) == 3  # type: ignore[arg-type]
