"""Roads are seen as the geometry says, steered as pure pursuit says, and come again by seed."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from striate.errors import OptionError
from striate.samples import roads
from striate.samples.roads import SCENES, draw_roads, steer
from tests.points.refusals import refusal


def test_the_angle_is_that_of_an_arc_through_the_middle_of_the_road():
    across, ahead = 1.5, roads.AHEAD  # a circle that begins straight ahead and goes through there
    radius = (across**2 + ahead**2) / (2 * across)
    expected = np.degrees(np.arctan(roads.WHEELBASE / radius))
    assert steer(1.5, 0, 0) == pytest.approx(expected)
    assert steer(0, 0.15, 0) == steer(0, 0, 0.03) == pytest.approx(expected)
    assert steer(0, 0, 0) == 0


def test_a_mirrored_road_is_steered_to_the_other_side():
    assert steer(-0.7, 0.05, -0.02) == -steer(0.7, -0.05, 0.02)


def test_edges_lie_where_a_camera_above_flat_ground_sees_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(roads, "FARTHEST_OFFSET", 1e-9)
    monkeypatch.setattr(roads, "MOST_HEADING", 1e-9)
    (edges,) = draw_roads(1, bends=(0, 0)).edges
    row = 40
    ahead = roads.FOCAL * roads.HEIGHT / (row + 0.5 - roads.HORIZON)
    half = roads.HALF_ROAD * roads.FOCAL / ahead
    seen = np.flatnonzero(edges[row])
    assert abs(seen - roads.COLUMNS / 2 + 0.5).min() >= half - 4
    assert abs(seen - roads.COLUMNS / 2 + 0.5).max() <= half + 4
    assert np.array_equal(edges, edges[:, ::-1])
    assert not edges[: roads.HORIZON].any()


@pytest.mark.parametrize("scene", SCENES)
def test_the_road_has_its_color_before_the_car(scene: str):
    drawn = draw_roads(40, scene, seed=1)
    assert (drawn.images.shape, drawn.images.dtype) == ((40, 64, 96, 3), np.uint8)
    low = drawn.images[:, -6:, 40:56].reshape(40, -1, 3).astype(float)
    tone, road = np.median(low, axis=(0, 1)), np.array(SCENES[scene].road)
    assert tone / tone[1] == pytest.approx(road / road[1], abs=0.1)


def test_the_same_seed_gives_the_same_roads_in_every_scene():
    first, again, other = draw_roads(3, seed=5), draw_roads(3, seed=5), draw_roads(3, seed=6)
    assert first.images.tobytes() == again.images.tobytes()
    assert first.angles.tobytes() == again.angles.tobytes()
    assert not np.array_equal(first.images, other.images)
    elsewhere = draw_roads(3, "snow", seed=5)
    assert elsewhere.angles.tobytes() == first.angles.tobytes()
    assert np.array_equal(elsewhere.edges, first.edges)


def test_bends_limit_the_curves():
    assert draw_roads(50, bends=(-0.05, -0.04)).angles.max() < 0
    assert draw_roads(50, bends=(0.04, 0.05)).angles.min() > 0


def test_a_written_folder_holds_the_pixels_and_the_angles(tmp_path: Path):
    drawn = draw_roads(2)
    manifest = drawn.write(tmp_path / "roads")
    assert drawn.write(tmp_path / "roads") == tmp_path / "roads-2" / "roads.csv"
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["00000.png", "00001.png"]
    assert [float(row["angle (deg)"]) for row in rows] == pytest.approx(drawn.angles, abs=5e-4)
    read = cv2.imread(str(tmp_path / "roads" / "00001.png"))
    assert read is not None
    assert np.array_equal(read[..., ::-1], drawn.images[1])


def test_what_cannot_be_drawn_is_refused_in_a_sentence():
    assert refusal(OptionError, draw_roads, scene="sow") == (
        "no scene is called 'sow'; did you mean 'snow' or 'shadows'?"
    )
    assert refusal(OptionError, draw_roads, n=0) == "expected one road or more, but 0 came"
    assert refusal(OptionError, draw_roads, bends=(0.2, 0.1)) == (
        "expected two bends from -0.1 to 0.1 1/m, the lesser first; (0.2, 0.1) came"
    )
