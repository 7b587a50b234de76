"""Distortions do what independent programs do, and nothing else."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy import ndimage

from striate.errors import OptionError
from striate.vision.distortions import DISTORTIONS, distort


@pytest.fixture
def photo():
    """One smooth image in color, (1, 32, 32, 3)."""
    noise = np.random.default_rng(3).normal(size=(32, 32, 3))
    smooth = ndimage.gaussian_filter(noise, (2, 2, 0), mode="mirror")
    low, high = smooth.min(), smooth.max()
    return np.uint8(np.round(20 + 200 * (smooth - low) / (high - low)))[None]


def far(one, other):
    return np.abs(one.astype(float) - np.asarray(other, float)).max()


def test_there_are_eleven_kinds_of_seven_levels_but_for_mirrors():
    assert {name: len(kind.levels) for name, kind in DISTORTIONS.items() if name != "mirror"} == (
        dict.fromkeys(
            ("shift", "turn", "scale", "brightness", "contrast", "hue", "blur", "noise",
             "JPEG quality", "occlusion"), 7,
        )
    )  # fmt: skip
    assert len(DISTORTIONS) == 11
    assert len(DISTORTIONS["mirror"].levels) == 4


@pytest.mark.parametrize("kind", DISTORTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_level_is_the_image_itself_and_all_others_keep_its_shape(kind, channels, photo):
    some = np.repeat(photo[..., :channels], 2, axis=0)
    levels = DISTORTIONS[kind].levels
    assert (distort(some, kind, levels[0], (0, 1)) == some).all()
    for level in levels[1:]:
        changed = distort(some, kind, level, (0, 1))
        assert (changed.shape, changed.dtype) == (some.shape, np.uint8)
        gray_hue = kind == "hue" and channels == 1
        assert (changed != some).any() == (not gray_hue)


@pytest.mark.parametrize("kind", ["shift", "turn", "noise", "occlusion"])
def test_what_is_drawn_depends_on_seed_and_row_alone(kind, photo):
    level, some = DISTORTIONS[kind].levels[-1], np.repeat(photo, 6, axis=0)
    whole = distort(some, kind, level, range(6), seed=5)
    assert (distort(some[:2], kind, level, (4, 1), seed=5) == whole[[4, 1]]).all()
    assert (whole != distort(some, kind, level, range(6), seed=6)).any()
    assert any((one != whole[0]).any() for one in whole[1:])


def test_an_occlusion_covers_its_share_of_the_sides_and_is_filled_with_the_mean(photo):
    changed = distort(photo, "occlusion", 0.5, (0,))[0]
    rows, columns = np.nonzero((changed != photo[0]).any(axis=2))
    top, left = rows.min(), columns.min()
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (16, 16)
    assert far(changed[top : top + 16, left : left + 16], photo[0].mean(axis=(0, 1))) <= 0.5


def test_a_shift_is_that_of_scipy_with_reflected_edges(photo):
    changed = distort(photo, "shift", 0.2, (7,))[0]
    candidates = {
        (down, right): far(changed, ndimage.shift(photo[0], (down, right, 0), order=0,
                                                  mode="mirror"))
        for down in range(-7, 8)
        for right in range(-7, 8)
    }  # fmt: skip
    (down, right), least = min(candidates.items(), key=lambda entry: entry[1])
    assert least == 0
    assert abs(np.hypot(down, right) - 0.2 * 32) < 1


@pytest.mark.parametrize("level", [10, 45])
def test_a_turn_is_that_of_scipy_with_reflected_edges(level, photo):
    changed = distort(photo, "turn", level, (0,))[0]
    expected = (
        ndimage.rotate(photo[0].astype(float), angle, reshape=False, order=1, mode="mirror")
        for angle in (level, -level)
    )
    assert min(far(changed, each) for each in expected) < 3


def test_a_quarter_turn_is_exact(photo):
    changed = distort(photo, "turn", 90, (0,))[0]
    assert any((changed == np.rot90(photo[0], times)).all() for times in (1, 3))


def test_half_the_size_is_the_mean_of_four_pixels_reflected_around(photo):
    small = photo[0].reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    expected = np.pad(small, ((8, 8), (8, 8), (0, 0)), mode="reflect")
    assert far(distort(photo, "scale", 0.5, (0,))[0], expected) <= 0.5


@pytest.mark.parametrize(
    ("level", "axes"), [(1, (1,)), (2, (0,)), (3, (0, 1))], ids=["across", "down", "both"]
)
def test_mirrors_are_those_of_numpy(level, axes, photo):
    assert (distort(photo, "mirror", level, (0,))[0] == np.flip(photo[0], axes)).all()


@pytest.mark.parametrize(
    ("kind", "peer"), [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast)]
)
def test_brightness_and_contrast_are_those_of_pillow(kind, peer, photo):
    expected = peer(Image.fromarray(photo[0])).enhance(0.45)
    assert far(distort(photo, kind, 0.45, (0,))[0], expected) <= 1


def test_a_hue_is_that_of_colorsys(photo):
    changed = distort(photo, "hue", 60, (0,))[0]
    for pixel, came in zip(photo[0, 5], changed[5], strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255))
        wanted = colorsys.hsv_to_rgb((hue + 1 / 6) % 1, saturation, value)
        assert far(came, np.array(wanted) * 255) <= 1


def test_a_blur_is_that_of_scipy(photo):
    sigma = 0.06 * 32
    expected = ndimage.gaussian_filter(
        photo[0].astype(float), (sigma, sigma, 0), mode="mirror", truncate=3.2
    )
    assert far(distort(photo, "blur", 0.06, (0,))[0], expected) < 2


def test_noise_has_its_sigma():
    gray = np.full((1, 128, 128, 3), 128, np.uint8)
    noise = distort(gray, "noise", 0.1, (0,)).astype(float) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.02)
    assert abs(noise.mean()) < 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_a_compressed_image_is_near_that_of_pillow(channels, photo):
    image = photo[0] if channels == 3 else photo[0, ..., :1]
    with io.BytesIO() as file:
        Image.fromarray(image.squeeze()).save(file, "jpeg", quality=20)
        expected = np.asarray(Image.open(file)).reshape(image.shape)
    changed = distort(image[None], "JPEG quality", 20, (0,))[0]
    assert np.abs(changed.astype(float) - expected).mean() < 2


def test_what_does_not_exist_is_refused(photo):
    with pytest.raises(OptionError) as told:
        distort(photo, "shfit", 0, (0,))
    assert str(told.value) == "no distortion is called 'shfit'; did you mean 'shift'?"
    with pytest.raises(OptionError) as told:
        distort(photo, "turn", 7, (0,))
    assert str(told.value) == "turn has the levels 0, 5, 10, 20, 30, 45, 90, but 7 came"
    with pytest.raises(OptionError) as told:
        distort(photo[0], "turn", 5, (0,))
    assert str(told.value) == (
        "images to distort must be (N, H, W, 1 or 3) uint8, but (32, 32, 3) uint8 came"
    )
    with pytest.raises(OptionError) as told:
        distort(photo, "turn", 5, (0, 1))
    assert str(told.value) == "1 images need as many rows, but 2 came"
