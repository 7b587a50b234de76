"""Figures of an evaluation are those of the pixels of the images, whatever the network saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

import striate
from striate.data.listing.samples import IGNORE
from striate.tasks import answers
from tests.metrics.peers import torchmetrics
from tests.tasks.segmentation.scenes import NAMES, draw_scene

SIZES = ((36, 48), (90, 40), (33, 33), (70, 125))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Scenes of four sizes, larger and smaller than the network's input; the last are JPEGs."""
    root, random = tmp_path_factory.mktemp("data") / "scenes", np.random.default_rng(2)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(24):
        high, wide = SIZES[number % 4]
        pixels, mask = (Image.fromarray(drawn) for drawn in draw_scene(random))
        ending = "jpg" if number % 4 == 3 else "png"
        pixels.resize((wide, high)).save(root / "images" / f"{number:02}.{ending}")
        mask.resize((wide, high), 0).save(root / "masks" / f"{number:02}.png")
    (root / "classes.txt").write_text("\n".join(NAMES))
    return root


@pytest.fixture(scope="module", params=["letterbox", "stretch", "crop"])
def run(request, scenes, tmp_path_factory):
    return striate.train(
        scenes,
        out=tmp_path_factory.mktemp(request.param) / "run",
        network="unet(width=4)",
        fit=request.param,
        size=32,
        batch=4,
        threads=1,
        epochs=3,
        optimizer="adamw",
        learning_rate=0.01,
        autotune="no",
    )


def compared(scenes, rows):
    """The true and the predicted classes of all pixels that count, image by image."""
    for row in rows:
        true = np.asarray(Image.open(scenes / "masks" / f"{row.path[-6:-4]}.png"))
        assert row.mask.shape == true.shape
        kept = (true != IGNORE) & (row.mask != IGNORE)
        yield true[kept], row.mask[kept]


def test_figures_are_those_of_others_on_what_predict_writes(run, scenes):
    results = striate.evaluate(run.folder, scenes, split="all")
    pairs = list(compared(scenes, striate.predict(run.folder, scenes / "images")))
    true, predicted = map(np.concatenate, zip(*pairs, strict=True))
    whole = sum(high * wide for high, wide in SIZES) * 6
    assert (0.9 * whole < len(true) < whole) == ("crop" not in str(run.folder))
    assert np.array_equal(results.confusion, confusion_matrix(true, predicted))
    mean, accuracy, _ = results.scores()
    assert mean.value == pytest.approx(jaccard_score(true, predicted, average="macro"))
    assert accuracy.value == pytest.approx(accuracy_score(true, predicted))
    told = (torch.from_numpy(classes.astype(int)) for classes in (predicted, true))
    theirs = torchmetrics().multiclass_jaccard_index(*told, num_classes=3)
    assert mean.value == pytest.approx(theirs.item())


def test_the_report_of_a_run_says_the_same_as_evaluate(run):
    told = striate.load(run.folder)
    results = striate.evaluate(run.folder)
    recorded = run.read_json("evaluation.json")
    assert np.array_equal(results.confusion, recorded["confusion"])
    assert results.worst[0].true.shape == (told.preprocess.size,) * 2


def test_maps_are_computed_of_a_few_images_at_a_time(run, scenes, monkeypatch):
    """In memory that does not grow with the batch, and no mask is another for it."""
    whole = [row.mask for row in striate.predict(run.folder, scenes / "images")]
    network, sizes = striate.load(run.folder), list[int]()
    network.network.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    monkeypatch.setattr(answers, "_MAP_PIXELS", 10 * 32 * 32)
    found = [row.mask for row in striate.predict(network, scenes / "images")]
    assert sizes == [10, 10, 4]
    striate.evaluate(network, scenes, split="all")
    assert sizes[3:] == [10, 10, 4]
    assert np.mean([np.mean(a != b) for a, b in zip(found, whole, strict=True)]) < 1e-3
