"""A figure has a panel for each chosen epoch, with the regions and points where they belong."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from striate.plotting.shapes import PAPER, Circle, Picture, Raster, Stroke, Text, rgb, text_width
from striate.points import (
    DenseNetwork,
    History,
    Layer,
    Snapshot,
    draw_comparison,
    draw_history,
    draw_regions,
    figure,
    train_points,
    write_figure,
)
from striate.points.figure import COLORS
from striate.samples import MOST_CLASSES, Points, moons
from striate.text import format_percent

WHITE = PAPER["light"]


def trained(at: tuple[int, ...] = (0, 1, 5), **options: object) -> History:
    return train_points("spirals", **{"n": 60, "layers": (4,), "at": at, **options})


def shapes(picture: Picture, kind: type) -> list:
    return [shape for shape in picture.shapes if isinstance(shape, kind)]


def texts(picture: Picture) -> list[str]:
    return [text.text for text in shapes(picture, Text)]


def caption(shot: Snapshot) -> str:
    shares = [format_percent(score.accuracy) for score in (shot.train, shot.test)]
    return f"accuracy {shares[0]} (test {shares[1]})"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_there_are_as_many_panels_as_epochs_in_rows_of_three_and_the_losses(count: int):
    history = trained(tuple(range(count)))
    picture = draw_history(history)
    rasters = shapes(picture, Raster)
    assert len(rasters) == count
    captions = [text for text in texts(picture) if text.startswith("accuracy ")]
    assert captions[-1] == caption(history.snapshots[-1])
    titles = [text for text in texts(picture) if text.startswith("epoch ")]
    assert titles == [f"epoch {at}" for at in range(count)]
    assert texts(picture).count("Loss") == 1
    across = min(count, 3)
    assert [round(raster.x / 270) for raster in rasters] == [at % across for at in range(count)]
    right = max(x for stroke in shapes(picture, Stroke) for part in stroke.parts for x, _ in part)
    assert right <= picture.width <= right + 20
    assert picture.width == 270 * max(across, 2)
    low = max(raster.y + raster.height for raster in rasters)
    assert low < picture.height
    for at, raster in enumerate(rasters):
        for other in rasters[:at]:
            assert raster.x != other.x or raster.y >= other.y + other.height


def test_training_points_are_discs_and_test_points_rings_of_their_class_on_a_white_rim():
    history = trained(at=(2,))
    circles = shapes(draw_history(history), Circle)
    for part, ring in ((history.train, False), (history.test, True)):
        for label in (0, 1):
            own = [c for c in circles if c.color == COLORS[label] and bool(c.width) == ring]
            legend = 0 if ring else 1
            assert len(own) == (part.labels == label).sum() + legend
    rims = [circle for circle in circles if circle.color == WHITE]
    assert len(rims) == 60
    marks = [circle for circle in circles if circle.color != WHITE and circle.radius < 4]
    assert min(rim.radius for rim in rims) > max(mark.radius + mark.width / 2 for mark in marks)


def test_a_point_lies_on_the_color_of_the_answer_it_gets():
    history = train_points("spirals", layers=(16, 16), at=(600,))
    picture = draw_history(history)
    (raster,) = shapes(picture, Raster)
    colors = np.asarray(Image.open(io.BytesIO(raster.png)).convert("RGB")).astype(int)
    side = len(colors)
    for circle in shapes(picture, Circle):
        if circle.color == WHITE or circle.radius == 4:
            continue
        column = int((circle.x - raster.x) / raster.width * side)
        row = int((circle.y - raster.y) / raster.height * side)
        red, _, blue = colors[row, column]
        assert (blue > red) == (circle.color == COLORS[0])


def test_regions_have_the_color_of_the_likeliest_class_paler_where_it_is_less_sure():
    network = DenseNetwork((Layer(np.array([[-3.0, 0], [3, 0]]), np.zeros(2)),))
    image = draw_regions(network, (-1, 1), (-1, 1), cells=80)
    colors = np.asarray(image.convert("RGB")).astype(int)
    assert (colors == colors[:1]).all(), "x alone decides"
    distance = np.abs(colors[0] - 255).sum(axis=1)
    assert (np.diff(distance[:40]) <= 0).all()
    assert (np.diff(distance[40:]) >= 0).all()
    assert distance[0] > 5 * distance[39] > 0
    for end, color in ((0, COLORS[0]), (-1, COLORS[1])):
        tint = 255 - colors[0, end]
        full = 255 - np.array(rgb(color))
        assert np.abs(tint / tint.max() - full / full.max()).max() < 0.02


def test_the_top_of_a_region_is_its_largest_y():
    network = DenseNetwork((Layer(np.array([[0.0, -9], [0, 9]]), np.zeros(2)),))
    colors = np.asarray(draw_regions(network, (-1, 1), (-1, 1), cells=10).convert("RGB"))
    assert colors[0, 0, 0] > colors[0, 0, 2], "class 1, orange"
    assert colors[-1, 0, 2] > colors[-1, 0, 0], "class 0, blue"


@pytest.mark.parametrize("missing", ["red", "green"])
def test_classes_differ_for_those_who_lack_a_cone(missing: str):
    """By the simulation of Viénot, Brettel and Mollon 1999."""
    to_cones = np.array([[17.8824, 43.5161, 4.1194], [3.4557, 27.1554, 3.8671],
                         [0.02996, 0.18431, 1.4671]])  # fmt: skip
    lost = {
        "red": [[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]],
        "green": [[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]],
    }[missing]
    linear = np.array([[(value / 255) ** 2.2 for value in rgb(color)] for color in COLORS])
    seen = linear @ (np.linalg.inv(to_cones) @ lost @ to_cones).T
    shown = 255 * np.clip(seen, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(shown[:, None] - shown[None], axis=-1)[np.triu_indices(len(COLORS), 1)]
    assert len(COLORS) == MOST_CLASSES
    assert apart.min() > 35


def test_the_losses_of_both_parts_are_drawn_over_the_epochs():
    history = trained(at=(0, 1, 40))
    strokes = shapes(draw_history(history), Stroke)
    (train,) = (s for s in strokes if s.dashes == (5, 3) and len(s.parts[0]) > 2)
    xs, ys = np.array(train.parts[0]).T
    losses = np.array([pair[0].loss for pair in history.scores[1:]])
    assert len(xs) == 40
    assert np.corrcoef(ys, losses)[0, 1] == pytest.approx(-1)
    assert np.corrcoef(xs, np.log(np.arange(1, 41)))[0, 1] == pytest.approx(1)


def test_a_long_training_has_a_short_curve():
    strokes = shapes(draw_history(trained(at=(1500,))), Stroke)
    assert 100 < max(len(part) for stroke in strokes for part in stroke.parts) <= 300


@pytest.mark.parametrize(("stretch", "same"), [(1, True), (3, True), (100, False), (0, True)])
def test_both_axes_have_one_scale_unless_their_reaches_differ_much(stretch: float, same: bool):
    points = moons(40, noise=0)
    spread = Points(points.xy * np.float32([1, stretch]), points.labels, ("a", "b"), "spread")
    across, up = figure._limits(spread.xy)
    for limits, values in ((across, spread.xy[:, 0]), (up, spread.xy[:, 1])):
        assert limits[0] < values.min() <= values.max() < limits[1]
        assert np.mean(limits) == pytest.approx((values.min() + values.max()) / 2, abs=1e-5)
    assert (np.diff(across) == pytest.approx(np.diff(up))) == same
    if not same:
        assert np.diff(up) == pytest.approx(1.16 * np.ptp(spread.xy[:, 1]))


@pytest.mark.parametrize(("n", "radius"), [(60, 2.6), (2000, 1.3), (20_000, 1.04)])
def test_dots_are_smaller_where_there_are_many(n: int, radius: float):
    history = train_points("moons", n=n, layers="none", at=(0,))
    circles = shapes(draw_history(history), Circle)
    discs = (c for c in circles if c.color in COLORS and not c.width and c.radius != 4)
    assert [c.radius for c in discs] == [pytest.approx(radius)] * len(history.train)


def test_trainings_are_compared_by_what_each_decides_at_its_end():
    histories = [trained(layers=layers) for layers in ("none", "3", "5,6", "2")]
    picture = draw_comparison(histories, "Units")
    shown = ["spirals: 2-2, linear", "spirals: 2-3-2, tanh", "spirals: 2-5-6-2, tanh"]
    assert [text for text in texts(picture) if ": 2-" in text] == [*shown, "spirals: 2-2-2, tanh"]
    for raster, history in zip(shapes(picture, Raster), histories, strict=True):
        own = shapes(draw_history(history), Raster)
        assert raster.png == own[-1].png != own[0].png


def test_names_of_classes_stand_beside_their_colors():
    history = trained(at=(1,))
    drawn = draw_history(history)
    legend = {c.y: c.color for c in shapes(drawn, Circle) if c.radius == 4 and not c.width}
    assert list(legend.values()) == [COLORS[1]], "both in one row"
    assert texts(drawn)[:4] == [
        "spirals: 2-4-2, tanh",
        "dots: 42 points to train on; rings: 18 points to test with",
        "0",
        "1",
    ]


def test_long_names_of_classes_are_cut_only_where_the_narrowest_figure_has_no_room():
    points = moons(40)
    names = ("a very long fruit of another tree", "n" * 50)
    history = train_points(Points(points.xy, points.labels, names, "fruits"), at=(1,))
    drawn = draw_history(history)
    legend = [text for text in shapes(drawn, Text) if text.text[:2] in ("a ", "nn")]
    assert [text.text for text in legend] == [names[0], "n" * 35 + "…"]
    assert max(text.x + text_width(text.text, 12) for text in legend) < drawn.width


def test_it_is_written_as_svg_and_png(tmp_path: Path):
    history = trained(at=(1,))
    for suffix in (".svg", ".PNG"):
        write_figure(history, tmp_path / f"a{suffix}")
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    with Image.open(tmp_path / "a.PNG") as image:
        picture = draw_history(history)
        assert image.size == (2 * picture.width, 2 * picture.height)
