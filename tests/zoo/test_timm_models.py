"""timm's networks under our interface: built, frozen, trained, kept and read like any other."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import striate
from striate import zoo
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import ModelError, OptionError
from striate.layers import meta_init
from striate.model import Model
from striate.model_file import load, save
from striate.summary import summarize
from striate.tasks import bind_task
from striate.zoo.pretrained import expected_input
from striate.zoo.pretrained.timm_models import head_naming
from striate.zoo.spec import NetworkSpec
from tests.conftest import striped
from tests.zoo import peers


@pytest.fixture(autouse=True)
def _timm() -> Iterator[None]:
    peers.timm()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_network_of_timm_has_a_card() -> None:
    card = zoo.card("timm:resnet18")
    assert (card.name, card.paper, card.year) == ("timm:resnet18", "Wightman", 2019)
    assert (card.input, card.classes, card.params) == ((3, 224, 224), 1000, 11_689_512)
    assert card.any_size
    assert card.output == "logits"
    assert not zoo.card("timm:test_vit").any_size


#: the child that holds the classifier is called fc, classifier, head, heads and last_linear there
@pytest.mark.parametrize(
    "name",
    [
        *("test_resnet", "mobilenetv2_035", "test_vit", "test_convnext", "efficientvim_m1"),
        *("dpn48b", "levit_128s"),
    ],
)
def test_it_takes_any_channels_and_classes_and_ends_with_a_head(name: str) -> None:
    network = zoo.build(f"timm:{name}", channels=1, classes=5).eval()
    _, height, width = zoo.card(f"timm:{name}").input
    assert network(torch.zeros(2, 1, height, width)).shape == (2, 5)
    theirs = [child for child, _ in peers.timm().create_model(name).named_children()]
    mine = [child for child, _ in network.named_children()]
    assert mine[-1] == "head"
    assert len(mine) == len(theirs)
    assert len(set(mine) - set(theirs)) <= 1


@pytest.mark.parametrize(
    "name", ["test_resnet", "mobilenetv2_035", "test_vit", "test_vit_relpos", "hrnet_w18_small"]
)
def test_weights_of_timm_give_the_logits_of_timm(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timm = peers.timm()
    network = peers.shaken(timm.create_model(name))
    create = timm.create_model

    def downloaded(asked: str, *, pretrained: bool = False, **sizes: int) -> nn.Module:
        return network if pretrained and asked == name else create(asked, **sizes)

    monkeypatch.setattr(timm, "create_model", downloaded)
    monkeypatch.setattr(timm.models, "is_model_pretrained", lambda _name: True)
    x = torch.randn(2, *zoo.card(f"timm:{name}").input)
    peers.assert_same_function(zoo.build(f"timm:{name}", weights="timm"), network, x)
    gray = x[:, :1]
    with torch.inference_mode():
        expected = network(gray.expand_as(x))
        logits = zoo.build(f"timm:{name}", weights="timm", channels=1).eval()(gray)
    assert float((logits - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    fresh = zoo.build(f"timm:{name}", weights="timm", classes=4).state_dict()
    assert [len(fresh[key]) for key in ("head.weight", "head.bias")] == [4, 4]


def test_files_with_names_of_timm_and_with_ours_both_load(tmp_path: Path) -> None:
    network = peers.shaken(peers.timm().create_model("test_resnet"))
    x = torch.randn(2, 3, 64, 64)
    state = network.state_dict()
    assert "fc.weight" in state
    for number in (1, 2):
        path = tmp_path / str(number)
        torch.save(state, path)
        built = zoo.build("timm:test_resnet", weights=path)
        peers.assert_same_function(built, network, x)
        state = built.state_dict()
    assert "head.weight" in state


#: what is called head there is a part in the middle, or a word
@pytest.mark.parametrize("name", ["selecsls42b", "hrnet_w18_small"])
def test_a_network_with_a_head_of_its_own_gets_one_behind_it(name: str) -> None:
    network = zoo.build(f"timm:{name}", classes=5)
    assert [child for child, _ in network.named_children()] == ["body", "head"]
    head = network.get_submodule("head")
    assert isinstance(head, nn.Linear)
    theirs = peers.shaken(peers.timm().create_model(name, num_classes=5))
    rules = head_naming(f"timm:{name}").names(network)
    state = theirs.state_dict()
    network.load_state_dict({mine: state[name] for mine, name in rules.items()}, strict=False)
    peers.assert_same_function(network, theirs, torch.randn(2, 3, 64, 64))
    network.train()(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


#: the published ones: https://distill.pub/2019/computing-receptive-fields
@pytest.mark.parametrize(
    ("name", "field"),
    [("resnet50", 427), ("densenet121", 2071), ("inception_v3", 1311), ("mobilenetv1_100", 315)],
)
def test_its_field_is_told_before_global_pooling(name: str, field: int) -> None:
    assert striate.describe(f"timm:{name}").receptive_field == field


def least_of_each_module() -> list[str]:
    """The name of the least network with a classifier on each page of timm."""
    peers.torchvision()
    timm = pytest.importorskip("timm")
    pages = (timm.list_models(module=page) for page in timm.list_modules())
    rows = [[name for name in page if not name.endswith("_enc")] for page in pages]
    size = re.compile("tiny|small|nano|atto|pico|femto|xxs|xs|_s|18|0$")
    return [next(filter(size.search, names), names[0]) for names in rows if names]


class _Nowhere:
    """Instead of the modules that torch's counter follows: it loses some networks among them."""

    parents = ("Global",)

    def __enter__(self) -> None:
        """Nothing is followed."""

    def __exit__(self, *_: object) -> None:
        """Nothing was followed."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_network_of_each_page_of_timm_is_built_described_and_learns() -> None:
    for name in least_of_each_module():
        card = zoo.card(f"timm:{name}")
        with meta_init():
            network = zoo.build(f"timm:{name}", classes=3)
        assert [child for child, _ in network.named_children()][-1] == "head", name
        summary = summarize(network, card.input, name)
        counter = FlopCounterMode(display=False)
        counter.mod_tracker = _Nowhere()
        with counter, torch.no_grad():
            network.to("meta").eval()(torch.empty(1, *card.input, device="meta"))
        assert summary.macs == counter.get_total_flops() / 2, name
        assert (summary.uncounted, summary.unused) == ((), ()), name
        logits = network.train()(torch.empty(2, *card.input, device="meta"))
        assert logits.shape == (2, 3), name
        logits.sum().backward()


def test_multiply_adds_of_weights_by_weights_are_counted() -> None:
    """Its positions are made by a network of their own, of weights alone."""
    summary = striate.describe("timm:maxvit_tiny_tf_224")
    assert summary.macs == 5_551_836_656
    assert summary.unused == ()
    assert sum(layer.params for layer in summary.layers) == summary.params


def test_a_head_put_in_its_place_is_the_one_that_answers() -> None:
    network = zoo.build("timm:test_resnet").eval()
    other = copy.deepcopy(network)
    other.head = nn.Linear(network.head.in_features, 3)
    x = torch.randn(2, 3, 32, 32)
    assert other(x).shape == (2, 3)
    assert network(x).shape == (2, 1000)
    assert other.get_classifier() is other.head


def test_what_is_not_the_head_can_be_frozen_by_name() -> None:
    network = zoo.build("timm:test_resnet", classes=3)
    for name, child in network.named_children():
        child.requires_grad_(name == "head")
    network(torch.randn(2, 3, 32, 32)).square().sum().backward()
    learns = {name for name, weight in network.named_parameters() if weight.grad is not None}
    assert learns == {"head.weight", "head.bias"}


def test_it_can_be_exported() -> None:
    network = zoo.build("timm:test_resnet", classes=3).eval()
    x = torch.randn(2, 3, 32, 32)
    program = torch.export.export(network, (x,))
    assert program.module()(x).allclose(network(x), atol=1e-5)


def kept(name: str, path: Path) -> tuple[Model, Tensor]:
    size = zoo.card(name).input[1]
    view = Preprocess(size, 1, "crop", (0.4,), (0.2,))
    torch.manual_seed(6)
    network = peers.shaken(zoo.build(name, channels=1, classes=2))
    task = bind_task(None, TargetSpec("label", ("cat", "dog")))
    model = Model(network, NetworkSpec.of(name), task, view, SplitFractions(0.1, 0.1))
    save(model, path)
    return model, torch.randint(256, (2, size, size, 1), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit_relpos"])
def test_a_model_file_holds_it(name: str, tmp_path: Path) -> None:
    """A table that a network computes while it is built, as the second does, is not in the file."""
    model, pixels = kept(f"timm:{name}", tmp_path / "model.safetensors")
    read = load(tmp_path / "model.safetensors")
    assert read.outputs(pixels).allclose(model.outputs(pixels), atol=1e-6)
    assert not any(tensor.is_meta for tensor in (*read.network.buffers(),))


def test_a_model_file_of_it_needs_timm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    kept("timm:test_resnet", path)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: model refused: timm:test_resnet needs timm, which is not installed: "
        "pip install 'striate[timm]'"
    )


def test_it_is_trained_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, kind in (("cat", "flat"), ("dog", "slanted")):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for seed in range(12):
            striped(kind, seed).save(folder / f"{seed}.png")
    run = striate.train(
        "photos", network="timm:test_resnet", epochs=2, threads=1, size=32, progress=False
    )
    assert run.folder == Path("runs/photos-timm-test_resnet")
    model = striate.load(run.model_file)
    assert model.network_name == "timm:test_resnet"
    (prediction,) = striate.predict(model, "photos/cat/1.png")
    assert prediction.error == ""


def test_describe_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "timm:test_resnet", "--size", "64", "--classes", "5"]) == 0
    assert capsys.readouterr().out.startswith("timm:test_resnet: ")


def test_timm_is_asked_for_by_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "timm:resnet18 needs timm, which is not installed: pip install 'striate[timm]'"
    monkeypatch.setitem(sys.modules, "timm", None)
    for ask in (zoo.card, zoo.build):
        with pytest.raises(OptionError) as caught:
            ask("timm:resnet18")
        assert str(caught.value) == message
    assert main(["describe", "timm:resnet18"]) == 2
    assert capsys.readouterr().err == f"striate: error: {message}\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:test_resnett", "timm has no network called 'test_resnett'; did you mean "
         "'timm:test_resnet' or 'timm:test_nfnet' or 'timm:seresnet50t'?"),
        ("timm:\n~~~~", "timm has no network called '\\n~~~~'"),
        ("timm:", "timm has no network called ''"),
        ("timm:vgg11.best", "timm has no weights called 'vgg11.best'; did you mean "
         "'timm:vgg11.tv_in1k'?"),
        ("timm:qwen3_vit_88m_enc", "timm:qwen3_vit_88m_enc has no classifier: timm made it to "
         "encode; choose another network"),
    ],
)  # fmt: skip
def test_a_name_that_timm_lacks_is_corrected(name: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build(name)
    assert str(caught.value) == message


def test_sizes_that_timm_cannot_build_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.card("timm:test_resnet")

    def fail(*_: object, **__: object) -> None:
        raise TypeError("no such\nthing")

    monkeypatch.setattr(peers.timm(), "create_model", fail)
    with pytest.raises(OptionError) as caught:
        zoo.build("timm:test_resnet", channels=7)
    assert str(caught.value) == (
        "timm cannot build timm:test_resnet for 7 channels and 1,000 classes: no such"
    )


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("timm:test_resnet", "torchvision",
         "there are no weights for timm:test_resnet from torchvision, but from timm"),
        ("timm:resnet26t", "timm", "timm publishes no weights for resnet26t"),
    ],
)  # fmt: skip
def test_weights_that_nobody_has_are_told(
    name: str, weights: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers.timm().models, "is_model_pretrained", lambda _name: False)
    with pytest.raises(OptionError) as caught:
        zoo.build(name, weights=weights)
    assert str(caught.value) == message


def test_its_weights_expect_what_timm_says() -> None:
    told = expected_input("timm:vit_tiny_patch16_224", "timm")
    assert (told.mean, told.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert (told.size, told.interpolation) == (224, "bicubic")
