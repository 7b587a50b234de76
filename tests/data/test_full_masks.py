"""A true mask is read again in the size of its image, and is the one that was decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.full_masks import FullMask, find_mask_files, resize_masks
from striate.data.listing.samples import IGNORE
from striate.data.readers.scan import scan
from striate.errors import DataError

HIGH, WIDE = 30, 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and masks; the second image is stored on its side, and its mask with it."""
    root, random = tmp_path / "data", np.random.default_rng(3)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for number in range(3):
        turned = Image.Exif()
        turned[274] = 6 if number == 1 else 1
        pixels = random.integers(0, 255, (HIGH, WIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"images/{number}.png", exif=turned)
        mask = random.integers(0, 3, (HIGH, WIDE), dtype=np.uint8)
        mask[0] = IGNORE
        Image.fromarray(mask).save(root / f"masks/{number}.png")
    (root / "classes.txt").write_text("a\nb\nc\n")
    return root


def masks(folder: Path, preprocess: Preprocess) -> list[FullMask]:
    decoded = decode_images(scan(folder), preprocess, cache=folder.parent / "cache")
    rows = np.array([2, 0, 1])
    assert decoded.masks is not None
    files = find_mask_files(decoded, rows, folder)
    pairs = zip(decoded.masks[rows], files, strict=True)
    return [FullMask(seen, file, preprocess) for seen, file in pairs]


def stored(folder: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(folder / f"masks/{number}.png"))


def test_masks_are_read_as_they_are_stored_and_turned_as_their_images(folder: Path) -> None:
    last, first, middle = masks(folder, Preprocess(16, 3))
    assert np.array_equal(first.file.read(), stored(folder, 0))
    assert np.array_equal(last.file.read(), stored(folder, 2))
    assert np.array_equal(middle.file.read(), np.rot90(stored(folder, 1), -1))
    assert middle.file.size == (HIGH, WIDE)
    resized = resize_masks([last.file, first.file, middle.file], Preprocess(16, 3))
    assert np.array_equal(resized, [last.seen, first.seen, middle.seen])


def test_a_predicted_mask_is_restored_as_predict_does(folder: Path) -> None:
    preprocess = Preprocess(16, 3)
    mask = masks(folder, preprocess)[0]
    predicted = np.random.default_rng(0).integers(0, 3, (16, 16), dtype=np.uint8)
    restored, true = mask.compare(predicted)
    assert np.array_equal(restored, preprocess.restore_mask(predicted, WIDE, HIGH))
    assert np.array_equal(true, stored(folder, 2))


def test_what_the_network_did_not_see_is_ignored(folder: Path) -> None:
    restored, true = masks(folder, Preprocess(16, 3, "crop"))[0].compare(
        np.full((16, 16), 2, np.uint8)
    )
    seen = slice((WIDE - HIGH) // 2, (WIDE + HIGH) // 2)
    assert (restored[:, seen] == 2).all()
    assert np.array_equal(true[:, seen], stored(folder, 2)[:, seen])
    assert (np.delete(true, np.r_[seen], axis=1) == IGNORE).all()
    assert restored.max() == 2


def test_a_mask_that_is_another_now_is_named(folder: Path) -> None:
    last, first, middle = masks(folder, Preprocess(16, 3))
    (folder / "masks/0.png").write_bytes((folder / "masks/2.png").read_bytes())
    (folder / "masks/1.png").unlink()
    last.file.read()
    with pytest.raises(DataError) as error:
        first.file.read()
    assert str(error.value) == "masks/0.png: changed since it was decoded; try again"
    with pytest.raises(DataError) as error:
        middle.file.read()
    assert str(error.value) == "masks/1.png: unreadable (no such file or directory)"
