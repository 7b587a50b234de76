"""Roads as a camera in a car sees them, each with the angle at which to steer: drawn, and seeded.

The camera looks along the car, HEIGHT meters above flat ground. A point of the ground z meters
ahead and x meters to the right is seen at column W / 2 + FOCAL x / z, FOCAL HEIGHT / z pixels below
the horizon. The middle of the road lies at x(z) = offset + heading z + bend z² / 2.

The angle is that of pure pursuit (Coulter, "Implementation of the pure pursuit path tracking
algorithm", CMU-RI-TR-92-01, 1992): the front wheels of a car of WHEELBASE meters turn so that its
rear axle goes in an arc through the middle of the road AHEAD meters away. It is negative to the
left, and that of a mirrored scene is its negative.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, unknown
from striate.storage import make_folder, write

ROWS, COLUMNS = 64, 96  #: of an image
HORIZON = 24  #: rows above it
FOCAL, HEIGHT = 80.0, 1.4  #: pixels, meters
HALF_ROAD = 3.5  #: meters from the middle of the road to its edge
WHEELBASE, AHEAD = 2.7, 10.0  #: meters
FARTHEST_OFFSET, MOST_HEADING = 1.2, 0.1  #: meters, radians
_FINER = 2  #: times as many rows and columns are drawn, then averaged
_EDGE = 0.25  #: meters on either side that belong to the edge of the road
_PAINT = 0.12  #: meters of half a line
_DASH = 6.0  #: meters from one dash to the next
_TREES = 8
_FARTHEST = 60.0  #: meters to a tree at most

Floats = NDArray[np.float64]
Color = tuple[float, float, float]


class Scene(NamedTuple):
    """What the surroundings of a road look like; colors are from 0 to 1."""

    sky: Color
    ground: Color
    road: Color
    paint: Color | None  #: of its lines; None: there are none
    light: tuple[float, float] = (0.75, 1.1)  #: what colors are multiplied by
    reach: float = 1000.0  #: meters in which the light falls to 37 %
    shadows: int = 0  #: bands across the road


_COUNTRY = Scene((0.55, 0.7, 0.9), (0.3, 0.45, 0.2), (0.35, 0.35, 0.37), (0.85, 0.85, 0.8))
SCENES = {
    "country": _COUNTRY,
    "shadows": _COUNTRY._replace(shadows=4),
    "unmarked": _COUNTRY._replace(road=(0.55, 0.47, 0.36), paint=None),
    "snow": _COUNTRY._replace(sky=(0.75, 0.77, 0.8), ground=(0.85, 0.87, 0.9), paint=None),
    "night": _COUNTRY._replace(sky=(0.04, 0.05, 0.1), light=(0.5, 0.8), reach=12.0),
}


@dataclass(frozen=True, eq=False)
class Roads:
    """Images of roads, and the angles at which to steer there."""

    images: NDArray[np.uint8]  #: (N, 64, 96, 3) RGB
    angles: NDArray[np.float32]  #: (N,) degrees of the front wheels; below 0 to the left
    edges: NDArray[np.bool_]  #: (N, 64, 96): which pixels show an edge of the road

    def write(self, folder: str | Path) -> Path:
        """Write PNG files and roads.csv with their angles, and return that manifest.

        The folder is the first that is free of folder, folder-2, ...
        """
        place = make_folder(Path(folder))
        lines = io.StringIO()
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(["path", "angle (deg)"])
        for number, (image, angle) in enumerate(zip(self.images, self.angles, strict=True)):
            name = f"{number:05}.png"
            write(place / name, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
            rows.writerow([name, f"{angle:.3f}"])
        write(place / "roads.csv", lines.getvalue())
        return place / "roads.csv"


def draw_roads(
    n: int = 400,
    scene: str = "country",
    seed: int = 0,
    bends: tuple[float, float] = (-0.03, 0.03),
) -> Roads:
    """Draw n roads of one of `SCENES`, curved between two bends in 1/m; below 0 to the left.

    The same arguments give the same roads. Raises OptionError.
    """
    if scene not in SCENES:
        raise unknown("scene", scene, SCENES)
    if n < 1:
        raise OptionError(f"expected one road or more, but {n} came")
    if not -0.1 <= bends[0] <= bends[1] <= 0.1:
        raise OptionError(
            f"expected two bends from -0.1 to 0.1 1/m, the lesser first; {bends} came"
        )
    rng = np.random.default_rng(seed)
    places = rng.uniform((-FARTHEST_OFFSET, -MOST_HEADING, bends[0]),
                         (FARTHEST_OFFSET, MOST_HEADING, bends[1]), (n, 3))  # fmt: skip
    drawn = [_draw(SCENES[scene], _Road(*place), child)
             for place, child in zip(places.tolist(), rng.spawn(n), strict=True)]  # fmt: skip
    angles = [steer(*place) for place in places.tolist()]
    images, edges = zip(*drawn, strict=True)
    return Roads(np.stack(images), np.array(angles, np.float32), np.stack(edges))


def steer(offset: float, heading: float, bend: float) -> float:
    """Return the angle of the front wheels in degrees, from meters, radians and 1/m."""
    across = _Road(offset, heading, bend).middle(np.array(AHEAD))
    aim = np.arctan2(across, AHEAD)
    distance = np.hypot(across, AHEAD)
    return float(np.degrees(np.arctan2(2 * WHEELBASE * np.sin(aim), distance)))


class _Road(NamedTuple):
    """How the road lies before the car."""

    offset: float
    heading: float
    bend: float

    def middle(self, ahead: Floats) -> Floats:
        """Return how many meters to the right its middle is so many meters ahead."""
        return self.offset + self.heading * ahead + self.bend * ahead**2 / 2


def _draw(
    scene: Scene, road: _Road, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a road: an image, and where its edges are."""
    rows = (np.arange(ROWS * _FINER) + 0.5) / _FINER
    columns = (np.arange(COLUMNS * _FINER) + 0.5) / _FINER
    below = np.maximum(rows - HORIZON, 0.25)[:, None]
    ahead = FOCAL * HEIGHT / below
    across = (columns - COLUMNS / 2) * ahead / FOCAL
    side = across - road.middle(ahead)  # meters right of the middle of the road
    ground = (rows > HORIZON)[:, None] & np.ones(len(columns), bool)
    paved = ground & (abs(side) < HALF_ROAD)
    color = _background(scene, rows, columns, rng)
    color[paved] = scene.road
    color += _grain(color.shape[:2], rng)[..., None]
    if scene.paint:
        phase = (ahead + rng.uniform(0, _DASH)) % _DASH < _DASH / 2
        lines = (abs(side) < _PAINT) & phase | (abs(abs(side) - HALF_ROAD + 0.4) < _PAINT)
        color[paved & lines] = scene.paint
    color *= np.where(ground, np.exp(-ahead / scene.reach), 1.0)[..., None]
    for where, what in _trees(scene, road, rows, columns, rng):
        color[where] = what
    for start in rng.uniform(4, 30, scene.shadows):
        slant = rng.uniform(-0.4, 0.4)
        color[ground & (abs(ahead - start - slant * across) < 0.12 * start)] *= 0.45
    color *= rng.uniform(*scene.light)
    edge = ground & (abs(abs(side) - HALF_ROAD) < _EDGE + ahead / FOCAL)
    pixels = _averaged(color) * 255 + rng.normal(0, 3, (ROWS, COLUMNS, 3))
    return pixels.clip(0, 255).astype(np.uint8), _averaged(edge[..., None])[..., 0] > 0.5


