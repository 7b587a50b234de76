"""A model in 8 bits is judged as the model itself, and calibrated on enough different images."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import striate
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import rows_in_split
from striate.deployment.int8_proof import Int8Proof, calibration_batches, check_calibration
from striate.deployment.judged import Exported, Part, as_given, judge
from striate.errors import DataError
from striate.evaluation.evaluate import decode_views
from striate.evaluation.paired import Paired
from striate.evaluation.seen_images import find_root
from striate.model import Model, Pairs
from striate.model_file import load
from striate.options import EvaluateOptions
from striate.tasks.figures import Figure, Score

FEW = {"threads": 1, "augment": "none", "learning_rate": 0.02, "batch": 8, "epochs": 1}


def finish(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def part_of(model: Model, data: Path, split: str = "validation") -> Part:
    decoded = finish(decode_views(model, data, EvaluateOptions(), None))
    rows = rows_in_split(decoded[0].samples, split)
    return Part(decoded, rows, split, find_root(data))


@pytest.fixture(scope="module")
def classifier(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    out = tmp_path_factory.mktemp("runs") / "a"
    striate.train(photos, out=out, progress=False, network="mlp", size=28, validation=0.4, **FEW)
    found = load(out / "model.safetensors")
    assert isinstance(found, Model)
    return found


@pytest.fixture(scope="module")
def part(classifier: Model, photos: Path) -> Part:
    return part_of(classifier, photos)


class Forgetful:
    """Answers as the model does, but half of the images as if they were another one."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def decode_and_reject(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        decoded, rejected = self.model.decode_and_reject(pixels)
        decoded[::2] = np.roll(decoded[::2], 1, axis=1)
        return decoded, rejected


def test_an_engine_is_judged_as_the_model_is(classifier: Model, part: Part):
    truth = judge(classifier, part, "a")
    same = judge(Exported(classifier, classifier), part, "a")
    assert same.to_json() == truth.to_json()
    assert len(truth) == 46
    worse = judge(Exported(classifier, Forgetful(classifier)), part, "b")
    proof = Int8Proof(truth, worse, 0.01)
    before, after = truth.scores()[0], worse.scores()[0]
    assert proof.drop == before.value - after.value > 0.1
    assert (proof.holds, Int8Proof(truth, same, 0.0).holds) == (False, True)
    assert str(proof) == (
        f"accuracy falls from {before.shown} ({before.interval}) to {after.shown} "
        f"({after.interval}) on 46 validation images"
    )
    assert str(Int8Proof(truth, same, 0.0)) == (
        f"accuracy stays {before.shown} ({before.interval}) on 46 validation images"
    )
    assert isinstance(proof.paired, Paired)
    assert proof.verdict == proof.paired.tell("float32", "int8")
    assert proof.to_json() == {
        "split": "validation", "images": 46, "figure": "accuracy",
        "float32": {"value": before.value, "low": before.low, "high": before.high},
        "int8": {"value": after.value, "low": after.low, "high": after.high},
        "drop": proof.drop, "allowed_drop": 0.01, "paired": proof.paired.to_json(),
        "verdict": proof.verdict, "holds": False,
    }  # fmt: skip


def scored(value: float, figure: Figure) -> Any:
    score = Score(figure, value, None, None, 10)
    return SimpleNamespace(scores=lambda: (score,))


@pytest.mark.parametrize(
    ("figure", "before", "after", "drop"),
    [
        (Figure("accuracy", "accuracy", form="share"), 0.9, 0.88, 0.02),
        (Figure("accuracy", "accuracy", form="share"), 0.9, 0.91, -0.01),
        (Figure("mae", "MAE", higher_is_better=False, form="number"), 2.0, 2.5, 0.25),
        (Figure("psnr", "PSNR", form="number", unit="dB"), 30.0, 29.7, 0.01),
        (Figure("mae", "MAE", higher_is_better=False, form="number"), 0.0, 0.0, 0.0),
    ],
)
def test_a_drop_is_in_points_or_a_share_of_other_numbers(figure, before, after, drop):
    proof = Int8Proof(scored(before, figure), scored(after, figure), 0.01)
    assert proof.drop == pytest.approx(drop)


def test_an_undefined_figure_does_not_hold():
    figure = Figure("accuracy", "accuracy", form="share")
    proof = Int8Proof(scored(math.nan, figure), scored(math.nan, figure), 1.0)
    assert not proof.holds


def test_too_few_images_or_one_class_are_no_calibration(classifier: Model, part: Part):
    check_calibration(classifier, part)
    with pytest.raises(DataError) as told:
        check_calibration(classifier, replace(part, rows=part.rows[:31]))
    assert str(told.value) == (
        "8 bits are calibrated on at least 32 validation images, but there are 31; train with a "
        "larger --validation, or export without --int8"
    )
    labels = part.decoded[0].targets.ids()
    flat = np.flatnonzero(labels == labels[0])
    with pytest.raises(DataError) as told:
        check_calibration(classifier, replace(part, rows=flat))
    assert str(told.value) == (
        "8 bits are calibrated on images of several targets, but all 40 validation images have the "
        "same, flat;\ntrain with other --validation images, or export without --int8"
    )


def test_calibration_images_are_spread_over_the_part(classifier: Model, part: Part):
    batches = list(calibration_batches(classifier, part))
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 7, 7]
    pixels = part.decoded[0].pixels[part.rows]
    np.testing.assert_array_equal(np.concatenate(batches), pixels)
    many = replace(part, rows=np.repeat(part.rows, 10))
    batches = list(calibration_batches(classifier, many))
    assert sum(map(len, batches)) == 256
    np.testing.assert_array_equal(batches[-1][-1], pixels[-1])


def test_bytes_are_found_again_from_what_a_network_is_given():
    view = Preprocess(8, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    rows = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    model: Any = SimpleNamespace(preprocess=view)
    inputs = view.normalize(torch.from_numpy(rows))
    np.testing.assert_array_equal(as_given(model, inputs, rows[::-1]), rows)
    np.testing.assert_array_equal(as_given(model, inputs[:, :1], rows[::-1]), rows[::-1])


def test_pairs_of_an_engine_are_those_of_the_model():
    """Turned images are given to the engine as bytes, and the turns come back as targets."""
    view = Preprocess(4, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))

    def make_pairs(pixels: torch.Tensor, keys: torch.Tensor):
        return view.normalize(pixels).rot90(1, (2, 3)), keys

    model: Any = SimpleNamespace(preprocess=view, make_pairs=make_pairs)
    engine: Any = SimpleNamespace(decode_and_reject=lambda rows: (rows, None))
    rows = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    decoded, pairs = Exported(model, engine).decode_pairs(rows, keys=torch.tensor([5, 7]))
    np.testing.assert_array_equal(decoded, np.rot90(rows, 1, (1, 2)))
    assert isinstance(pairs, Pairs)
    np.testing.assert_array_equal(pairs.targets, [5, 7])
