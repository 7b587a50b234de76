"""Classes that are told apart by what should say nothing of them are named, and others are not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from striate.data.check import inspect
from striate.data.traits.measure import CORNERS, TRAITS, measure_file, measure_pixels
from striate.data.traits.model import TraitModel, Traits
from striate.data.traits.shortcuts import FEWEST

IMAGES = 60  #: of each class


def photo(seed: int) -> Image.Image:
    """Soft colored noise, different for each seed."""
    random = np.random.default_rng(seed)
    small = random.uniform(40, 215, (4, 5, 3)).astype(np.uint8)
    image = Image.fromarray(small).resize((60, 48), Image.Resampling.BICUBIC)
    noise = random.normal(0, random.uniform(2, 12), (48, 60, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def plain(image: Image.Image) -> Image.Image:
    return image


def marked(image: Image.Image) -> Image.Image:
    image.paste((230, 40, 40), (55, 43, 59, 47))
    return image


def framed(image: Image.Image) -> Image.Image:
    frame = Image.new("RGB", image.size)
    frame.paste(image.crop((1, 1, 59, 47)), (1, 1))
    return frame


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, 60, 46))


def make_set(
    root: Path, change: Callable[[Image.Image], Image.Image] = plain, quality: int = 90
) -> Path:
    """Write three classes of JPEG files; those of "b" are changed, or saved at this quality."""
    for label, name in enumerate("abc"):
        (root / name).mkdir(parents=True)
        for number in range(IMAGES):
            own = name == "b"
            image = (change if own else plain)(photo(1000 * label + number))
            image.save(root / name / f"{number}.jpg", quality=quality if own else 90)
    return root


def groups_of(root: Path) -> dict[str, list[str]]:
    return {each.class_name: [name for name, _ in each.groups] for each in inspect(root).shortcuts}


def test_nothing_is_said_of_classes_that_only_differ_in_what_is_shown(tmp_path: Path):
    found = inspect(make_set(tmp_path / "photos"))
    assert found.shortcuts == ()
    assert "shortcut" not in str(found)


@pytest.mark.parametrize(
    ("change", "quality", "group"),
    [
        (plain, 80, "JPEG quality"),
        (framed, 90, "border"),
        (marked, 90, "corners"),
        (cropped, 90, "size"),
    ],
)
def test_a_planted_shortcut_is_named(
    tmp_path: Path, change: Callable[[Image.Image], Image.Image], quality: int, group: str
):
    found = groups_of(make_set(tmp_path / "photos", change, quality))
    assert list(found) == ["b"]
    assert group in found["b"]


def test_check_says_it_in_words_and_json(tmp_path: Path):
    found = inspect(make_set(tmp_path / "photos", quality=80))
    text = " ".join(str(found).split())
    assert (
        "Possible shortcuts: - “b” can be told from the others by JPEG quality alone: "
        "100 % of 60 images, at 5 % false alarms; a network may learn that instead of what is shown"
    ) in text
    (told,) = json.loads(json.dumps(found.to_json()))["shortcuts"]
    assert told["class"] == "b"
    assert told["found"]["images"] == 60
    assert told["groups"][0] == {"group": "JPEG quality", "found": 1.0}
    assert "JPEG quality" in found._repr_html_()


def test_color_alone_may_be_what_the_class_is(tmp_path: Path):
    root = make_set(tmp_path / "photos", lambda image: image.convert("L").convert("RGB"))
    (found,) = inspect(root).shortcuts
    assert [name for name, _ in found.groups] == ["color"]
    assert str(found).endswith("fine, if that is what the class is")


def test_classes_of_few_images_are_not_judged(tmp_path: Path):
    root = make_set(tmp_path / "photos", framed)
    for file in sorted((root / "b").iterdir())[FEWEST - 1 :]:
        file.unlink()
    assert inspect(root).shortcuts == ()


def test_a_damaged_file_and_an_image_of_one_pixel_are_no_trouble(tmp_path: Path):
    root = make_set(tmp_path / "photos", framed)
    (root / "a" / "0.jpg").write_bytes(b"no image")
    Image.new("L", (1, 1)).save(root / "a" / "1.png")
    assert list(groups_of(root)) == ["b"]


def test_images_in_an_array_have_traits_of_their_pixels(tmp_path: Path):
    images, labels = [], []
    for label in range(2):
        for number in range(IMAGES):
            images.append(np.asarray((framed if label else plain)(photo(1000 * label + number))))
            labels.append(label)
    np.savez(tmp_path / "photos.npz", images=np.stack(images), labels=np.array(labels))
    assert "border" in groups_of(tmp_path / "photos.npz")["1"]


def test_traits_are_those_of_the_image(tmp_path: Path):
    pixels = np.zeros((40, 50, 3), np.uint8)
    pixels[:, :, 0] = 90
    pixels[0] = 200
    Image.fromarray(pixels).save(tmp_path / "image.png")
    traits, corners = measure_file(str(tmp_path / "image.png")) or ((), ())
    told = dict(zip(TRAITS, traits, strict=True))
    assert told["width"] == pytest.approx(np.log(50))
    assert told["aspect ratio"] == pytest.approx(np.log(50 / 40))
    assert np.isnan([told["quantization"], told["bytes per pixel"]]).all()
    assert told["bottom border"] == pytest.approx(0, abs=1e-3)
    assert told["left border"] == pytest.approx(0, abs=1e-3)
    assert told["red less green"] == pytest.approx(pixels[..., 0].mean() - pixels[..., 1].mean())
    assert told["contrast"] == pytest.approx(pixels.mean(axis=2).std(), rel=1e-4)
    assert np.shape(corners) == CORNERS
    assert measure_file(str(tmp_path / "none.png")) is None


def test_a_jpeg_has_the_mean_of_its_quantization_tables(tmp_path: Path):
    file = tmp_path / "image.jpg"
    photo(1).save(file, quality=70)
    told = dict(zip(TRAITS, (measure_file(str(file)) or ((), ()))[0], strict=True))
    with Image.open(file) as image:
        values = [value for table in image.quantization.values() for value in table]
    assert told["quantization"] == np.mean(values)
    assert told["bytes per pixel"] == pytest.approx(np.log(file.stat().st_size / (60 * 48)))


@pytest.mark.parametrize("width", [1, 3, 8])
def test_a_border_ends_on_a_straight_line(width: int):
    noise = np.random.default_rng(0).normal(120, 30, (100, 100)).astype(np.uint8)
    framed = np.pad(noise[width:-width, width:-width], width)
    border = np.log(2 * 4 / (4 + 120 - 0.84 * 30))  # a fifth of the noise is darker
    for pixels, expected in ((noise, 0), (framed, border)):
        told = dict(zip(TRAITS, measure_pixels(pixels)[0], strict=True))
        sides = [told[f"{side} border"] for side in ("top", "bottom", "left", "right")]
        assert sides == pytest.approx([expected] * 4, abs=0.3)


def test_strokes_stripes_and_a_sky_are_no_border():
    stroke = np.zeros((100, 100), np.uint8)
    stroke[4:8, 15:85] = 255
    sky = np.repeat(np.linspace(255, 100, 100).astype(np.uint8)[:, None], 100, axis=1)
    stripes = np.where(np.arange(100) // 6 % 2, 40, np.full((100, 100), 200)).astype(np.uint8)
    for pixels in (stroke, stroke.T, sky, sky.T, stripes, stripes.T):
        told = dict(zip(TRAITS, measure_pixels(pixels)[0], strict=True))
        sides = [told[f"{side} border"] for side in ("top", "bottom", "left", "right")]
        assert sides == pytest.approx([0] * 4, abs=1e-3)


def test_digits_have_no_border_and_where_one_has_it_is_named(tmp_path: Path):
    with np.load(str(files("striate.data") / "samples" / "digits.npz")) as arrays:
        images, labels = arrays["x"][::10].copy(), arrays["y"][::10]
    np.savez(tmp_path / "clean.npz", images=images, labels=labels)
    assert all(each.content for each in inspect(tmp_path / "clean.npz").shortcuts)
    for side in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        images[side][labels == 5] = 255
    np.savez(tmp_path / "framed.npz", images=images, labels=labels)
    assert groups_of(tmp_path / "framed.npz")["5"][0] == "border"


def test_a_gray_image_has_the_traits_of_its_color_twin():
    gray = np.asarray(photo(1).convert("L"))
    for one, other in zip(measure_pixels(gray), measure_pixels(np.dstack([gray] * 3)), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_the_model_is_a_logistic_regression_of_bins():
    random = np.random.default_rng(0)
    names = random.integers(0, 3, (90, 1)).astype(float)
    labels = (names[:, 0].astype(int) + (random.uniform(size=90) < 0.3)) % 3
    traits = Traits(names, np.array([True]), np.empty((90, 4, 0)))
    found = TraitModel.fit(traits, labels, 3).predict(traits)
    peer = LogisticRegression(C=1 / 3, tol=1e-8, max_iter=1000)
    columns = (names == np.arange(3)).astype(float)
    expected = peer.fit(columns, labels).predict_log_proba(columns)
    assert np.allclose(found, expected, atol=1e-3)


def test_bytes_that_look_like_jpeg_are_measured_without_an_error(tmp_path: Path):
    whole = io.BytesIO()
    photo(3).save(whole, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:300])
    assert measure_file(str(tmp_path / "cut.jpg")) is None