def _background(
    scene: Scene, rows: Floats, columns: Floats, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw sky, hills and ground: (H, W, 3)."""
    color = np.empty((len(rows), len(columns), 3))
    color[:] = scene.ground
    pale = (rows / HORIZON).clip(0, 1)[:, None, None] * 0.15
    sky = (rows < HORIZON)[:, None] & np.ones(len(columns), bool)
    color = np.where(sky[..., None], np.array(scene.sky) * (1 + pale), color)
    waves, phases = rng.uniform(0.02, 0.12, 3), rng.uniform(0, 2 * np.pi, 3)
    hills = 3 + 1.5 * np.sin(np.outer(columns, waves) + phases).sum(axis=1)
    far = 0.6 * np.exp(-_FARTHEST / scene.reach)
    color[sky & (rows[:, None] > HORIZON - hills)] = np.array(scene.ground) * far
    return color


def _trees(
    scene: Scene, road: _Road, rows: Floats, columns: Floats, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Yield where a tree is seen, and its color; the farthest first."""
    for ahead in np.sort(rng.uniform(8, _FARTHEST, _TREES))[::-1]:
        from_edge = rng.uniform(3, 15) * rng.choice((-1, 1))
        x = road.middle(ahead) + np.copysign(HALF_ROAD, from_edge) + from_edge
        tall, wide = rng.uniform((3, 1), (7, 2))
        column = COLUMNS / 2 + FOCAL * x / ahead
        row = HORIZON + FOCAL * (HEIGHT - tall / 2) / ahead
        high, broad = FOCAL * tall / 2 / ahead, FOCAL * wide / ahead
        shape = ((columns - column) / broad) ** 2 + ((rows[:, None] - row) / high) ** 2 < 1
        green = rng.uniform((0.05, 0.15, 0.05), (0.2, 0.35, 0.15))
        yield shape, green * np.exp(-ahead / scene.reach)


def _grain(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw the roughness of surfaces, coarse and fine."""
    coarse = rng.normal(0, 0.03, (shape[0] // 8, shape[1] // 8))
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR) + rng.normal(
        0, 0.02, shape
    )


def _averaged(fine: NDArray[np.generic]) -> Floats:
    """Return the means of the finer pixels in each pixel: (H, W, C)."""
    return fine.reshape(ROWS, _FINER, COLUMNS, _FINER, -1).mean(axis=(1, 3))
