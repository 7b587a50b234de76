"""Make the pictures of the page about steering, which are kept in the repository.

python -c "from striate.samples.roads import draw_roads; draw_roads(1500).write('roads')"
striate train roads/roads.csv --network pilotnet --size 66 --fit stretch --epochs 25 \
    --mirrored angle=-v --augment-params translate=0,scale=0,shear=0 --out runs/roads
python scripts/make_roads.py runs/roads
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from striate.look.occlusion import Occlusion, make_occlusion_maps
from striate.model import Model, one_network
from striate.model_file import load
from striate.plotting.ink import encode
from striate.samples.roads import SCENES, Roads, draw_roads

IMAGES = Path(__file__).parents[1] / "docs" / "images"
ACROSS, LARGER = 5, 2
PATCH = Occlusion(patch=6, stride=3)
TILE = (96 * LARGER, 64 * LARGER)


def main(run: str) -> None:
    model = one_network(load(run), "maps")
    drawn = {scene: draw_roads(ACROSS, scene, seed=7) for scene in SCENES}
    save("roads.webp", [labeled(model, roads) for roads in drawn.values()])
    country = drawn["country"]
    save("roads-maps.webp", [larger(country.images), maps(model, country)])


def answers(model: Model, roads: Roads) -> NDArray[np.floating]:
    with torch.inference_mode():
        return model.task.decode(model.network(inputs(model, roads)))[:, 0].numpy()


def inputs(model: Model, roads: Roads) -> torch.Tensor:
    pixels = np.stack([model.preprocess.to_array(Image.fromarray(each)) for each in roads.images])
    return model.preprocess.normalize(torch.from_numpy(pixels))


def larger(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [cv2.resize(each, TILE, interpolation=cv2.INTER_LINEAR) for each in images]


def labeled(model: Model, roads: Roads) -> list[NDArray[np.uint8]]:
    """Images with two lines from the bottom: white where to steer, orange where the network does.

    They lean six times as far as the wheels turn.
    """
    tiles = larger(roads.images)
    for tile, true, found in zip(tiles, roads.angles, answers(model, roads), strict=True):
        for angle, color in ((true, (255, 255, 255)), (found, (255, 130, 0))):
            lean = np.radians(6 * angle)
            foot = TILE[0] // 2, TILE[1] - 1
            tip = int(foot[0] + 60 * np.sin(lean)), int(foot[1] - 60 * np.cos(lean))
            cv2.line(tile, foot, tip, color, 2, cv2.LINE_AA)
    return tiles


def maps(model: Model, roads: Roads) -> list[NDArray[np.uint8]]:
    """How far each patch changes the angle, from black to light."""
    made = abs(make_occlusion_maps(model.network, inputs(model, roads), model.task, PATCH).maps)
    scaled = made / made.max(axis=(1, 2), keepdims=True)
    large = [cv2.resize(each, TILE, interpolation=cv2.INTER_LINEAR) for each in scaled]
    return [
        cv2.applyColorMap((each * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
        for each in large
    ]


def save(name: str, rows: list[list[NDArray[np.uint8]]]) -> None:
    whole = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    (IMAGES / name).write_bytes(encode(Image.fromarray(whole), "webp", quality=82))
    print(f"{name}: {(IMAGES / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
