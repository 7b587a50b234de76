"""What do the pictures of `striate look` show on photographs that they were not built on?

    striate train deep-sky --network efficientnet_lite0 --weights package --freeze all \
        --epochs 15 --out runs/deep-sky
    python benchmarks/look_claims.py WHAT runs/deep-sky FOLDER

WHAT is `classes` (the verdict on class maps of the first 10 photographs of each class of
FOLDER/test), `channels` (every channel of stage3 on 120 photographs of the test part: what the top
patches have in common, what silence costs), or `alike` (of the photographs of FOLDER: how many of
the five nearest are of the same class, among the features and on the maps). `deep-sky` is made by
photo_sets.py. Any folder will do for `alike`, as the frozen stages of the network are those of its
package.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import striate
from striate.look.channels import Card, make_cards
from striate.look.draw_class_maps import draw_class_maps
from striate.look.embedding_map import place_images
from striate.look.verdict import Trial
from striate.model import Model, one_network
from striate.model_file import load
from striate.options import EvaluateOptions
from striate.prediction.embedding import embed_images
from striate.prediction.neighbors import find_neighbors
from striate.progress import drain

EACH, TRIAL = 10, Trial(orders=5)
LAYER, IMAGES = "stage3", 120
NEAREST, DRAWS = 5, 1000


def tell_classes(model: Model, folder: Path) -> None:
    """Print the verdict on the class maps."""
    classes = sorted(path for path in (folder / "test").iterdir() if path.is_dir())
    files = [file for path in classes for file in islice(sorted(path.iterdir()), EACH)]
    pixels = np.stack([model.preprocess.to_array(Image.open(f).convert("RGB")) for f in files])
    sheet = draw_class_maps(model, pixels, [file.name for file in files], trial=TRIAL)
    print(sheet)
    for kind in ("deletion", "insertion"):
        ours, random = sheet.arrays[kind], sheet.arrays[f"random_{kind}"]
        print(f"{kind}: mean {ours.mean():.3f}, of random orders {random.mean():.3f}")


def tell_channels(model: Model, folder: Path) -> None:
    """Print what the top patches of channels have in common, and what their silence costs."""
    options = EvaluateOptions(split="test", batch=64)
    cards = drain(make_cards(model, folder, LAYER, None, options, most=IMAGES))
    pure = np.array([_share(patch.names[0] for patch in card.patches) for card in cards])
    chance = _chance(cards[0])
    print(f"{len(cards)} channels of {LAYER}, {cards[0].images} images")
    print(f"top patches of one class: {pure.mean():.3f}, of random images {chance.mean():.3f}")
    print(f"above 95 % of random: {(pure > np.quantile(chance, 0.95)).sum()} channels")
    lost = np.array([card.lost for card in cards]) * cards[0].images
    print(f"images lost by silence: {sorted(np.rint(lost).astype(int).tolist())}")
    worst = [max(loss.lost for loss in card.losses) for card in cards]
    print(f"largest loss of a class: median {np.median(worst):.3f}, most {max(worst):.3f}")


def tell_alike(model: Model, folder: Path) -> None:
    """Print how many of the nearest are of the class of the image, by features and on maps."""
    found = drain(embed_images(model, folder))
    print(f"{len(found)} images of {len(found.class_names)} classes")
    counts = np.bincount(found.labels)
    chance = (counts * (counts - 1)).sum() / (len(found) * (len(found) - 1))
    print(f"chance {chance:.3f}; features {_precision(found.features, found.labels)}")
    for method in ("pca", "tsne"):
        # on a map distance counts, not direction
        places = place_images(found.features, method).xy
        print(f"{method}: {_precision(places, found.labels, flat=True)}")


def _precision(
    features: NDArray[np.floating], labels: NDArray[np.int64], *, flat: bool = False
) -> str:
    """Say the precision at five, an image itself left out, and its 95 % bootstrap interval."""
    if flat:
        apart = ((features[:, None] - features[None]) ** 2).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        rows = apart.argsort(axis=1)[:, :NEAREST]
    else:
        rows = find_neighbors(features, features, NEAREST + 1).rows
        rows = np.stack([row[row != at][:NEAREST] for at, row in enumerate(rows)])
    right = (labels[rows] == labels[:, None]).mean(axis=1)
    draw = np.random.default_rng(0)
    means = [draw.choice(right, len(right)).mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{right.mean():.3f} ({low:.3f} to {high:.3f})"


def _share(names: Iterable[str]) -> float:
    """Return the share of the most frequent name."""
    counts = Counter(names)
    return max(counts.values()) / counts.total()


def _chance(card: Card) -> NDArray[np.floating]:
    """Return the share of the most frequent class among as many images drawn at random."""
    draw = np.random.default_rng(0)
    names = [loss.name for loss in card.losses for _ in range(loss.images)]
    few = len(card.patches)
    return np.array([_share(draw.choice(names, few, replace=False).tolist()) for _ in range(DRAWS)])


TELL = {"classes": tell_classes, "channels": tell_channels, "alike": tell_alike}


if __name__ == "__main__":
    what, run, images = sys.argv[1:]
    print(f"striate {striate.__version__}")
    TELL[what](one_network(load(run), "look_claims"), Path(images))
