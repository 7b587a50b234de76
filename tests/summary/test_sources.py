"""Networks by what they are called: names of the zoo, and classes in files of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.summary import comparison

IMAGE = torch.zeros(1, 3, 3, 3)
OWN = """
import helper
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(3, helper.WIDTH, 5)
        self.dense = nn.Linear(helper.WIDTH, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return self.dense(x.mean((2, 3)))

class Needy(nn.Module):
    def __init__(self, width):
        super().__init__()

class Looking(Net):
    def forward(self, x):
        return x if x.sum() > 0 else self.conv(x)

def made():
    return Net(classes=2)

number = 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mynet.py").write_text(OWN)
    (tmp_path / "helper.py").write_text("WIDTH = 8\n")
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("own")
def test_a_class_in_a_file_is_described_with_the_lines_of_its_forward(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["describe", "mynet.py:Net", "--size", "32", "--classes", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["params"] == 8 * 76 + 7 * 9
    assert told["uncounted"] == []
    assert [(layer["name"], layer["kind"], layer["output"]) for layer in told["layers"]] == [
        ("conv", "Conv2d", [8, 28, 28]),
        ("forward", "relu", [8, 28, 28]),
        ("forward", "max_pool2d", [8, 14, 14]),
        ("forward", "mean", [8]),
        ("dense", "Linear", [7]),
    ]
    assert told["layers"][2]["receptive_field"] == [6, 6]


def test_a_function_and_a_module_are_taken_as_well(own: Path) -> None:
    assert striate.describe(f"{own}/mynet.py:made", size=16).layers[-1].output == (2,)
    network = nn.Sequential(nn.Conv1d(2, 3, 4), nn.ReLU())
    summary = striate.describe(network, (2, 10))
    assert summary.network == "Sequential"
    assert summary.layers[0].output == (3, 7)
    assert network.training
    assert not network[0].weight.is_meta


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mynet.py:Nett", "no network in mynet.py is called 'Nett'; did you mean 'Net'?"),
        ("nonet.py:Net", "nonet.py: no such file"),
        ("empty.py:Net", "empty.py: defines no module of torch"),
        (
            "broken.py:Net",
            "broken.py: cannot be run: ModuleNotFoundError: No module named 'nothing_of_this_name' "
            "(broken.py, line 1)",
        ),
        (
            "mynet.py:Needy",
            "mynet.py:Needy: cannot be made: TypeError: Needy.__init__() missing 1 required "
            "positional argument: 'width'; name a function without arguments that returns it",
        ),
        (
            "mynet.py:number",
            "mynet.py:number: expected a module, a class or a function, but it is 3",
        ),
        (
            "mynet.py:Looking",
            "mynet.py:Looking cannot take an image of 3x224x224: its forward asks for values, as "
            "`if x.sum() > 0` does, but only shapes are known",
        ),
    ],
)
def test_what_cannot_be_described_is_one_sentence(
    source: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["describe", source]) == 2
    assert capsys.readouterr().err == f"striate: error: {message}\n"


def test_a_module_needs_the_shape_of_its_image() -> None:
    with pytest.raises(OptionError) as caught:
        striate.describe(nn.Flatten())
    assert str(caught.value) == (
        "describe needs the shape of an image, as in describe(net, (3, 64, 64))"
    )


def test_networks_are_set_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_SECONDS", 0.05)
    assert main(["describe", "lenet5", "resnet20", "--json"]) == 0
    lenet, resnet = json.loads(capsys.readouterr().out)
    assert (lenet["params"], lenet["macs"], lenet["receptive_field"]) == (61_706, 416_520, 32)
    assert (resnet["params"], resnet["macs"], resnet["receptive_field"]) == (
        269_722,
        40_551_040,
        81,
    )
    for told in (lenet, resnet):
        assert told["speed"]["seconds"] > 0
        assert told["speed"]["images_per_second"] > 0
    assert main(["describe", "lenet5", "resnet20", "--folded"]) == 2
    assert capsys.readouterr().err == (
        "striate: error: --folded, --batch, --out and --network are for one network, but several "
        "came\n"
    )


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2)).eval()


def in_place(network: nn.Module) -> nn.Module:
    network.compile()
    return network


@pytest.mark.parametrize(
    "wrap",
    [
        torch.compile,
        in_place,
        nn.DataParallel,
        lambda network: nn.DataParallel(torch.compile(network)),
        lambda network: nn.Sequential(torch.compile(network[0]), *network[1:]),
        lambda network: network.bfloat16(),
        lambda network: network.double(),
        torch.fx.symbolic_trace,
    ],
    ids=["compiled", "in place", "parallel", "both", "part", "short", "long", "fx"],
)
@pytest.mark.filterwarnings("ignore")  # what torch.compile imports speaks of its past
def test_what_compiles_or_spreads_a_network_leaves_its_description(
    wrap: Callable[[nn.Module], nn.Module],
) -> None:
    plain, wrapped = (striate.describe(each, (3, 3, 3)) for each in (small(), wrap(small())))
    assert [layer.kind for layer in wrapped.layers][-2:] == ["Flatten", "Linear"]
    assert (wrapped.params, wrapped.macs, wrapped.unused) == (plain.params, plain.macs, ())


def test_a_weight_that_is_computed_is_described() -> None:
    network = small()
    torch.nn.utils.parametrizations.weight_norm(network[0])
    summary = striate.describe(network, (3, 3, 3))
    assert summary.macs == 4 * 27 + 8
    assert summary.params == sum(layer.params for layer in summary.layers) == 4 * 28 + 4 + 10


PROGRAM = "a program that torch made of a module shows no layers; give the module"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.jit.script(small()), f"RecursiveScriptModule: {PROGRAM}"),
        (lambda: torch.jit.trace(small(), IMAGE), f"TopLevelTracedModule: {PROGRAM}"),
        (lambda: torch.jit.freeze(torch.jit.script(small())), f"RecursiveScriptModule: {PROGRAM}"),
        (lambda: nn.Sequential(nn.ReLU(), torch.jit.script(nn.Conv2d(3, 4, 3))),
         f"Sequential, layer 1: {PROGRAM}"),
        (lambda: torch.export.export(small(), (IMAGE,)).module(), f"GraphModule: {PROGRAM}"),
        (lambda: torch.export.export(small(), (IMAGE,)),
         "expected a module of torch, but ExportedProgram came; give the module it was made from"),
        (lambda: nn.Sequential(nn.ReLU(), nn.LazyConv2d(4, 3)),
         "Sequential, layer 1: its weights have no shapes before its first image; run it on one"),
        (lambda: nn.ReLU, "expected a module of torch, but type came"),
        (lambda: 3, "expected a module of torch, but int came"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_what_shows_no_layers_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        striate.describe(make(), (3, 3, 3))
    assert str(caught.value) == message
