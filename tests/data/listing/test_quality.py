"""Poor images are told from the rest of their set, and sets without any have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from striate.data.check import inspect
from striate.data.decoding.thumbnail import measure_quality
from tests.data.listing.test_near_duplicates import save, scene

KINDS = {"blurred", "dark", "over-exposed", "blank"}


def grainy(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    pixels = np.asarray(scene(seed), np.float32) + random.normal(0, 12, (72, 96, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(40):
        save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", grainy(number))
    return tmp_path / "photos"


def poor(data: Path) -> set[tuple[str, str]]:
    return {(each.kind, each.path) for each in inspect(data).findings if each.kind in KINDS}


def test_a_set_of_ordinary_images_has_no_poor_one(photos: Path):
    assert poor(photos) == set()


def test_what_was_planted_is_found(photos: Path):
    save(photos / "a/blurred.png", grainy(1).filter(ImageFilter.GaussianBlur(4)))
    save(photos / "a/dark.png", grainy(2).point(lambda level: int(level * 0.15)))
    save(photos / "a/bright.png", grainy(3).point(lambda level: min(255, level + 150)))
    save(photos / "b/black.png", Image.new("RGB", (96, 72)))
    save(photos / "b/gray.png", Image.new("L", (96, 72), 140))
    assert poor(photos) == {
        ("blurred", "a/blurred.png"),
        ("dark", "a/dark.png"),
        ("over-exposed", "a/bright.png"),
        ("blank", "b/black.png"),
        ("blank", "b/gray.png"),
    }


def test_a_set_of_dark_images_is_as_it_should_be(tmp_path: Path):
    for number in range(40):
        night = grainy(number).point(lambda level: int(level * 0.15))
        save(tmp_path / "ab"[number % 2] / f"{number}.png", night)
    assert poor(tmp_path) == set()


def test_few_images_are_not_compared_but_blank_ones_are_told(tmp_path: Path):
    save(tmp_path / "a/blurred.png", grainy(1).filter(ImageFilter.GaussianBlur(4)))
    save(tmp_path / "b/sharp.png", grainy(2))
    save(tmp_path / "b/black.png", Image.new("L", (30, 30)))
    assert poor(tmp_path) == {("blank", "b/black.png")}


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_measures_are_those_of_scipy(mode: str):
    image = grainy(5).convert(mode)
    levels = np.asarray(image.convert("L"), float)
    laplacian = ndimage.laplace(levels, mode="mirror")
    slopes = (np.diff(levels, axis=0) ** 2).sum() + (np.diff(levels, axis=1) ** 2).sum()
    noise = 0.1 * levels.size
    quality = measure_quality(image)
    sharpness = np.log(((laplacian**2).sum() + noise) / (slopes + noise))
    assert quality.sharpness == pytest.approx(sharpness, abs=1e-5)
    assert quality.low == pytest.approx(np.percentile(levels, 5))
    assert quality.high == pytest.approx(np.percentile(levels, 95))
    assert quality.clipped == (levels >= 250).mean()


def test_odd_forms_are_measured_like_others(tmp_path: Path):
    deep = (np.asarray(scene(7).convert("L")).astype(np.uint16) * 257)[:40, :40]
    save(tmp_path / "a/deep.png", Image.fromarray(deep))
    save(tmp_path / "a/alpha.png", scene(8).convert("RGBA"))
    save(tmp_path / "b/thin.png", scene(9, (60, 1)))
    (tmp_path / "b/broken.png").write_bytes(b"\x89PNG\r\n")
    kinds = {(each.kind, each.path) for each in inspect(tmp_path).findings}
    assert not {kind for kind, _ in kinds} & KINDS
    assert ("16 bit", "a/deep.png") in kinds
