"""Drawings are well formed and nothing in them lies on anything else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from torch import nn

from striate.layers import chain, meta_init
from striate.plotting.shapes import Text, text_width
from striate.summary import Summary, summarize
from striate.summary.drawing import draw_network
from striate.summary.drawing_plan import Plan, make_scale
from striate.summary.drawing_shapes import COLORS, Box, Drawing, arrow_head
from striate.summary.drawing_volumes import MOST, Volume, find_volumes
from striate.zoo import CARDS
from tests.summary.networks import Sum, described, dissected, inception, residual

SVG = "{http://www.w3.org/2000/svg}"
Area = tuple[float, float, float, float]  # left, top, right, bottom


def drawn(summary: Summary) -> Drawing:
    return draw_network(summary.network, summary.input, summary.layers)


def planned(summary: Summary) -> Plan:
    every = find_volumes(summary.input, summary.layers).main
    return Plan(every, make_scale(every))


def rows(summary: Summary) -> list[Volume]:
    return find_volumes(summary.input, summary.layers).main


def area(shape: Box | Text) -> Area:
    if isinstance(shape, Box):
        return shape.x, shape.top, shape.right, shape.bottom
    wide = text_width(shape.text, shape.size)
    left = shape.x - wide / 2 if shape.anchor == "middle" else shape.x
    return left, shape.y - 0.7 * shape.size, left + wide, shape.y


def areas(drawing: Drawing) -> Iterator[Area]:
    yield from map(area, drawing.boxes)
    yield from map(area, drawing.labels)
    for one in drawing.sums:
        r = one.radius
        yield one.x - r, one.y - r, one.x + r, one.y + r
    for swatch in drawing.swatches:
        yield swatch.x, swatch.y, swatch.x + 14, swatch.y + 12


@pytest.mark.parametrize("name", CARDS)
def test_nothing_lies_on_anything_else_or_outside(name: str) -> None:
    drawing = drawn(described(name))
    every = list(areas(drawing))
    for one, other in combinations(every, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    for left, top, right, bottom in every:
        assert left >= 0
        assert right <= drawing.width
        assert top + drawing.down >= 0
        assert bottom + drawing.down <= drawing.height


@pytest.mark.parametrize("name", CARDS)
def test_lines_cross_no_box(name: str) -> None:
    drawing = drawn(described(name))
    for arrow in drawing.arrows:
        for (x0, y0), (x1, y1) in pairwise(arrow):
            for left, top, right, bottom in map(area, drawing.boxes):
                beside = max(x0, x1) <= left or min(x0, x1) >= right
                assert beside or max(y0, y1) <= top or min(y0, y1) >= bottom


@pytest.mark.parametrize("name", CARDS)
def test_what_comes_later_stands_further_right(name: str) -> None:
    plan = planned(described(name))
    for at, volume in enumerate(plan.every):
        assert all(plan.right(source) < plan.left(at) for source in volume.sources)
    drawing = drawn(described(name))
    assert len(drawing.arrows) >= sum(len(volume.sources) for volume in plan.every)
    assert 2 <= len(drawing.boxes) <= MOST


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "resnet152"])
def test_larger_volumes_are_drawn_larger(name: str) -> None:
    plan = planned(described(name))
    maps = [
        (volume.output, size)
        for volume, size in zip(plan.every, plan.sizes, strict=True)
        if len(volume.output) == 3
    ]
    for (shape, size), (other_shape, other_size) in combinations(maps, 2):
        for at, sides in enumerate(zip(shape, other_shape, strict=True)):
            if sides[0] != sides[1]:
                assert (sides[0] > sides[1]) == (size[at] > other_size[at])
            else:
                assert size[at] == other_size[at]


def test_sides_are_drawn_to_their_square_root() -> None:
    plan = planned(described("resnet18"))
    sizes = {volume.output: size for volume, size in zip(plan.every, plan.sizes, strict=True)}
    image, small = sizes[3, 224, 224], sizes[64, 56, 56]
    assert image[1] == 2 * small[1] == 132
    assert image[2] == 2 * small[2]
    assert sizes[256, 14, 14][0] == pytest.approx(2 * small[0])


def test_a_residual_block_is_a_fork_and_a_sum() -> None:
    found = rows(dissected(residual))
    assert [(each.name, each.sort, each.sign, each.sources) for each in found] == [
        ("input", "input", "", ()),
        ("stem", "convolution", "", (0,)),
        ("block1.body.conv", "convolution", "", (1,)),
        ("block1", "sum", "+", (2, 1)),
    ]
    drawing = drawn(dissected(residual))
    assert [one.sign for one in drawing.sums] == ["+"]
    arc = next(arrow for arrow in drawing.arrows if len(arrow) == 5)
    body = drawing.boxes[-1]
    assert arc[0][0] < arc[1][0] < body.x < body.right < arc[3][0]  # leaves before, ends behind
    assert arc[2][1] == arc[3][1] < body.top
    assert arc[4][1] > arc[3][1]  # from above into the sum


def test_an_arc_runs_over_the_arc_inside_it() -> None:
    def conv() -> nn.Module:
        return nn.Conv2d(3, 3, 1)

    inner = Sum(chain(one=conv(), two=conv()), nn.Identity())
    network = dissected(
        lambda: Sum(chain(before=conv(), inner=inner, behind=conv()), nn.Identity())
    )
    heights = [arrow[2][1] for arrow in drawn(network).arrows if len(arrow) == 5]
    assert len(heights) == 2
    assert heights[0] - heights[1] == 12


def test_branches_stand_below_each_other_and_end_in_one_volume() -> None:
    found = rows(dissected(inception))
    assert [(each.name, each.sort, each.output[0], each.sources) for each in found] == [
        ("input", "input", 3, ()),
        ("stem", "convolution", 5, (0,)),
        ("mixed0.0", "convolution", 2, (1,)),
        ("mixed0.1.a", "convolution", 2, (1,)),
        ("mixed0.1.b", "convolution", 6, (3,)),
        ("mixed0.2.pool", "pooling", 5, (1,)),
        ("mixed0.2.conv", "convolution", 4, (5,)),
        ("mixed0", "concatenation", 12, (2, 4, 6)),
    ]
    ys = [box.y for box in drawn(dissected(inception)).boxes]
    assert ys[0] == ys[1] == ys[3] == ys[4] == ys[7] < ys[2] < ys[5] == ys[6]


def test_of_alike_blocks_one_is_drawn_and_counted() -> None:
    drawing = drawn(described("resnet152"))
    assert [label.text for label in drawing.labels if label.bold][1:] == [
        "2 x",
        "7 x",
        "35 x",
        "2 x",
    ]
    assert len(drawing.sums) == 8


def test_where_insides_are_too_many_one_block_is_shown_below() -> None:
    network = dissected(lambda: inception(blocks=9))
    found = find_volumes(network.input, network.layers)
    assert found.block == "mixed0"
    assert [each.sort for each in found.main] == ["input", "convolution", *["block"] * 9]
    assert [each.sources for each in found.inside] == [(), (0,), (0,), (2,), (0,), (4,), (1, 3, 5)]
    drawing = drawn(network)
    assert "the inside of mixed0" in [label.text for label in drawing.labels]
    tops = [box.top for box in drawing.boxes[11:]]
    assert len(tops) == 7
    assert min(tops) > max(box.bottom for box in drawing.boxes[:11])


def test_thirty_alike_blocks_are_one() -> None:
    drawing = drawn(dissected(lambda: residual(blocks=30)))
    assert [label.text for label in drawing.labels if label.bold] == ["mine, input 3x8x8", "30 x"]
    assert len(drawing.boxes) == 3


@pytest.mark.parametrize("name", ["lenet5", "resnet50"])
def test_the_svg_is_well_formed_and_needs_nothing_else(name: str) -> None:
    text = described(name).to_svg()
    tree = ET.fromstring(text)
    title = tree.find(f"{SVG}title")
    assert title is not None
    assert title.text == f"The volumes of {name}"
    assert (tree.get("role"), tree.get("class")) == ("img", "striate-drawing")
    drawing = drawn(described(name))
    assert tree.get("viewBox") == f"0 0 {drawing.width:.0f} {drawing.height:.0f}"
    assert (tree.get("width"), tree.get("height")) == ("100%", None)
    assert "max-width" not in text
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"href|url\(|@import|<script", text)
    assert all(float(each.get("font-size", "0")) >= 11 for each in tree.iter(f"{SVG}text"))
    added = [each for each in tree.iter(f"{SVG}text") if (each.text or "")[:2] in ("k ", "p ")]
    assert len(list(tree.iter())) - len(added) < 300


def test_kernels_strides_and_parameters_stand_under_the_volumes() -> None:
    labels = [label.text for label in drawn(described("lenet5")).labels]
    at = labels.index("6 x")
    assert labels[at : at + 7] == ["6 x", "28x28", "k 5x5", "p 156", "6 x", "14x14", "k 2x2 /2"]
    assert labels[labels.index("84") :][:4] == ["84", "p 10.2 k", "10", "p 850"]
    network = nn.Conv2d(3, 4, (3, 5), (2, 1), padding=(1, 2))
    texts = [label.text for label in drawn(dissected(lambda: chain(conv=network))).labels]
    assert "k 3x5 /2x1" in texts


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "resnet50", "densenet121", "fcn8s"])
def test_the_parameters_under_the_volumes_are_those_of_the_network(name: str) -> None:
    summary = described(name)
    rows = find_volumes(summary.input, summary.layers)
    assert sum(each.params for each in rows.main) == summary.params


def test_names_are_escaped() -> None:
    with meta_init():
        network = chain(**{"a<b>&\u202e": nn.Conv2d(3, 4, 1), "head": nn.Flatten()})
    summary = summarize(network, (3, 5, 5), '"<script>')
    tree = ET.fromstring(summary.to_svg())
    texts = ["".join(each.itertext()) for each in tree.iter(f"{SVG}text")]
    assert '"<script>, input 3x5x5' in texts
    assert "a<b>&\\u202e" in texts
    assert "<script" not in summary._repr_html_()


def test_the_drawing_stands_above_the_table_in_a_notebook() -> None:
    page = described("lenet5")._repr_html_()
    assert 0 < page.index('<div style="overflow-x:auto"><svg') < page.index("<table")
    assert "<style" not in page
    assert "prefers-color-scheme" not in page


def test_the_pixels_show_the_same_boxes() -> None:
    summary = described("lenet5")
    drawing, image = drawn(summary), Image.open(io.BytesIO(summary.to_png()))
    assert image.size == (round(drawing.width) * 2, round(drawing.height) * 2)
    for box in drawing.boxes:
        left, middle = (box.x + box.thick / 2) * 2, (box.y + drawing.down) * 2
        red, green, blue = image.getpixel((round(left), round(middle)))
        assert f"#{red:02x}{green:02x}{blue:02x}" == COLORS[box.sort]


@pytest.mark.parametrize(
    ("image", "network"),
    [
        ((2, 30), lambda: chain(a=nn.Conv1d(2, 5, 3), pool=nn.MaxPool1d(2), b=nn.Flatten())),
        ((4, 6, 5), lambda: chain(a=nn.Linear(5, 3), b=nn.Linear(3, 2))),
        ((2, 4, 6, 8), lambda: chain(a=nn.Conv3d(2, 3, 3), head=nn.Flatten())),
        ((3, 8, 8), lambda: chain(head=nn.Identity())),
        ((1, 1, 1), lambda: chain(up=nn.Upsample(scale_factor=9), head=nn.Conv2d(1, 1, 1))),
    ],
)
def test_any_network_can_be_drawn(image: tuple[int, ...], network) -> None:
    summary = dissected(network, image)
    ET.fromstring(summary.to_svg())
    assert summary.to_png()[:4] == b"\x89PNG"


def test_arrows_end_in_their_point() -> None:
    assert arrow_head(((0.0, 0.0), (10.0, 0.0))) == ((10, 0), (4, 3), (4, -3))
    assert arrow_head(((0.0, 9.0), (0.0, 0.0))) == ((0, 0), (3, 6), (-3, 6))


def test_the_guide_shows_what_is_drawn_today() -> None:
    page = Path(__file__).parents[2] / "docs" / "images" / "lenet5.svg"
    assert page.read_text("utf-8") == described("lenet5").to_svg()


def test_long_names_of_stages_have_room() -> None:
    parts = {f"quite_a_long_stage{letter}": nn.Conv2d(3, 3, 1) for letter in "abc"}
    names = [
        label for label in drawn(dissected(lambda: chain(**parts))).labels if "stage" in label.text
    ]
    rights = [area(label)[2] for label in names]
    assert len(names) == 3
    assert all(right < area(label)[0] for right, label in zip(rights, names[1:], strict=False))
