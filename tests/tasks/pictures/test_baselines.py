"""What pictures have to beat is the best of some filters, measured all over the images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from striate.metrics.pictures import ROUNDED, psnr
from striate.model import Pairs
from striate.tasks.pictures.baselines import enlargements, smoothings
from striate.tasks.pictures.metrics import PictureMetrics, Words, collect
from striate.tasks.pictures.remarks import make_remarks
from striate.tasks.pictures.sections import make_sections
from striate.tasks.results import About

SHADES = {"black": 0.0, "white": 1.0}


def shade(level: float) -> NDArray[np.uint8]:
    return np.full((8, 8, 1), 255 * level, np.uint8)


def compared(images: int, black: int) -> PictureMetrics:
    """So many answers in gray, where the first are black in truth and the others white."""
    truth = np.ones((images, 1, 8, 8), np.float32)
    truth[:black] = 0
    filters = {name: lambda _, level=level: shade(level) for name, level in SHADES.items()}
    about = About("model", "test", tuple(f"{row}.png" for row in range(images)))
    gray = np.full_like(truth, 0.5)
    return collect([(gray, Pairs(gray, truth))], Words("gray", filters, "shades"), about)


def test_the_best_filter_is_chosen_on_images_evenly_spaced():
    found = compared(images=600, black=250)
    assert (found.baseline_name, found.gain.n) == ("white", 256)
    tried = np.flatnonzero(~np.isnan(found.baseline_psnr))
    assert set(np.diff(tried)) == {2, 3}
    assert (tried[0], tried[-1]) == (0, 599)
    white = (tried >= 250).mean()
    assert found.to_beat == pytest.approx(white * ROUNDED)


def test_all_of_few_images_are_answered_without_a_network():
    found = compared(images=3, black=2)
    assert (found.baseline_name, found.gain.n) == ("black", 3)


def answered(levels: list[float], aim: float = 1.0) -> PictureMetrics:
    """Shades that are answered where all are `aim`; without a network they are 0.5."""
    answers = np.array(levels, np.float32)[:, None, None, None] + np.zeros((1, 1, 8, 8), np.float32)
    truth = np.full_like(answers, aim)
    about = About("model", "test", tuple(f"{row}.png" for row in range(len(levels))))
    words = Words("the shade", {"gray for all": lambda _: shade(0.5)}, "shades")
    return collect([(answers, Pairs(truth, truth))], words, about)


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([0.8, 0.9], "11.09 dB better, image by image (95 % interval 7.99 to 14.2 dB)."),
        ([0.4, 0.3], "2.231 dB worse, image by image (95 % interval 1.55 to 2.91 dB)."),
        ([0.4, 0.9], "not clearly better than this baseline."),
    ],
)
def test_the_report_says_by_how_much_the_network_is_better_or_worse(levels: list[float], said: str):
    remarks = [remark.text for remark in make_remarks(answered(levels))]
    start = "Without a network, gray for all has a PSNR of 5.987 dB: the network is"
    assert f"{start} {said}" in remarks


def test_where_the_truth_is_given_the_answer_without_a_network_is_shown_in_its_place():
    found = answered([0.8, 0.9])
    _, worst, _ = make_sections(found, ())
    (gallery,) = worst.parts
    first, *others = gallery.pictures[:4]
    assert (first.caption, first.named) == ("gray for all", True)
    assert not any(other.named for other in others)
    assert np.array_equal(first.overlay(shade(0)), shade(0.5))


def photograph() -> NDArray[np.uint8]:
    """Soft spots, the same in every run."""
    noise = np.random.default_rng(0).uniform(0, 255, (64, 64, 3))
    soft = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.clip(127 + 4 * (soft - soft.mean()), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
def test_enlargements_are_the_better_the_later_they_are_named(scale: int):
    truth = photograph()
    small = cv2.resize(truth, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    ways = enlargements(scale)
    assert list(ways) == [
        "bicubic enlargement",
        "Lanczos enlargement",
        "sharpened Lanczos enlargement",
    ]
    values = [psnr(way(small), truth) for way in ways.values()]
    assert values == sorted(values)


def test_a_gray_picture_stays_one_channel():
    gray = photograph()[..., :1]
    for way in (*enlargements(2).values(), *smoothings(25).values()):
        assert way(gray).shape[2] == 1
