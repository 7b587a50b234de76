"""Templates are found where they are, by numbers that a loop confirms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks.forms import best_threshold, digits, form, judged
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import OptionError
from striate.vision import find
from striate.vision.template_match import find_peaks, match_scores


def by_a_loop(template: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The definition: each box and the template lose their mean in every channel."""
    high, wide = template.shape[:2]
    pattern = template - template.mean(axis=(0, 1))
    scores = np.zeros((image.shape[0] - high + 1, image.shape[1] - wide + 1))
    for row, column in np.ndindex(scores.shape):
        box = image[row : row + high, column : column + wide].astype(float)
        box = box - box.mean(axis=(0, 1))
        length = np.linalg.norm(box) * np.linalg.norm(pattern)
        scores[row, column] = (box * pattern).sum() / length if np.ptp(box) > 1e-9 else 0
    return scores


@pytest.mark.parametrize("shape", [(7, 5), (1, 4), (6, 1), (30, 40), (5, 5, 3), (4, 3, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_normalized_scores_are_those_of_a_loop(shape: tuple[int, ...], dtype: type):
    random = np.random.default_rng(sum(shape))
    template = random.integers(0, 255, shape).astype(dtype)
    image = random.integers(0, 255, (30, 40, *shape[2:])).astype(dtype)
    found = match_scores(template, image)
    assert found.dtype == (np.float32 if dtype == np.uint8 else np.float64)
    np.testing.assert_allclose(
        found, by_a_loop(template, image), atol=1e-6 if dtype == np.uint8 else 1e-12
    )


def test_plain_scores_are_sums_of_products():
    random = np.random.default_rng(4)
    template, image = random.normal(size=(3, 4, 2)), random.normal(size=(9, 8, 2))
    boxes = np.lib.stride_tricks.sliding_window_view(image, (3, 4), axis=(0, 1))
    expected = np.einsum("rcohw,hwo->rc", boxes, template)
    np.testing.assert_allclose(match_scores(template, image, method="plain"), expected, atol=1e-12)


@given(
    place=st.tuples(st.integers(0, 40), st.integers(0, 30)),
    gain=st.floats(0.01, 100),
    light=st.floats(-1000, 1000),
    seed=st.integers(0, 99),
)
def test_brightness_and_contrast_do_not_matter(
    place: tuple[int, int], gain: float, light: float, seed: int
):
    random = np.random.default_rng(seed)
    template, image = random.normal(size=(9, 8)), random.normal(size=(49, 38))
    image[place[0] : place[0] + 9, place[1] : place[1] + 8] = template
    found = find(template, image * gain + light, threshold=0.9)
    assert found.positions.tolist() == [list(place)]
    assert 1 - 1e-9 < found.scores[0] <= 1
    assert found.centers.tolist() == [[place[0] + 4, place[1] + 3.5]]
    assert find(-template, image * gain + light, threshold=0.9).positions.tolist() == []


@pytest.mark.parametrize("offset", [0, 1e-3, 7.3, 1e6])
@pytest.mark.parametrize("scale", [1e-100, 1, 255, 1e100])
def test_flat_regions_score_nothing(offset: float, scale: float):
    image = np.full((60, 50), float(offset * scale))
    image[:20] += scale * np.random.default_rng(2).random((20, 50))
    found = match_scores(np.eye(7), image)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1
    assert np.abs(found[20:]).max() == 0
    assert np.abs(found[:14]).max() > 0.3


def test_a_bright_patch_beats_the_true_place_in_plain_correlation_alone():
    random = np.random.default_rng(3)
    cross = np.clip(np.eye(9) + np.eye(9)[::-1], 0, 1) * 100
    image = random.uniform(0, 20, (60, 80))
    image[30:39, 20:29] += cross
    image[5:25, 50:75] = 250
    (plain,) = find(cross, image, method="plain", most=1).positions.tolist()
    assert 5 <= plain[0] <= 25 - 9
    assert 50 <= plain[1] <= 75 - 9
    assert find(cross, image, threshold=0.8).positions.tolist() == [[30, 20]]


def test_a_colored_template_is_told_from_one_of_another_color():
    image = np.full((20, 40, 3), 90, np.uint8)
    image[5:9, 5:9, 0] = image[5:9, 25:29, 2] = 200
    red = image[3:11, 3:11]
    assert find(red, image, threshold=0.9).positions.tolist() == [[3, 3]]


def test_matches_come_best_first_and_no_more_than_asked():
    scores = np.zeros((9, 9))
    scores[1, 1], scores[4, 7], scores[8, 0] = 0.6, 0.9, 0.7
    found = find_peaks(scores, (2, 3), threshold=0.5)
    assert found.positions.tolist() == [[4, 7], [8, 0], [1, 1]]
    assert found.scores.tolist() == [0.9, 0.7, 0.6]
    assert found.size == (2, 3)
    assert find_peaks(scores, (2, 3), threshold=0.7).positions.tolist() == [[4, 7], [8, 0]]
    assert find_peaks(scores, (2, 3), threshold=0.5, most=1).positions.tolist() == [[4, 7]]
    assert find_peaks(scores, (8, 8), threshold=0.5, stride=4).positions.tolist()[1] == [32, 0]


def test_a_slope_beside_a_peak_is_no_match():
    scores = np.minimum(np.arange(20), 12)[np.newaxis] * np.ones((1, 1))
    assert find_peaks(scores[:, :13], (1, 4), threshold=3).positions.tolist() == [[0, 12]]


def test_a_peak_is_not_hidden_by_one_that_was_dropped():
    scores = np.zeros((1, 20))
    scores[0, [4, 7, 10]] = 0.9, 0.8, 0.7
    assert find_peaks(scores, (1, 8), threshold=0.5).positions.tolist() == [[0, 4], [0, 10]]


@given(
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    apart=st.sampled_from([0, 0.3, 0.5, 1, 2]),
    levels=st.sampled_from([1, 3, 1000]),
)
def test_peaks_stay_apart_and_what_is_dropped_has_a_better_one_near(
    seed: int, size: tuple[int, int], apart: float, levels: int
):
    scores = np.random.default_rng(seed).integers(0, levels, (20, 30)) / levels
    found = find_peaks(scores, size, threshold=0.0, apart=apart)
    everything = find_peaks(scores, size, threshold=0.0, apart=0)
    assert (np.diff(found.scores) <= 0).all()
    near = np.abs(found.positions[:, None] - everything.positions) < np.array(size) * apart
    near = near.all(axis=2)
    for number, place in enumerate(everything.positions):
        kept = (found.positions == place).all(axis=1)
        if kept.any():
            assert near[:, number].sum() == (apart > 0)
        else:
            assert found.scores[near[:, number]].max() >= everything.scores[number]


def test_a_flat_map_is_tiled():
    found = find_peaks(np.ones((100, 90)), (10, 10), threshold=1, apart=1)
    assert sorted(found.positions.tolist()) == [
        [r, c] for r in range(0, 100, 10) for c in range(0, 90, 10)
    ]


def test_a_tensor_gives_a_tensor_of_the_same_scores():
    image = np.random.default_rng(1).random((20, 30))
    template = image[4:9, 11:17]
    scores = match_scores(torch.from_numpy(template), torch.from_numpy(image))
    assert torch.equal(scores, torch.from_numpy(match_scores(template, image)))
    assert find(template, torch.from_numpy(image), most=1).positions.tolist() == [[4, 11]]


def test_one_handwritten_three_finds_two_thirds_of_the_threes_of_a_form():
    """The lecture's example: the figures here are those of the guide, at a threshold of its own."""
    images, labels = digits(slice(300))
    three = images[labels == 3][16]
    tuned, other = form(slice(300, 400), seed=1), form(slice(400, 500), seed=2)
    threshold = best_threshold(find(three, tuned.page), tuned, 3)
    normalized = judged(find(three, other.page), other, 3, threshold)
    assert 0.58 < normalized.precision < 0.70
    assert 0.58 < normalized.recall < 0.70
    threshold = best_threshold(find(three, tuned.page, method="plain"), tuned, 3)
    plain = judged(find(three, other.page, method="plain"), other, 3, threshold)
    assert plain.f1 < 0.5


def test_copies_of_the_template_are_all_found_and_nothing_else():
    source = form(slice(400, 420), seed=6, columns=20)
    images, labels = digits(slice(400, 420))
    three = images[labels == 3][4]
    found = find(three, source.page, threshold=0.99)
    assert len(found) == 1
    assert np.abs(source.centers[source.labels == 3] - found.centers).max(axis=1).min() == 0


EYE = np.eye(3)


@pytest.mark.parametrize(
    ("template", "image", "options", "message"),
    [
        (np.eye(5), np.ones((4, 9)), {}, "the template is 5 x 5 pixels, more than the image's "
         "4 x 9; did they change places?"),
        (np.full((2, 3), 7), np.ones((4, 9)), {}, "a template with detail was expected, but all "
         "2 x 3 pixels of this one have the same value, which looks like every flat place; use "
         'another, or method="plain"'),
        (EYE, np.array([[np.nan, 1, 2]] * 3), {}, "the image must hold finite numbers, but "
         "holds nan at (0, 0) as float64"),
        ([[np.inf, 1]], np.ones((4, 9)), {}, "the template must hold finite numbers, but "
         "holds inf at (0, 0) as float64"),
        (EYE, np.ones((4, 9, 3)), {}, "template and image must have the same channels, but the "
         "template is (3, 3) and the image (4, 9, 3)"),
        ([1, 2, 3], np.ones((4, 9)), {}, "the template must be (H, W) or (H, W, C), but (3,) came"),
        ([[1, 2], [3]], np.ones((4, 9)), {}, "the rows of the template differ in length; give "
         "as many to each"),
        (EYE, np.ones((0, 9)), {}, "the image is empty: its shape is (0, 9); every axis "
         "needs a value"),
        (EYE, EYE, {"method": "normalised"}, "no method is called 'normalised'; did you mean "
         "'normalized'?"),
        (EYE, EYE, {"threshold": float("nan")}, "threshold must be a finite number, but nan came"),
        (EYE, EYE, {"most": 0}, "most must be a whole number of at least 1, but 0 came"),
        (EYE, EYE, {"apart": -0.5}, "apart must be 0 or more, a share of the box, but -0.5 came"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(template, image, options, message: str):
    with pytest.raises(OptionError) as caught:
        find(template, image, **options)
    assert str(caught.value) == message


def test_a_map_of_scores_has_rows_and_columns():
    with pytest.raises(OptionError) as caught:
        find_peaks(np.ones((4, 5, 2)), (3, 3), threshold=0.5)
    assert str(caught.value) == "a map of scores must be (rows, columns), but (4, 5, 2) came"


@pytest.mark.parametrize("shape", [(5, 6), (9, 9), (20, 21), (50, 60), (9, 9, 3)])
@pytest.mark.parametrize("bright", [1e4, 1e12, -1e30])
def test_a_bright_pixel_hides_nothing_that_lies_elsewhere(shape: tuple[int, ...], bright: float):
    random = np.random.default_rng(5)
    image = random.integers(0, 255, (160, 170, *shape[2:])).astype(float)
    template = image[20 : 20 + shape[0], 30 : 30 + shape[1]].copy()
    expected = by_a_loop(template, image)
    image[150, 160] = bright
    found = match_scores(template, image)
    far = np.ones(found.shape, bool)
    far[151 - shape[0] :, 161 - shape[1] :] = False
    np.testing.assert_allclose(found[far], expected[far], atol=1e-9)
    assert find(template, image, threshold=0.9).positions.tolist() == [[20, 30]]
