"""An ensemble answers with the mean of its members' answers, and comes back as it was saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import striate
from striate import tensorfile, zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import ModelError, OptionError
from striate.model import Ensemble, Model
from striate.model_file import load, save
from striate.tasks import bind_task
from striate.verbs.ensemble import make_ensemble
from striate.zoo.spec import NetworkSpec
from tests.data.images import noise
from tests.prediction.map_models import make_model

NAMES = ("cat", "dog", "owl")


def fresh(
    network: str,
    view: Preprocess,
    seed: int = 0,
    names: tuple[str, ...] = NAMES,
    kind: str = "label",
    constants: dict[str, tuple[float, ...]] | None = None,
) -> Model:
    """A network with random weights whose answers differ from image to image."""
    torch.manual_seed(seed)
    made = zoo.build(network, channels=view.channels, classes=len(names))
    list(made.parameters())[-2].data.mul_(8)
    task = bind_task(None, TargetSpec(kind, names, constants or {}))
    return Model(made.eval(), NetworkSpec.of(network), task, view, SplitFractions(0.1, 0.2))


def gray(size: int = 32) -> Preprocess:
    return Preprocess(size, 1, "letterbox", (0.4,), (0.2,))


def color(size: int, fit: str) -> Preprocess:
    return Preprocess(size, 3, fit, (0.5, 0.4, 0.3), (0.25, 0.2, 0.3))


def mixed() -> list[Model]:
    """Members that differ in network, size, channels, fit, mean, std and the order of classes."""
    return [
        fresh("lenet5", gray(), 1),
        fresh("resnet20", color(24, "crop"), 2, ("owl", "cat", "dog")),
        fresh("resnet20", color(40, "stretch"), 3),
    ]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(7):
        noise(90 + 9 * number, 150, seed=number).save(folder / f"{number}.jpg", quality=90)
    return folder


def shares(model: Model | Ensemble, images: Path) -> np.ndarray:
    """Probabilities (N, K) in the order of NAMES, from `predict`."""
    rows = [dict(row.top) for row in striate.predict(model, images, top=9, batch=3)]
    return np.array([[row[name] for name in NAMES] for row in rows])


def test_probabilities_are_the_mean_of_those_that_the_members_predict(images: Path) -> None:
    members = mixed()
    expected = [shares(member, images) for member in members]
    assert np.ptp(expected, axis=0).max() > 0.2
    found = shares(make_ensemble(members, "abc"), images)
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-6)


def test_an_image_in_memory_is_given_to_each_member_as_it_needs_it() -> None:
    members, image = mixed(), noise(70, 50, seed=4)
    expected = [dict(striate.predict(member, image)[0].top) for member in members]
    found = dict(striate.predict(make_ensemble(members, "abc"), image)[0].top)
    for name in NAMES:
        assert found[name] == pytest.approx(np.mean([one[name] for one in expected]), abs=1e-6)


def test_label_probabilities_and_their_thresholds_are_averaged(images: Path) -> None:
    one = fresh("lenet5", gray(), 1, kind="labels", constants={"threshold": (0.2, 0.4, 0.6)})
    other = fresh("lenet5", gray(), 2, ("owl", "dog", "cat"), "labels", {"threshold": (0.8, 0, 0)})
    both = make_ensemble([one, other], "ab")
    found, *rows = (shares(model, images) for model in (both, one, other))
    np.testing.assert_allclose(found, np.mean(rows, axis=0), atol=1e-6)
    assert both.task.spec.constants["threshold"] == pytest.approx((0.1, 0.2, 0.7))


def test_numbers_are_averaged_in_their_unit(images: Path) -> None:
    scales = ({"mean": (10.0,), "std": (2.0,)}, {"mean": (500.0,), "std": (30.0,)})
    members = [
        fresh("lenet5", gray(), seed, ("weight [g]",), "numbers", scale)
        for seed, scale in enumerate(scales)
    ]
    found, *rows = (
        [row.values["weight [g]"] for row in striate.predict(model, images)]
        for model in (make_ensemble(members, "ab"), *members)
    )
    assert min(rows[1]) > 200 > max(rows[0])
    np.testing.assert_allclose(found, np.mean(rows, axis=0), rtol=1e-6)


def test_masks_are_those_of_the_mean_probabilities_of_each_pixel() -> None:
    one, other = make_model(), make_model()
    with torch.no_grad():
        for values in other.network.parameters():
            values.mul_(1.5)
    pixels = np.stack([np.asarray(noise(32, 32, seed=n)) for n in range(3)])
    logits = [model.outputs(torch.from_numpy(pixels)) for model in (one, other)]
    expected = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0).argmax(dim=1)
    assert not logits[1].argmax(dim=1).equal(expected)
    found = make_ensemble([one, other], "ab").decode(pixels)
    np.testing.assert_array_equal(found, expected.numpy())


def test_classes_are_unseen_if_no_member_has_seen_them() -> None:
    specs = [TargetSpec("mask", names, {"unseen": unseen}) for names, unseen in (
        (("road", "sky", "car"), (0.0, 2.0)), (("car", "road", "sky"), (0.0, 2.0)),
    )]  # fmt: skip
    merged = bind_task(None, specs[0]).merge(specs[1:])
    assert merged.spec.constants == {"unseen": (2.0,)}


def test_a_threshold_chosen_for_one_network_is_not_that_of_several() -> None:
    constants = {"positive": (0.0,), "threshold": (0.3,), "min_recall": (0.9, 9.0, 10.0)}
    one = fresh("lenet5", gray(), 1, ("cat", "dog"), constants=constants)
    other = fresh("lenet5", gray(), 2, ("dog", "cat"), constants={"positive": (1.0,)})
    assert make_ensemble([one, other], "ab").task.spec.constants == {"positive": (0.0,)}
    third = fresh("lenet5", gray(), 3, ("cat", "dog"))
    assert make_ensemble([one, third], "ab").task.spec.constants == {"positive": (1.0,)}


def test_it_comes_back_as_it_was_saved(images: Path, tmp_path: Path) -> None:
    made, path = make_ensemble(mixed(), ["a", "b", "c"]), tmp_path / "abc.safetensors"
    save(made, path)
    back = load(path)
    assert isinstance(back, Ensemble)
    assert (back.task, back.fractions, back.facts) == (made.task, made.fractions, made.facts)
    assert back.facts == {"members": "a, b, c"}
    for one, other in zip(back.members, made.members, strict=True):
        assert replace(one, network=other.network) == other
    np.testing.assert_array_equal(shares(back, images), shares(made, images))
    assert back.network_name == "lenet5 + 2 x resnet20"
    assert back.parameters == sum(member.parameters for member in made.members)


def test_its_file_is_plain_safetensors(tmp_path: Path) -> None:
    members, path = mixed(), tmp_path / "abc.safetensors"
    save(make_ensemble(members, "abc"), path)
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["striate"])
        for name, tensor in members[1].network.state_dict().items():
            assert file.get_tensor(f"1.{name}").equal(tensor)
    assert told["format"] == 3
    assert [member["network"] for member in told["members"]] == ["lenet5", "resnet20", "resnet20"]
    assert told["members"][1]["targets"]["names"] == ["owl", "cat", "dog"]


def test_it_is_described_by_the_layers_of_all_networks(tmp_path: Path) -> None:
    members, path = mixed(), tmp_path / "abc.safetensors"
    save(make_ensemble(members, "abc"), path)
    summary = striate.describe(path)
    each = [striate.describe(m.network, (m.preprocess.channels, *[m.preprocess.size] * 2))
            for m in members]  # fmt: skip
    assert (summary.params, summary.macs) == (
        sum(s.params for s in each),
        sum(s.macs for s in each),
    )
    roots = {layer.name.partition(".")[0] for layer in summary.layers}
    assert roots == {"0", "1", "2", "forward"}
    with pytest.raises(OptionError) as caught:
        striate.describe(path, size=64)
    assert str(caught.value) == f"{path}: an ensemble keeps its sizes; leave size out"


def sealed(path: Path, **changes: object) -> str:
    """Why the file of an ensemble with another description is refused."""
    save(make_ensemble(mixed(), "abc"), path)
    description, weights = tensorfile.read(path)
    path.write_bytes(tensorfile.seal(weights, {**description, **changes}))
    with pytest.raises(ModelError) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{path}: model refused: ")


def test_a_file_that_does_not_fit_its_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "abc.safetensors"
    save(make_ensemble(mixed(), "abc"), path)
    told, weights = tensorfile.read(path)
    other = {**told["targets"], "names": ["cat", "dog", "yak"]}
    assert sealed(path, targets=other) == "of a member the model has “owl” among its classes"
    assert sealed(path, members=told["members"][:1]) == (
        "members: List should have at least 2 items after validation, not 1"
    )
    assert sealed(path, members=told["members"][:2]).endswith("belongs to none of its 2 members")
    assert sealed(path, format=2) == "format: Input should be 3"
    nested = [*told["members"][:2], told]
    assert sealed(path, members=nested) == "format: Input should be 1 or 2"
    weights.pop("1.head.dense.bias")
    path.write_bytes(tensorfile.seal(weights, told))
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: model refused: resnet20 has float32 3 at head.dense.bias, the file nothing"
    )


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "abc.safetensors"
    save(make_ensemble(mixed(), "abc"), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match="its bytes do not match the SHA-256 recorded in it"):
        load(path)


def test_what_needs_one_network_says_so(tmp_path: Path) -> None:
    from striate.prediction.sliding_window import slide

    path = tmp_path / "abc.safetensors"
    save(make_ensemble(mixed(), "abc"), path)
    with pytest.raises(OptionError) as caught:
        slide(load(path), np.zeros((99, 99), np.uint8))
    assert str(caught.value) == (
        "a sliding window is for one network, but an ensemble of 3 came; give one of its members"
    )
    with pytest.raises(OptionError) as caught:
        load(path, network="mynet.py:Net")
    assert str(caught.value) == f"{path}: an ensemble has its networks; leave it out"
    other = make_model()
    other.network.get_parameter("head.weight").data.mul_(2)
    maps = make_ensemble([make_model(), other], "ab")
    with pytest.raises(OptionError) as caught:
        striate.predict(maps, Image.new("RGB", (64, 64)), tile=32)
    assert str(caught.value) == (
        "tile is for one network, but an ensemble of 2 came; give one of its members"
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            fresh("lenet5", gray(), 2, ("cat", "dog", "yak")),
            "b: the model has “yak” among its classes, unlike a; answers to different questions "
            "cannot be averaged",
        ),
        (
            fresh("lenet5", gray(), 2, ("cat", "dog")),
            "b: the model lacks “owl” among its classes, unlike a; answers to different questions "
            "cannot be averaged",
        ),
        (
            fresh("lenet5", gray(), 2, kind="labels"),
            "b: the task is multilabel, not classification, unlike a; answers to different "
            "questions cannot be averaged",
        ),
        (fresh("lenet5", gray(), 1), "b: has the very weights of a; give each model once"),
    ],
)
def test_models_that_cannot_be_averaged_are_refused(other: Model, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        make_ensemble([fresh("lenet5", gray(), 1), other], "ab")
    assert str(caught.value) == message


def test_masks_of_two_sizes_are_refused() -> None:
    other = make_model("unet(width=3)")
    other = replace(other, preprocess=replace(other.preprocess, size=48))
    with pytest.raises(OptionError) as caught:
        make_ensemble([make_model(), other], "ab")
    assert str(caught.value) == (
        "answers of this task are averaged pixel by pixel, but the inputs differ: 32 pixels "
        "letterbox, 48 pixels letterbox; train them with one --size and --fit"
    )


@pytest.mark.parametrize(
    ("task", "kind", "network", "said"),
    [
        (
            "detection", "boxes", "regions:mobilenet_v1(width=0.25)",
            "boxes of several networks cannot be averaged, as each finds others; give one model",
        ),
        (
            "embedding", "open", "cosine:resnet20",
            "embeddings of several networks cannot be averaged, as each has directions of its own",
        ),
        (
            "anomaly", "open", "patches:resnet20",
            "distances of several networks cannot be averaged, as each has a measure of its own",
        ),
        (
            "generation", "image", "dcgan(width=8)",
            "an ensemble averages answers, but this model makes images, whose mean is blurred; "
            "give one model",
        ),
        (
            "conditional_generation", "label", "dcgan(width=8)",
            "an ensemble averages answers, but this model makes images, whose mean is blurred; "
            "give one model",
        ),
    ],
)  # fmt: skip
def test_answers_that_have_no_mean_are_refused(
    task: str, kind: str, network: str, said: str
) -> None:
    bound = bind_task(task, TargetSpec(kind, () if kind == "image" else NAMES))
    members = [replace(fresh(network, color(32, "crop"), seed), task=bound) for seed in (1, 2)]
    with pytest.raises(OptionError) as caught:
        make_ensemble(members, "ab")
    assert str(caught.value) == said
