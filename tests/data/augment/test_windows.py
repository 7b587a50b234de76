"""A window shows what the whole augmented image shows there, and its mask moves with it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from striate.data.augment import opencv
from striate.data.augment.plan import apply_plan, make_plan, move_masks, uniform_samples
from striate.data.augment.ranges import LEVELS, AugmentRanges
from striate.data.augment.windows import Windows, draw_windows, find_frames
from striate.data.decoding.preprocess import Fit, Preprocess

SIZE, SIDE, COUNT = 96, 56, 16  # a CPU takes OpenCV from 48 on
EVERY = AugmentRanges(
    rotate=60, translate=0.2, scale=0.4, hflip=True, vflip=True, shear=25, aspect=0.6, crop=0.5
)
FILL = (-1.0, 0.5, 2.0)


@pytest.fixture(params=["OpenCV", "torch"], autouse=True)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "torch":
        monkeypatch.setattr(opencv, "_FROM", math.inf)
    return request.param


def smooth_images() -> Tensor:
    """Noise without fine detail, so that a position off by a rounding changes little."""
    noise = torch.rand((COUNT, 3, 6, 6), generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(noise, (SIZE, SIZE), mode="bicubic")


def draw_masks() -> Tensor:
    chance = torch.Generator().manual_seed(2)
    return torch.randint(0, 5, (COUNT, SIZE, SIZE), generator=chance, dtype=torch.uint8)


def drawn_windows(side: int = SIDE) -> Windows:
    frames = torch.tensor([0, 0, SIZE, SIZE]).expand(COUNT, 4)
    return draw_windows(uniform_samples(COUNT, 3, 1, 2), frames, side, SIZE)


def cut_out(images: Tensor, windows: Windows) -> Tensor:
    """(N, ..., H, W) -> (N, ..., side, side), where the windows lie."""
    return torch.stack(
        [
            image[..., top : top + windows.side, left : left + windows.side]
            for image, (top, left) in zip(images, windows.corners.tolist(), strict=True)
        ]
    )


def boxes(windows: Windows | None, images: Tensor) -> Tensor:
    """The boxes of (N, C, H, W) images, which a loader cuts while channels are last."""
    assert windows is not None
    return windows.cut(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("fill", [(), FILL])
@pytest.mark.parametrize("variation", [EVERY, LEVELS["standard"], AugmentRanges(translate=1)])
def test_a_window_is_that_of_the_whole_augmented_image(
    variation: AugmentRanges, fill: tuple[float, ...]
) -> None:
    images, masks, places = smooth_images(), draw_masks(), drawn_windows()
    variation = replace(variation, brightness=0.0, contrast=0.0)  # of the mean of what is seen
    uniform, shape = uniform_samples(COUNT, 5, 1), (3, SIZE, SIZE)
    whole = make_plan(uniform, variation, shape, fill=fill)
    plan = make_plan(uniform, variation, shape, fill=fill, windows=places)
    assert plan.windows is not None
    seen = apply_plan(boxes(plan.windows, images), plan)
    assert seen.shape == (COUNT, 3, SIDE, SIDE)
    assert seen.allclose(cut_out(apply_plan(images, whole), places), atol=2e-2)
    moved = move_masks(plan.windows.cut(masks), plan)
    assert (moved != cut_out(move_masks(masks, whole), places)).float().mean() < 2e-3
    assert plan.windows.box < SIZE or variation is not LEVELS["standard"]


def test_without_geometry_a_window_is_cut_and_no_pixel_is_changed() -> None:
    images, masks, places = smooth_images(), draw_masks(), drawn_windows()
    plan = make_plan(uniform_samples(COUNT, 5, 1), LEVELS["none"], (3, SIZE, SIZE), windows=places)
    assert plan.windows is not None
    assert apply_plan(boxes(plan.windows, images), plan).equal(cut_out(images, places))
    assert move_masks(plan.windows.cut(masks), plan).equal(cut_out(masks, places))


def test_masks_move_with_the_windows_of_their_images() -> None:
    """Of images that are their masks, the same classes are seen, but between two of them."""
    masks = draw_masks()
    variation = AugmentRanges(hflip=True, vflip=True)
    plan = make_plan(
        uniform_samples(COUNT, 5, 1), variation, (1, SIZE, SIZE), windows=drawn_windows()
    )
    assert plan.windows is not None
    cut = plan.windows.cut(masks)
    seen = apply_plan(cut[:, None].float(), plan)[:, 0]
    assert move_masks(cut, plan).equal(seen.round().byte())
    assert not move_masks(cut, plan).equal(cut_out(masks, drawn_windows()))


def test_a_window_as_large_as_the_image_is_the_image() -> None:
    images = smooth_images()
    uniform, shape = uniform_samples(COUNT, 5, 1), (3, SIZE, SIZE)
    places = drawn_windows(SIZE)
    assert not places.corners.any()
    plan = make_plan(uniform, EVERY, shape, windows=places)
    expected = apply_plan(images, make_plan(uniform, EVERY, shape))
    assert apply_plan(boxes(plan.windows, images), plan).allclose(expected, atol=1e-5)


def test_a_window_is_the_same_in_any_part_of_a_batch() -> None:
    images, masks = smooth_images(), draw_masks()
    uniform, shape = uniform_samples(COUNT, 5, 1), (3, SIZE, SIZE)
    plan = make_plan(uniform, LEVELS["strong"], shape, windows=drawn_windows())
    assert plan.windows is not None
    whole = apply_plan(boxes(plan.windows, images), plan)
    moved = move_masks(plan.windows.cut(masks), plan)
    for first in range(0, COUNT, 3):
        last = min(first + 3, COUNT)
        part = plan.slice(first, last)
        assert part.windows is not None
        assert apply_plan(boxes(part.windows, images[first:last]), part).equal(whole[first:last])
        assert move_masks(part.windows.cut(masks[first:last]), part).equal(moved[first:last])


@pytest.mark.parametrize(
    ("size", "fit", "lows", "highs"),
    [
        ((400, 300), "letterbox", (12, 0), (28, 40)),  # 96 x 72 in rows 12 to 84
        ((300, 400), "letterbox", (0, 12), (40, 28)),
        ((960, 100), "letterbox", (0, 0), (40, 40)),  # lower than a window: all of it is seen
        ((960, 600), "letterbox", (18, 0), (22, 40)),  # 96 x 60 in rows 18 to 78
        ((400, 300), "crop", (0, 0), (40, 40)),
        ((400, 300), "stretch", (0, 0), (40, 40)),
    ],
)
def test_windows_lie_in_the_image_and_not_in_its_padding(
    size: tuple[int, int], fit: Fit, lows: tuple[int, int], highs: tuple[int, int]
) -> None:
    frames = find_frames([size] * 4000, Preprocess(SIZE, 3, fit))
    found = draw_windows(uniform_samples(4000, 0, 0, 2), frames, SIDE, SIZE).corners
    assert tuple(found.amin(dim=0).tolist()) == lows
    assert tuple(found.amax(dim=0).tolist()) == highs
    for drawn, expected in ((0.0, lows), (1 - 2**-24, highs)):
        found = draw_windows(torch.full((4000, 2), drawn), frames, SIDE, SIZE).corners
        assert tuple(found[0].tolist()) == expected
