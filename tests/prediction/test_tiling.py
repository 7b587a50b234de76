"""Tiles together give the map of the whole image, to the last digit that rounding leaves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate import zoo
from striate.errors import OptionError
from striate.layers import SameConv2d, chain, meta_init
from striate.prediction.tiling import Overlap, find_overlap, plan_tiles, run_tiled
from striate.zoo.pages import fcn


def plain() -> nn.Module:
    """Convolutions of stride 1, one of them dilated and none with a kernel of the same side."""
    return chain(
        first=nn.Conv2d(1, 3, 5, padding=2),
        second=nn.Conv2d(3, 4, 3, padding=4, dilation=4),
        third=nn.Conv2d(4, 2, (1, 7), padding=(0, 3)),
    )


def narrow_fcn8s() -> nn.Module:
    """fcn8s with its stages and skips, but narrow, and fc6 of 3x3."""
    stages, inputs = dict[str, nn.Module](), 1
    for number, (width, depth) in enumerate(((4, 2), (4, 2), (6, 3), (6, 3), (6, 3)), start=1):
        stages[f"stage{number}"] = fcn.stage(inputs, width, depth)
        inputs = width
    stages |= {"fc6": fcn.dense(6, 8, 3), "fc7": fcn.dense(8, 8, 1)}
    return fcn.FullyConvolutional(stages, ["stage4", "stage3"], fcn.Scores((8, 6, 6), 2))


BUILT = {
    "plain": plain,
    "fcn8s": narrow_fcn8s,
    "dncnn": lambda: zoo.build("dncnn(width=3,depth=5)", channels=1),
    "unet": lambda: zoo.build("unet(width=2)"),
    "resnet20": lambda: zoo.build("fcn:resnet20", channels=1, classes=2),
    "resnet18": lambda: zoo.build("fcn:resnet18", channels=1, classes=2),
    "squeezenet": lambda: zoo.build("fcn:squeezenet1_1", channels=1, classes=2),
}


def network(name: str) -> nn.Module:
    """The network in evaluation mode, with weights and statistics that let every input matter."""
    torch.manual_seed(2)
    made = BUILT[name]()
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.get_buffer("running_mean"), -0.2, 0.2)
            nn.init.uniform_(module.weight, 0.5, 1)
    return made.eval()


def run(made: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return made(x)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("name", "size", "tile"),
    [
        ("plain", (43, 61), 8),
        ("dncnn", (47, 66), 16),
        ("resnet20", (131, 70), 32),
        ("unet", (35, 333), 64),
        ("unet", (300, 50), 32),
        ("fcn8s", (613, 40), 128),
        ("squeezenet", (30, 303), 100),
        ("resnet18", (20, 650), 320),
        ("resnet18", (50, 33), 64),
    ],
)
def test_tiles_give_the_map_of_the_whole_image(
    name: str, size: tuple[int, int], tile: int, dtype: torch.dtype
) -> None:
    made = network(name).to(dtype)
    x = torch.randn(1, 1, *size, dtype=dtype)
    overlap = find_overlap(made, 1)
    whole = run(made, x)
    assert whole.shape[2:] == size
    tiled = run_tiled(made, x, tile, overlap)
    most = 1e-9 if dtype == torch.float64 else 1e-5
    assert float((tiled - whole).abs().max()) < most * float(whole.abs().max())


@pytest.mark.parametrize("name", BUILT)
def test_tiles_with_a_smaller_overlap_do_not(name: str) -> None:
    """Three strides less do for none of them: two may be owed to bounds that are not the least."""
    made = network(name).double()
    overlap = find_overlap(made, 1)
    less = Overlap(max(0, overlap.margin - 3 * overlap.stride), overlap.stride)
    side = 2 * overlap.margin + 3 * overlap.stride
    x = torch.randn(1, 1, overlap.stride, side, dtype=torch.float64)
    assert not run_tiled(made, x, side // 2, less).allclose(run(made, x), rtol=1e-12, atol=0)


def reach(made: nn.Module, overlap: Overlap) -> int:
    """How far what is not a number at one side of a tile's border gets to the other."""
    side, border = 4 * overlap.margin + 2 * overlap.stride, 2 * overlap.margin
    found = list[int]()
    for vertical in (False, True):
        for before in (False, True):
            x = torch.zeros(1, 1, overlap.stride, side)
            x[..., :border] = float("nan") if before else 0
            x[..., border:] = 0 if before else float("nan")
            lost = run(made, x.mT if vertical else x).isnan()
            lost = (lost.mT if vertical else lost).flatten(0, 2).any(dim=0)
            found.append(int((lost[border:] if before else lost[:border]).sum()))
    return max(found)


@pytest.mark.parametrize("name", BUILT)
def test_the_overlap_covers_all_that_a_score_sees(name: str) -> None:
    made = network(name)
    overlap = find_overlap(made, 1)
    assert 0 < reach(made, overlap) <= overlap.margin


@pytest.mark.parametrize(
    ("name", "margin", "stride"),
    [("plain", 9, 1), ("fcn:resnet20", 48, 4), ("unet", 128, 16), ("fcn8s", 288, 32)],
)
def test_the_overlap_is_that_of_the_map_with_all_its_upsampling(
    name: str, margin: int, stride: int
) -> None:
    with meta_init():
        made = plain() if name == "plain" else zoo.build(name, channels=1)
    assert find_overlap(made.train(), 1) == Overlap(margin, stride)
    assert made.training


