"""Does the code of an autoencoder serve as features? Kinds of garments, told by a linear model.

    python benchmarks/code_features.py RUN GARMENTS [--save]

RUN is of recipes/tasks/garments-code.toml and saw no label; GARMENTS is made by task_data.py. A
logistic regression, as that of without_network.py, is given the code, the mean of the code over
places, as `striate embed` writes it, the code of the same network before it was trained, as many
principal components of the pixels of training images as the code has numbers, and 16x16 pixels.
Prints one JSON line; --save appends it to results/code_features.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import sklearn
import torch
from machines import keep, machine
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from without_network import SIDE, Floats, learned

import striate
from striate.metrics.estimates import from_hits
from striate.model import Model
from striate.prediction.embedding import embed_decoded, make_front
from striate.progress import drain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("garments", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    line = json.dumps(measured(asked.run, asked.garments))
    print(line, flush=True)
    if asked.save:
        keep("code_features", line)


def measured(run: Path, garments: Path) -> dict[str, Any]:
    model = striate.load(run)
    assert isinstance(model, Model)
    decoded, pooled = drain(embed_decoded(model, garments))
    labels, splits = pooled.labels, np.array([each.split for each in decoded.samples])
    tests = int((splits == "test").sum())
    ways = dict(features(model, np.asarray(decoded.pixels), splits == "train"), **{
        "the mean of the code over places": pooled.features,
    })  # fmt: skip
    found = dict[str, Any]()
    for way, rows in ways.items():
        share = learned("classification", rows.astype(np.float64), labels, splits)
        found[way] = {"numbers": rows.shape[1], **from_hits(share * tests, tests).to_json()}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "garments-code",
        "network": model.network_name,
        "found": found,
        "machine": machine(),
        "versions": {"striate": striate.__version__, "scikit-learn": sklearn.__version__},
    }


def features(
    model: Model, pixels: NDArray[np.uint8], train: NDArray[np.bool_]
) -> Iterator[tuple[str, Floats]]:
    """Yield what is given to the linear model, (N, D) of images (N, H, W, C)."""
    code = code_of(model, pixels)
    yield "the code", code
    torch.manual_seed(0)
    fresh = striate.build(model.network_name, channels=pixels.shape[3])
    model.network.load_state_dict(fresh.state_dict())
    yield "the code before training", code_of(model, pixels)
    flat = pixels.reshape(len(pixels), -1) / 255
    components = PCA(code.shape[1], svd_solver="full").fit(flat[train])
    yield "principal components", components.transform(flat)
    small = [cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in pixels]
    yield f"{SIDE}x{SIDE} pixels", np.reshape(small, (len(small), -1)) / 255


@torch.inference_mode()
def code_of(model: Model, pixels: NDArray[np.uint8]) -> Floats:
    """Return the code (N, D) of images (N, H, W, C)."""
    stages = make_front(model)[0].eval()
    parts = torch.from_numpy(pixels.copy()).split(64)
    return np.concatenate([stages(model.inputs(part)).flatten(1).numpy() for part in parts])


if __name__ == "__main__":
    main()
