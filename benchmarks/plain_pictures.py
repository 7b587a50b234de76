"""Pictures answered without a network, from the inputs that an evaluation makes of test images.

Denoising, colorization and super-resolution by the filter, of a strength or tint, that is the best
on validation images; the autoencoder by principal components of the training images, as many as its
code has numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machines import HERE
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from striate.data.augment.keys import fixed_keys
from striate.data.listing.columns import rows_in_split
from striate.data.listing.samples import Split
from striate.metrics.pictures import ROUNDED, psnr
from striate.options import TrainOptions
from striate.progress import drain
from striate.tasks.pictures.answer import to_bytes
from striate.tasks.pictures.autoencoder import Autoencoder
from striate.tasks.pictures.baselines import Filter, smoothings, tints
from striate.tasks.pictures.color import Pixels
from striate.tasks.pictures.denoising import Denoising
from striate.tasks.pictures.task import PictureTask
from striate.training.prepare import PreparedData, prepare_data

PICTURES = ("denoising", "colorization", "super_resolution", "autoencoder")
STRENGTHS = (0.7, 0.8, 0.9, 1.0, 1.1)  #: of non-local means, in the std of the noise
TINTS = tuple(at / 100 for at in range(-5, 6))  #: of each chroma, -0.5 to 0.5


class Pictures(NamedTuple):
    """What a task makes of the images of a split."""

    given: Pixels  #: (N, h, w, c)
    truth: Pixels  #: (N, H, W, C)


def answer_pictures(name: str, data: Path) -> dict[str, Any]:
    """Return the way that is the best, its mean PSNR on the test images, and that of each."""
    options = TrainOptions.read_toml(HERE / "recipes" / "tasks" / f"{name}.toml", {})
    prepared = drain(prepare_data(data, options))
    validation = made_of(prepared, "validation", every=3)
    ways = ways_of(prepared)
    best = max(ways, key=lambda way: judged(ways[way], validation).mean())
    found = judged(ways[best], made_of(prepared, "test"))
    return {"way": best, "value": float(found.mean()), "each": found.round(2).tolist()}


def ways_of(prepared: PreparedData) -> Mapping[str, Filter]:
    """Return what answers the task without a network."""
    task = prepared.task
    assert isinstance(task, PictureTask)
    if isinstance(task, Autoencoder):
        assert task.code
        return components(made_of(prepared, "train").truth, task.code)
    if isinstance(task, Denoising):
        return smoothings(task.std, STRENGTHS)
    return tints(TINTS) if task.name == "colorization" else task.words.filters


def components(pictures: Pixels, count: int) -> Mapping[str, Filter]:
    """Return pictures through as many principal components of some (N, H, W, C)."""
    fitted = PCA(count, svd_solver="full")
    fitted.fit(pictures.reshape(len(pictures), -1) / 255)

    def through(picture: Pixels) -> Pixels:
        row = fitted.inverse_transform(fitted.transform(picture.reshape(1, -1) / 255))
        return np.rint(row.reshape(picture.shape).clip(0, 1) * 255).astype(np.uint8)

    return {f"{count} principal components": through}


def made_of(prepared: PreparedData, split: Split, every: int = 1) -> Pictures:
    """Return what an evaluation makes of every so many images of a split."""
    decoded = prepared.decoded
    rows = rows_in_split(decoded.samples, split)[::every]
    images = torch.from_numpy(np.asarray(decoded.pixels[rows])).permute(0, 3, 1, 2) / 255
    pairs = prepared.task.make_pairs(images, fixed_keys(decoded.records.digests[rows]))
    return Pictures(*(to_bytes(each.numpy()) for each in pairs))


def judged(way: Filter, pictures: Pictures) -> NDArray[np.float64]:
    """Return the PSNR (N,) of each answer."""
    pairs = zip(pictures.given, pictures.truth, strict=True)
    return np.array([psnr(way(given), truth, most=ROUNDED) for given, truth in pairs])
