"""A model comes back as it was saved; a file that does not fit the network it names is refused."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import model_file, tensorfile, zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import ModelError, OptionError, StorageError
from striate.hardware import to_device
from striate.model import Model
from striate.model_file import load, save
from striate.tasks import bind_task
from striate.tasks.task import Task
from striate.zoo.spec import NetworkSpec

DESCRIPTION: dict[str, Any] = {
    "format": 2,
    "task": "classification",
    "network": "lenet5",
    "targets": {"kind": "label", "names": ["cat", "dog", "owl"], "constants": {}},
    "preprocess": {
        "size": 32,
        "channels": 1,
        "fit": "letterbox",
        "mean": [0.25],
        "std": [0.5],
    },
    "fractions": {"validation": 0.15, "test": 0.25},
    "facts": {"seed": "7"},
}


def task_of(names: tuple[str, ...]) -> Task:
    return bind_task("classification", TargetSpec("label", names))


def fresh(name: str = "lenet5", classes: int = 3, channels: int = 1, size: int = 32) -> Model:
    torch.manual_seed(3)
    network = zoo.build(name, channels=channels, classes=classes)
    return Model(
        to_device(network, "cpu").eval(),
        NetworkSpec.of(name),
        task_of(("cat", "dog", "owl", "yak")[:classes]),
        Preprocess(size, channels, "letterbox", (0.25,) * channels, (0.5,) * channels),
        SplitFractions(0.15, 0.25),
        {"seed": "7"},
    )


WEIGHTS = fresh().network.state_dict()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def refusal(path: Path, description: Any = DESCRIPTION, weights: Any = WEIGHTS) -> str:
    """Why a sealed file of that description is refused, without the path before it."""
    path.write_bytes(tensorfile.seal(weights, description))
    with pytest.raises(ModelError) as caught:
        load(path)
    assert caught.value.exit_code == 7
    message = str(caught.value)
    before = f"{path}: model refused: "
    assert message.startswith(before)
    assert message.isprintable()
    return message.removeprefix(before)


def changed(**values: Any) -> dict[str, Any]:
    return {**DESCRIPTION, **values}


def targeted(**values: Any) -> dict[str, Any]:
    return changed(targets={**DESCRIPTION["targets"], **values})


def viewed(**values: Any) -> dict[str, Any]:
    return changed(preprocess={**DESCRIPTION["preprocess"], **values})


@pytest.mark.parametrize(
    ("name", "channels", "size"), [("lenet5", 1, 32), ("resnet20", 3, 9), ("plain20", 1, 8)]
)
def test_a_model_answers_as_before_it_was_saved(
    path: Path, name: str, channels: int, size: int
) -> None:
    model = fresh(name, channels=channels, size=size)
    save(model, path)
    back = load(path)
    assert replace(back, network=model.network) == model
    pixels = torch.randint(0, 256, (5, size, size, channels), dtype=torch.uint8)
    assert back.outputs(pixels).equal(model.outputs(pixels))
    assert back.outputs(pixels).shape == (5, 3)
    assert not back.network.training


def test_a_loaded_model_can_learn_on(path: Path) -> None:
    save(fresh(), path)
    network = load(path).network
    network(torch.zeros(2, 1, 32, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_loading_draws_no_random_number(path: Path) -> None:
    save(fresh("resnet20", channels=3), path)
    before = torch.get_rng_state()
    load(path)
    assert torch.get_rng_state().equal(before)


def test_the_folder_of_a_run_stands_for_its_model(path: Path) -> None:
    save(fresh(), path)
    assert load(str(path.parent)).class_names == ("cat", "dog", "owl")


def test_answers_are_those_of_the_normalized_image() -> None:
    model = fresh()
    pixels = torch.randint(0, 256, (4, 32, 32, 1), dtype=torch.uint8)
    expected = model.network((pixels.permute(0, 3, 1, 2) / 255 - 0.25) / 0.5)
    assert model.outputs(pixels).allclose(expected.detach(), atol=1e-6)


def test_a_model_shows_what_it_is_but_not_its_layers() -> None:
    assert repr(fresh()) == (
        "Model(spec=NetworkSpec('lenet5'), task=Classification(spec=TargetSpec(kind='label', "
        "names=('cat', 'dog', 'owl'), constants={})), "
        "preprocess=Preprocess(size=32, channels=1, fit='letterbox', mean=(0.25,), "
        "std=(0.5,), interpolation='bilinear'), "
        "fractions=SplitFractions(validation=0.15, test=0.25, group=''), facts={'seed': '7'})"
    )


@pytest.mark.parametrize("name", ["caf\udce9", "0" * 64, "猫\n\x1b", "'", "x" * 1000, "=1+1"])
def test_any_name_of_a_folder_can_be_a_class(path: Path, name: str) -> None:
    model = replace(fresh(), task=task_of((name, "dog", "owl")))
    save(model, path)
    assert load(path).class_names == (name, "dog", "owl")


def test_a_place_without_a_model_is_named(tmp_path: Path) -> None:
    advice = "no such file; expected a model file or the folder of a run"
    for asked, named in [
        ("none.safetensors", "none.safetensors"),
        ("", "model.safetensors"),
        ("no/where\n", r"no/where\n"),
    ]:
        with pytest.raises(OptionError) as caught:
            load(tmp_path / asked)
        assert str(caught.value) == f"{tmp_path}/{named}: {advice}"
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError) as caught:
        load(tmp_path / "file" / "deeper")
    assert str(caught.value) == f"{tmp_path}/file/deeper: {advice}"


def test_a_model_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    name = "n" * 300
    with pytest.raises(StorageError) as caught:
        load(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: file name too long"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StorageError) as caught:
        load(tmp_path / "loop")
    assert str(caught.value) == f"{tmp_path / 'loop'}: too many levels of symbolic links"


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ({}, "format: Field required"),
        (changed(format=3), "format: Input should be 1 or 2"),
        (changed(task=5), "task: Input should be a valid string"),
        (
            changed(task="segmentatoin"),
            "no task is called 'segmentatoin'; did you mean 'segmentation', 'generation' or "
            "'rotation'?",
        ),
        (changed(network=5), "network: Input should be a valid string"),
        (
            changed(network="lenet6"),
            "no network is called 'lenet6'; did you mean 'lenet5', 'alexnet' or 'resnet56'?",
        ),
        (changed(network="fcn8s"), "fcn8s does not fit the task classification"),
        (
            changed(network="conv_autoencoder"),
            "conv_autoencoder does not fit the task classification",
        ),
        (changed(network="n" * 1001), "network: String should have at most 1000 characters"),
        (targeted(names="cat"), "targets.names: Input should be a valid list"),
        (
            targeted(names=["cat"]),
            "the task classification needs two classes or more, but the data give 1 class",
        ),
        (
            targeted(names=[]),
            "targets.names: expected one name or more",
        ),
        (
            targeted(kind="numbers"),
            "the task classification needs a class for every image, but the data give 3 numbers",
        ),
        (targeted(constants={"mean": "5"}), "targets.constants.mean: Input should be a valid list"),
        (targeted(words={}), "targets.words: Extra inputs are not permitted"),
        (
            targeted(names=["a"] * 100_001),
            "targets.names: List should have at most 100000 items after validation, not 100001",
        ),
        (targeted(names=["cat", "owl", "cat"]), "targets.names: a name stands there twice"),
        (
            targeted(names=["cat", "dog", ""]),
            "targets.names.2: expected text of 1 to 1,000 characters",
        ),
        (
            targeted(names=["cat", "d" * 1001, "owl"]),
            "targets.names.1: expected text of 1 to 1,000 characters",
        ),
        (
            targeted(names=["cat", 5, "owl"]),
            "targets.names.1: expected text of 1 to 1,000 characters",
        ),
        (
            targeted(names=["cat", "\ud83d", "owl"]),
            "targets.names.1: expected text of whole characters",
        ),
        (viewed(size=28), "preprocess.size: lenet5 takes images of 32x32 pixels only, not 28"),
        (viewed(size=0), "preprocess.size: Input should be greater than or equal to 1"),
        (viewed(size=10**9), "preprocess.size: Input should be less than or equal to 4096"),
        (viewed(size=32.0), "preprocess.size: Input should be a valid integer"),
        (viewed(size="32"), "preprocess.size: Input should be a valid integer"),
        (viewed(channels=2), "preprocess.channels: Input should be 1 or 3"),
        (viewed(fit="squash"), "preprocess.fit: Input should be 'letterbox', 'crop' or 'stretch'"),
        (viewed(mean=[0.5, 0.5]), "preprocess: mean and std need 1 numbers each"),
        (viewed(channels=3), "preprocess: mean and std need 3 numbers each"),
        (viewed(std=[]), "preprocess: mean and std need 1 numbers each"),
        (viewed(mean=[1.5]), "preprocess.mean.0: Input should be less than or equal to 1"),
        (
            viewed(std=[0]),
            "preprocess.std.0: Input should be greater than or equal to 0.0001",
        ),
        (
            viewed(std=[0.5] * 9),
            "preprocess.std: List should have at most 3 items after validation, not 9",
        ),
        (viewed(color=3), "preprocess.color: Extra inputs are not permitted"),
        (changed(fractions=[0.25]), "fractions: Input should be a valid dictionary or instance of "
         "_FractionFields"),
        (
            changed(fractions={"validation": 1, "test": 0.25}),
            "fractions.validation: Input should be less than 1",
        ),
        (changed(facts={"seed": 7}), "facts.seed: Input should be a valid string"),
        (
            changed(facts={str(number): "" for number in range(101)}),
            "facts: Dictionary should have at most 100 items after validation, not more",
        ),
        ({**DESCRIPTION, "x\x1b\n" * 200: 5}, r"x\x1b\n" * 100 + "..."),
    ],
    ids=range(40),
)  # fmt: skip
def test_a_wrong_description_is_refused_with_the_field(
    path: Path, description: Any, reason: str
) -> None:
    assert refusal(path, description) == reason


@pytest.mark.parametrize(
    ("field", "number", "reason"),
    [
        ("mean", "NaN", "preprocess.mean.0: Input should be a finite number"),
        ("mean", "1e400", "preprocess.mean.0: Input should be a finite number"),
        ("std", "Infinity", "preprocess.std.0: Input should be a finite number"),
        ("mean", "-5e-324", "preprocess.mean.0: Input should be greater than or equal to 0"),
        ("std", "1" + "0" * 400, "preprocess.std.0: Input should be a valid number"),
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, field: str, number: str, reason: str
) -> None:
    text = json.dumps(viewed(**{field: ["here"]})).replace('"here"', number)
    monkeypatch.setattr(tensorfile.json, "dumps", lambda *_, **__: text)
    content = tensorfile.seal(WEIGHTS, {})
    monkeypatch.undo()
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: model refused: {reason}"


def weights(**tensors: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """The right weights with some replaced, added, or removed; `__` stands for a dot."""
    given = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    merged: dict[str, torch.Tensor | None] = {**WEIGHTS, **given}
    return {name: tensor for name, tensor in merged.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        (weights(head__bias=None), "lenet5 has float32 3 at head.bias, the file nothing"),
        (weights(tail=torch.ones(2, 5)), "lenet5 has nothing at tail, the file float32 2x5"),
        (
            weights(head__weight=torch.ones(3, 85)),
            "lenet5 has float32 3x84 at head.weight, the file float32 3x85",
        ),
        (
            weights(head__weight=torch.ones(3, 84, dtype=torch.float16)),
            "lenet5 has float32 3x84 at head.weight, the file float16 3x84",
        ),
        (
            weights(head__bias=torch.tensor([1, float("nan"), 2])),
            "the weights of head.bias are not all finite",
        ),
        (
            weights(head__bias=torch.tensor([1, 2, float("-inf")])),
            "the weights of head.bias are not all finite",
        ),
        ({}, "lenet5 has float32 6 at c1.conv.bias, the file nothing"),
        (
            weights(**{"a" * 500: torch.ones(2)}),
            "lenet5 has nothing at " + "a" * 278 + "...",
        ),
    ],
    ids=range(8),
)  # fmt: skip
def test_weights_that_are_not_the_networks_are_refused(
    path: Path, tensors: dict[str, torch.Tensor], reason: str
) -> None:
    assert refusal(path, weights=tensors) == reason


def test_weights_of_another_network_are_refused(path: Path) -> None:
    assert refusal(path, weights=fresh("resnet20").network.state_dict()) == (
        "lenet5 has float32 6 at c1.conv.bias, the file nothing"
    )
    assert refusal(path, targeted(names=["cat", "dog"])) == (
        "lenet5 has float32 2 at head.bias, the file float32 3"
    )


_opened: list[str] = []
_watching = False


def _watch(event: str, details: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.listdir", "socket.connect", "import", "exec"):
        _opened.append(f"{event} {details[0]}")


@pytest.fixture(scope="module")
def _audited() -> None:
    sys.addaudithook(_watch)  # stays until the process ends


@pytest.fixture
def opened(_audited: None) -> Iterator[list[str]]:
    """What the process opens, connects to, imports and runs while the test goes on."""
    global _watching  # a hook of the interpreter has no other place
    _opened.clear()
    _watching = True
    yield _opened
    _watching = False


@pytest.mark.parametrize(
    "network",
    [
        *("os.system", "../lenet5", "/etc/passwd", "http://localhost:9/x", "lenet5.py", "LENET5"),
        *("torch.nn:Linear", "__import__('os')", "lenet5\0", "", "file:///etc/passwd", r"\\host\x"),
    ],
)
def test_a_strange_network_is_never_looked_for(path: Path, network: str, opened: list[str]) -> None:
    path.write_bytes(tensorfile.seal(WEIGHTS, changed(network=network)))
    opened.clear()
    with pytest.raises(ModelError, match="model refused: no network is called "):
        load(path)
    assert opened == [f"open {path}"]


def test_a_class_name_of_ten_megabytes_is_refused(path: Path) -> None:
    description = targeted(names=["cat", "dog", "o" * 10_000_000])
    path.write_bytes(tensorfile.seal(WEIGHTS, description))
    with pytest.raises(ModelError) as caught:
        load(path)
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert str(caught.value) == (
        f"{path}: not a striate model: its header has {header:,} bytes, more than 4,000,000; "
        "give a model.safetensors of a run"
    )


def test_a_file_replaced_while_it_is_read_gives_one_or_the_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(fresh(classes=3), path)
    check = model_file.check_network

    def late(*rest: Any) -> Any:
        save(fresh(classes=2), path)
        return check(*rest)

    monkeypatch.setattr(model_file, "check_network", late)
    assert load(path).class_names == ("cat", "dog", "owl")
    assert load(path).class_names == ("cat", "dog")


def test_a_failed_save_keeps_the_model_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(fresh(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError) as caught:
        save(fresh(classes=4), path)
    assert str(caught.value).startswith(f"{path}: the disk is full; 2")
    assert str(caught.value).endswith(" bytes are needed")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


PLACES = [
    (key,) for key in DESCRIPTION
] + [
    (outer, key) for outer in ("targets", "preprocess") for key in DESCRIPTION[outer]
] + [
    ("fractions", "test"), ("targets", "names", 1), ("preprocess", "mean", 0), ("facts", "seed"),
]  # fmt: skip
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**400, 10**401)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["lenet5", "resnet20", "crop", "../x", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=120)
@given(where=st.sampled_from(PLACES), junk=JUNK, drop=st.booleans())
def test_any_change_of_a_description_is_a_model_or_refused(
    where: tuple[Any, ...], junk: Any, drop: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated"
    description = copy.deepcopy(DESCRIPTION)
    inner = description
    for step in where[:-1]:
        inner = inner[step]
    if drop:
        del inner[where[-1]]
    else:
        inner[where[-1]] = junk
    path.write_bytes(tensorfile.seal(WEIGHTS, description))
    try:
        model = load(path)
    except ModelError as error:
        message = str(error)
    else:
        message = "none"
        assert model.outputs(torch.zeros(1, 32, 32, 1, dtype=torch.uint8)).isfinite().all()
    assert message.isprintable()
    assert len(message) < 600
