"""Distance and energy are added as by hand, and the limit rejects the share that was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import logsumexp

from striate import tensorfile
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import ModelError, OptionError
from striate.model import Model
from striate.model_file import load, save
from striate.rejection import Rejection
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

NAMES = ("cat", "dog", "owl")


def make_model(rejection: Rejection | None = None, kind: str = "label") -> Model:
    torch.manual_seed(0)
    spec, task = NetworkSpec.of("lenet5"), bind_task(None, TargetSpec(kind, NAMES))
    network = spec.build(channels=1, size=32, classes=3).eval()
    preprocess = Preprocess(32, 1, "letterbox", (0.5,), (0.5,))
    return Model(network, spec, task, preprocess, SplitFractions(0.2, 0.2), {}, rejection)


def pixels(count: int = 12) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 32, 32, 1), np.uint8)


def fit(model: Model, share: float = 0.25) -> Rejection:
    features, outputs = model.features(torch.from_numpy(pixels()))
    energy = model.task.energy(outputs)
    return Rejection.fit(features * 1.1 + 0.01, features, energy, share)


def test_the_score_is_that_of_numpy():
    random = np.random.default_rng(0)
    known, asked = random.normal(1, 1, (101, 5)), random.normal(0, 1, (7, 5))
    energy, others = random.normal(size=101), random.normal(size=7)
    train = random.normal(1, 1, (60, 5)).astype("float32")

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    def measure(rows: np.ndarray, energies: np.ndarray) -> np.ndarray:
        kept = train.astype(np.float16).astype(float)
        apart = np.linalg.norm(rows[:, None] - kept, axis=2).min(1)
        return np.stack([1 - (unit(rows) @ unit(kept).T).max(1), apart, energies], axis=1)

    plain = measure(known, energy)
    center = np.median(plain, axis=0)
    scale = np.quantile(plain, 0.95, axis=0) - center
    expected = ((measure(asked, others) - center) / scale).sum(1)

    found = Rejection.fit(
        torch.from_numpy(train),
        torch.from_numpy(known),
        torch.from_numpy(energy),
        0.1,
    )
    scores = found.score(torch.from_numpy(asked), torch.from_numpy(others))
    np.testing.assert_allclose(scores.numpy(), expected, atol=1e-4)
    same = found.rejects(torch.from_numpy(known), torch.from_numpy(energy))
    assert int(same.sum()) == 10  # of 101, at most a tenth


@pytest.mark.parametrize(("share", "rejected"), [(0.0, 0), (0.1, 10), (0.5, 50)])
def test_no_known_image_is_so_near_the_limit_that_rounding_decides(share: float, rejected: int):
    torch.manual_seed(0)
    known, energy = torch.rand(101, 5), torch.randn(101)
    found = Rejection.fit(torch.rand(60, 5), known, energy, share)
    apart = found.score(known, energy) - found.limit
    assert (apart > 0).sum() == rejected
    assert apart.abs().min() > 5e-4


@pytest.mark.parametrize(
    ("images", "width", "kept"),
    [(20, 4, 20), (1500, 4, 1000), (300, 10_000, 150), (120, 30_000, 100)],
)
def test_features_of_some_training_images_are_kept(images: int, width: int, kept: int):
    train = torch.rand(images, width)
    found = Rejection.fit(train, torch.rand(5, width), torch.zeros(5), 0.1)
    assert found.examples.shape == (kept, width)
    assert found.examples.dtype == torch.float16
    again = Rejection.fit(train, torch.rand(5, width), torch.zeros(5), 0.1)
    assert torch.equal(found.examples, again.examples)


def test_large_features_are_kept_in_full_precision():
    found = Rejection.fit(torch.full((3, 2), 1e6), torch.rand(5, 2), torch.zeros(5), 0.1)
    assert found.examples.dtype == torch.float32


def test_features_that_are_not_finite_are_rejected():
    model = make_model()
    found = fit(model)
    features = torch.full((1, found.examples.shape[1]), torch.nan)
    assert found.rejects(features, torch.zeros(1)).all()


def test_validation_images_that_are_all_the_same_give_finite_scores():
    found = Rejection.fit(torch.ones(4, 3), torch.ones(4, 3), torch.zeros(4), 0.05)
    assert not found.rejects(torch.ones(1, 3), torch.zeros(1)).any()
    assert found.rejects(torch.tensor([[1.0, 1.0, 0.5]]), torch.zeros(1)).all()


def test_energies_are_those_of_scipy_and_numpy():
    logits = torch.randn(5, 3)
    one, several = make_model().task, make_model(kind="labels").task
    np.testing.assert_allclose(one.energy(logits), -logsumexp(logits.numpy(), axis=1), rtol=1e-5)
    joint = -np.log1p(np.exp(logits.numpy())).sum(axis=1)
    np.testing.assert_allclose(several.energy(logits), joint, rtol=1e-5)


def test_a_task_of_numbers_has_no_energy():
    task = bind_task(None, TargetSpec("numbers", ("weight",)))
    with pytest.raises(OptionError, match="none of several classes or labels, but the model answ"):
        task.energy(torch.zeros(1, 1))


def test_features_come_with_the_outputs_of_the_network():
    model = make_model()
    some = torch.from_numpy(pixels())
    features, outputs = model.features(some)
    torch.testing.assert_close(outputs, model.outputs(some))
    assert len(features) == 12


def test_a_model_with_a_rejection_decodes_the_same_and_rejects():
    plain = make_model()
    model = replace(plain, rejection=fit(plain))
    decoded, rejected = model.decode_and_reject(pixels())
    np.testing.assert_allclose(decoded, plain.decode(pixels()), atol=1e-6)
    assert rejected.sum() == 2  # of 12, at most a quarter
    assert not plain.decode_and_reject(pixels())[1].any()


def test_it_is_stored_in_the_model_file(tmp_path: Path):
    plain = make_model()
    model = replace(plain, rejection=fit(plain))
    save(model, tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert again.rejection is not None
    assert again.rejection.describe() == model.rejection.describe()
    assert torch.equal(again.rejection.examples, model.rejection.examples)
    assert (again.decode_and_reject(pixels())[1] == model.decode_and_reject(pixels())[1]).all()
    save(plain, tmp_path / "p.safetensors")
    assert load(tmp_path / "p.safetensors").rejection is None
    more = load_file(tmp_path / "m.safetensors").keys() - load_file(tmp_path / "p.safetensors")
    assert more == {"rejection:examples"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"share": 2.0}, "rejection.share"),
        ({"scales": [1.0, 0.0]}, "rejection.scales.1"),
        ({"centers": [1.0]}, "rejection.centers"),
        (None, "rejection: it needs its numbers, and rejection:examples"),
    ],
)
def test_a_file_with_half_a_rejection_or_a_wrong_one_is_refused(tmp_path: Path, change, told):
    plain = make_model()
    place = tmp_path / "m.safetensors"
    save(replace(plain, rejection=fit(plain)), place)
    description, weights = tensorfile.read(place)
    if change is None:
        del description["rejection"]
    else:
        description["rejection"] |= change
    tensorfile.write(place, weights, description)
    with pytest.raises(ModelError, match=f"model refused: .*{told}"):
        load(place)


def test_means_that_are_not_finite_are_refused(tmp_path: Path):
    plain = make_model()
    place, found = tmp_path / "m.safetensors", fit(plain)
    save(replace(plain, rejection=replace(found, examples=found.examples * torch.nan)), place)
    with pytest.raises(ModelError, match="rejection:examples must be finite numbers"):
        load(place)