def test_the_plan_answers_every_pixel_once_and_shows_a_margin_around() -> None:
    plan = plan_tiles(70, 100, 30, Overlap(16, 8))
    assert [(r.start, r.stop, r.first, r.last) for r, _ in plan[::4]] == [
        (0, 32, 0, 48), (32, 64, 16, 70), (64, 70, 48, 70),
    ]  # fmt: skip
    assert [(c.start, c.stop, c.first, c.last) for _, c in plan[:4]] == [
        (0, 32, 0, 48), (32, 64, 16, 80), (64, 96, 48, 100), (96, 100, 80, 100),
    ]  # fmt: skip
    answered = torch.zeros(70, 100)
    for rows, columns in plan:
        answered[rows.answered, columns.answered] += 1
        shown = torch.arange(100)[columns.shown][columns.kept]
        assert shown.equal(torch.arange(100)[columns.answered])
    assert answered.eq(1).all()


def test_a_tile_larger_than_the_image_is_the_image() -> None:
    ((rows, columns),) = plan_tiles(20, 33, 512, Overlap(32, 16))
    assert (rows.shown, columns.shown) == (slice(0, 20), slice(0, 33))
    assert (rows.kept, columns.kept) == (slice(0, 20), slice(0, 33))


def test_no_more_than_a_tile_and_its_margins_is_computed_at_once() -> None:
    made = network("resnet20")
    seen = list[Any]()
    made.register_forward_pre_hook(lambda _made, inputs: seen.append(inputs[0].shape[2:]))
    run_tiled(made, torch.zeros(1, 1, 203, 117), 32, Overlap(48, 4))
    assert max(max(shape) for shape in seen) == 32 + 2 * 48
    assert len(seen) == 7 * 4


def test_tiles_can_be_decoded_to_labels_one_by_one() -> None:
    made = network("plain")
    x = torch.randn(2, 1, 40, 50)
    overlap = find_overlap(made, 1)
    labels = run_tiled(made, x, 16, overlap, lambda logits: logits.argmax(dim=1))
    assert labels.equal(run(made, x).argmax(dim=1))
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("sides", [(0, 9, 9), (9, 0, 9), (9, 9, 0)])
def test_sizes_of_no_pixels_are_refused(sides: tuple[int, int, int]) -> None:
    with pytest.raises(OptionError) as caught:
        plan_tiles(*sides, Overlap(4, 2))
    height, width, tile = sides
    assert str(caught.value) == (
        f"image and tiles need 1 pixel or more a side, but an image of {height} x {width} and "
        f"tiles of {tile} came"
    )


class WithGlance(nn.Module):
    """A map, and beside it a mean of the whole image that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        self.mean = self.pool(x)
        return self.conv(x)


def test_what_sees_the_whole_image_does_no_harm_beside_the_map() -> None:
    assert find_overlap(WithGlance().eval(), 1) == Overlap(1, 1)


class Resized(nn.Module):
    """Half the size and back, to whatever the size was."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), size=x.shape[2:], mode="bilinear")


class Sorted(nn.Module):
    """Each row in order of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.sort(dim=3).values)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            lambda: zoo.build("fcn:mobilenet_v3_small", channels=1),
            "_Chain cannot be run by tiles: layer stage1.block1.excite sees the whole image",
        ),
        (
            lambda: chain(conv=nn.Conv2d(1, 4, 3, padding=1), norm=nn.GroupNorm(2, 4)),
            "Sequential cannot be run by tiles: layer norm sees the whole image",
        ),
        (
            lambda: chain(conv=nn.Conv2d(1, 2, 1), pool=nn.AdaptiveAvgPool2d(4)),
            "Sequential cannot be run by tiles: layer pool depends on the size of the image",
        ),
        (
            lambda: chain(conv=SameConv2d(1, 2, 3, 2), up=nn.Upsample(scale_factor=2)),
            "Sequential cannot be run by tiles: layer conv depends on the size of the image",
        ),
        (
            Resized,
            "Resized cannot be run by tiles: layer forward depends on the size of the image",
        ),
        (
            Sorted,
            "Sorted cannot be run by tiles: what it sees cannot be followed, from network: sort",
        ),
        (
            lambda: nn.Conv2d(1, 2, 3),
            "Conv2d cannot be run by tiles: its output is no map of the size of the image",
        ),
        (
            lambda: chain(conv=nn.Conv2d(1, 2, 2, 2, 1), up=nn.Upsample(scale_factor=2)),
            "Sequential cannot be run by tiles: its output is no map of the size of the image",
        ),
    ],
)
def test_what_tiles_cannot_give_is_refused_with_its_layer(made: Any, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        find_overlap(made().eval(), 1)
    assert str(caught.value) == f"{reason}; run it on the whole image"


@pytest.mark.parametrize("name", ["edsr(width=6,blocks=2)", "edsr(scale=4,width=4,blocks=1)"])
@pytest.mark.parametrize("transposed", [False, True])
def test_tiles_of_an_enlarged_picture_give_it_whole(name: str, transposed: bool):
    torch.manual_seed(1)
    made = zoo.build(f"{name[:-1]},transposed={transposed})", channels=1).eval()
    nn.init.normal_(made.get_parameter("head.weight"))
    scale = 4 if "scale" in name else 2
    overlap = find_overlap(made, 1, scale)
    images = torch.rand(1, 1, 61, 83)
    with torch.inference_mode():
        whole = made(images)
    for tile in (16, 23, 100):
        tiled = run_tiled(made, images, tile, overlap, scale=scale)
        torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)
    narrow = Overlap(overlap.margin // 2, 1)
    assert (run_tiled(made, images, 16, narrow, scale=scale) - whole).abs().max() > 1e-4


def test_a_network_of_another_scale_is_refused():
    with pytest.raises(OptionError) as caught:
        find_overlap(zoo.build("edsr(width=4,blocks=1)"), 3, 4)
    assert str(caught.value) == (
        "EDSR cannot be run by tiles: its output is no map of 4 times the size of the image; run "
        "it on the whole image"
    )
