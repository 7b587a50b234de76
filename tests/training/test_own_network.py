"""A network of one's own, in a file or given in Python, goes the whole way."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate
from striate import tensorfile
from striate.cli import main
from striate.data.order import BatchShard
from striate.distributed.group import Group
from striate.distributed.launch import ProcessInfo
from striate.errors import DivergedError, ModelError, OptionError
from striate.optim.ema import EMA
from striate.options import TrainOptions
from striate.training import step
from striate.training.events import Started, Stopped
from striate.training.run import Run
from striate.zoo.spec import NetworkSpec
from tests.cpu import AMX

CODE = '''
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

import beside
from .beside import WIDTH

assert beside.WIDTH == WIDTH

@dataclass
class Shape:
    width: int = WIDTH


class Net(nn.Module):
    """Batch norms, dropout, and a view that wants channels first."""

    def __init__(self, in_channels, num_classes, width=Shape().width, act="relu"):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = {"relu": nn.ReLU(), "gelu": nn.GELU()}[act]
        self.dropout = nn.Dropout(0.2)
        self.last = nn.Linear(width * 16, num_classes)

    def forward(self, x):
        x = nn.functional.avg_pool2d(self.act(self.norm(self.conv(x))), 8)
        return self.last(self.dropout(x.view(len(x), -1)))


lazy = nn.Sequential(nn.LazyConv2d(4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
drawn = nn.Sequential(nn.Flatten(), nn.Linear(1024, 3))
'''
QUICK: dict[str, Any] = {"batch": 16, "threads": 1, "seed": 3, "progress": False}


class Pooled(nn.Module):
    def __init__(self, classes: int = 3, channels: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 5, stride=2)
        self.head = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv(x)).mean((2, 3)))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mynet.py").write_text(CODE)
    (tmp_path / "beside.py").write_text("WIDTH = 4\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs, and its file beside it."""
    place = tmp_path_factory.mktemp("own")
    (place / "mynet.py").write_text(CODE)
    (place / "beside.py").write_text("WIDTH = 4\n")
    network = f"{place}/mynet.py:Net(width=5)"
    striate.train(photos, network=network, epochs=2, out=place / "run", **QUICK)
    return place


def weights(run: Path | Run) -> dict[str, Tensor]:
    folder = run.folder if isinstance(run, Run) else run
    return tensorfile.read(folder / "checkpoints" / "last.safetensors")[1]


def test_a_file_is_named_with_its_hash_where_the_run_and_the_model_are_described(trained: Path):
    digest = hashlib.sha256((trained / "mynet.py").read_bytes()).hexdigest()
    options = json.loads((trained / "run" / "options.json").read_text())
    description, _ = tensorfile.read(trained / "run" / "model.safetensors")
    for told in (options, description):
        assert (told["network"], told["network_sha256"]) == ("mynet.py:Net(width=5)", digest)
    assert "mynet.py:Net(width=5), 303 parameters" in (
        (trained / "run" / "report.html").read_text().replace("&nbsp;", " ")
    )


def test_a_file_is_given_again_to_use_its_model(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    run, code = str(trained / "run"), f"{trained}/mynet.py:Net"
    assert main(["evaluate", run, str(photos), "--network", code, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"]["n"] > 0
    assert main(["predict", run, str(photos / "flat"), "--network", code, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 40
    assert main(["describe", run, "--network", code, "--batch", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 303
    assert main(["verify", run, "--network", code]) == 0
    assert "the same to the last bit" in capsys.readouterr().out
    model = striate.load(run, network=code)
    assert model.network_name == "mynet.py:Net(width=5)"
    assert model.network.conv.out_channels == 5
    assert striate.predict(model, photos / "flat" / "00.png")[0].error == ""


def test_a_model_never_runs_the_file_that_it_names(
    photos: Path, place: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copy("mynet.py", "effect.py")
    with Path("effect.py").open("a") as file:
        file.write("\nwith open('ran', 'a') as file: file.write('x')\n")
    run = striate.train(photos, network="effect.py:Net", epochs=1, out="run", **QUICK)
    assert Path("ran").read_text() == "x"
    digest = hashlib.sha256((place / "effect.py").read_bytes()).hexdigest()
    asked = (
        f"the network is effect.py:Net, which is not striate's, and no code is run unasked; "
        f"give the file (SHA-256 {digest}), as in --network effect.py:Net"
    )
    for command, where in (
        (["predict", "run", str(photos / "flat")], run.model_file),
        (["evaluate", "run", str(photos)], run.model_file),
        (["describe", "run"], run.model_file),
        (["train", "--resume", "run"], "run"),
        (["verify", "run"], "run"),
    ):
        assert main(command) == 2
        assert capsys.readouterr().err == f"striate: error: {where}: {asked}\n"
    assert Path("ran").read_text() == "x"


def test_a_description_without_a_hash_runs_nothing_either(photos: Path, place: Path):
    run = striate.train(photos, network=Pooled, epochs=1, out="run", **QUICK)
    description, tensors = tensorfile.read(run.model_file)
    Path("evil.py").write_text("open('ran', 'w').close()\n")
    tensorfile.write(run.model_file, tensors, {**description, "network": "evil.py:Net"})
    for given in (None, "evil.py:Net"):
        with pytest.raises(OptionError):
            striate.load(run.folder, network=given)
    assert not (place / "ran").exists()


def test_another_file_is_refused_before_it_runs(
    trained: Path, place: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    Path("mynet.py").write_text("open('ran', 'w').close()\n" + CODE)
    then, now = (
        hashlib.sha256((folder / "mynet.py").read_bytes()).hexdigest()
        for folder in (trained, place)
    )
    model = trained / "run" / "model.safetensors"
    for command, where in (
        (["predict", str(trained / "run"), str(photos / "flat")], model),
        (["verify", str(trained / "run")], trained / "run"),
        (["train", "--resume", str(trained / "run")], trained / "run"),
    ):
        assert main([*command, "--network", "mynet.py:Net"]) == 2
        assert capsys.readouterr().err == (
            f"striate: error: {where}: mynet.py is not the file that the network was trained "
            f"with: its SHA-256 is {now}, not {then}\n"
        )
    assert not (place / "ran").exists()


def test_a_name_of_the_zoo_is_no_code(trained: Path):
    with pytest.raises(OptionError, match="give the file"):
        striate.load(trained / "run", network="resnet20")


@pytest.mark.parametrize("name", ["Other", "Net(width=6)"])
def test_another_network_of_the_file_is_refused(trained: Path, name: str):
    with pytest.raises(OptionError) as caught:
        striate.load(trained / "run", network=f"{trained}/mynet.py:{name}")
    assert str(caught.value) == (
        f"{trained}/run/model.safetensors: the network is mynet.py:Net(width=5), but "
        f"mynet.py:{name} came"
    )


def test_code_for_a_network_of_striate_is_refused(photos: Path, place: Path):
    run = striate.train(photos, network="mlp(widths=(8,))", epochs=1, out="run", **QUICK)
    with pytest.raises(OptionError) as caught:
        striate.load(run.folder, network=Pooled)
    assert str(caught.value) == (
        "run/model.safetensors: the network is mlp(widths=(8,)) itself; leave network out"
    )
    with pytest.raises(OptionError) as caught:
        striate.train(resume=run.folder, network=Pooled, progress=False)
    assert str(caught.value) == (
        "a resumed run keeps its options, but epochs, minutes and patience may be raised; "
        "leave out network, or train anew"
    )
    with pytest.raises(OptionError) as caught:
        striate.predict(striate.load(run.folder), "x.png", network=Pooled)
    assert str(caught.value) == "a model that is loaded has its network; leave network out"


def stopped(events: Iterator[Any], step: int) -> Run:
    """Ctrl-C after so many steps; the run."""
    import signal

    folder = None
    for event in events:
        if isinstance(event, Started):
            folder = event.folder
        if type(event).__name__ == "Step":
            step -= 1
            if step == 0:
                os.kill(os.getpid(), signal.SIGINT)
        if isinstance(event, Stopped):
            return Run(event.folder)
    raise AssertionError(folder)


@pytest.mark.parametrize("of", ["file", "class", "instance"])
def test_a_stopped_run_goes_on_bit_for_bit(of: str, photos: Path, place: Path):
    torch.manual_seed(5)
    network = {"file": "mynet.py:Net", "class": Pooled, "instance": Pooled()}[of]
    options = {"network": network, "epochs": 3, "batch": 16, "threads": 1}
    whole = striate.train(photos, out="whole", progress=False, **options)
    run = stopped(striate.stream(photos, out="run", **options), 4)
    with pytest.raises(OptionError):
        striate.train(resume=run.folder, progress=False)
    striate.train(resume=run.folder, network=network, progress=False)
    assert [epoch.weights for epoch in run.epochs()] == [e.weights for e in whole.epochs()]
    assert tensorfile.digest(weights(run)) == tensorfile.digest(weights(whole))
    assert striate.verify(run.folder, network=network).same


def test_a_module_begins_with_its_own_weights_and_stays_as_it_is(photos: Path, place: Path):
    module = Pooled().eval()
    module.conv.requires_grad_(False)
    before = copy.deepcopy(module.state_dict())
    run = striate.train(photos, network=module, epochs=1, out="run", **QUICK)
    assert not module.training
    for name, tensor in module.state_dict().items():
        assert tensor.equal(before[name])
    learned = striate.load(run.folder, network=Pooled).network
    assert learned.conv.weight.equal(before["conv.weight"])  # frozen by its owner
    assert not learned.head.weight.equal(before["head.weight"])


def test_what_was_given_in_python_is_asked_for_again(photos: Path, place: Path):
    run = striate.train(photos, network=Pooled, epochs=1, out="run", **QUICK)
    description, _ = tensorfile.read(run.model_file)
    assert description["network"] == "object:Pooled"
    with pytest.raises(OptionError) as caught:
        striate.load(run.folder)
    assert str(caught.value) == (
        "run/model.safetensors: the network is Pooled, a module that was given in Python; give it "
        "again, as in network=Pooled(...), or a file, as in --network mynet.py:Pooled"
    )
    with pytest.raises(ModelError) as refused:
        striate.load(run.folder, network=nn.Sequential(nn.Flatten(), nn.Linear(1024, 3)))
    assert str(refused.value) == (
        "run/model.safetensors: model refused: Sequential has float32 3 at 1.bias, the file nothing"
    )
    by_class, by_module = (
        striate.evaluate(run.folder, photos, network=given).to_json()
        for given in (Pooled, Pooled())
    )
    assert (by_class.pop("test_opened"), by_module.pop("test_opened")) == (2, 3)
    assert by_class == by_module
    Path("later.py").write_text(f"from {__name__} import Pooled as Net\n")
    assert main(["predict", "run", str(photos / "flat"), "--network", "later.py:Net"]) == 0


def test_a_function_and_a_lazy_module_are_taken_as_well(photos: Path, place: Path):
    def made(classes: int, size: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(size * size, classes))

    run = striate.train(photos, network=made, size=12, epochs=1, out="run", **QUICK)
    assert striate.load(run.folder, network=made).network[1].in_features == 144
    for network in ("mynet.py:lazy", "mynet.py:drawn"):  # whose weights are drawn as it is read
        run = striate.train(photos, network=network, epochs=1, out="run", **QUICK)
        torch.manual_seed(99)
        assert striate.verify(run.folder, network=network).same


def test_shared_weights_stay_shared(photos: Path, place: Path):
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.head = nn.Linear(1024, 1024), nn.Linear(1024, 3)
            self.other = nn.Linear(1024, 1024)
            self.other.weight = self.one.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.other(self.one(x.flatten(1)).relu()).relu())

    run = striate.train(photos, network=Tied, epochs=1, ema=0.9, out="run", **QUICK)
    tensors = weights(run)
    kept = {name: tensors[f"ema.{name}.weight"] for name in ("one", "other")}
    assert kept["one"].equal(kept["other"])
    back = striate.load(run.folder, network=Tied).network
    assert back.one.weight is back.other.weight
    assert striate.verify(run.folder, network=Tied).same


def test_find_rate_and_describe_take_it(photos: Path, place: Path):
    test = striate.find_rate(photos, network="mynet.py:Net(act='gelu')", steps=10, threads=1)
    assert test.network == "mynet.py:Net(act='gelu')"
    assert striate.find_rate(photos, network=Pooled, steps=10, threads=1).network == "Pooled"
    anatomy = striate.describe("mynet.py:Net(width=7)", size=32, classes=3)
    assert [layer.output for layer in anatomy.layers if layer.name == "conv"] == [(7, 32, 32)]


def test_a_forward_that_asks_for_values_is_trained(photos: Path, place: Path):
    class Asking(Pooled):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x if x.sum() > 0 else -x)

    run = striate.train(photos, network=Asking, epochs=1, autotune="yes", out="run", **QUICK)
    assert run.finished


def test_files_beside_a_network_are_those_of_its_own_folder(photos: Path, place: Path):
    for number in (4, 6):
        folder = place / str(number)
        folder.mkdir()
        (folder / "mynet.py").write_text(CODE)
        (folder / "beside.py").write_text(f"WIDTH = {number}\n")
        anatomy = striate.describe(f"{folder}/mynet.py:Net", size=32)
        assert anatomy.layers[0].output == (number, 32, 32)
    assert str(place) not in sys.path


BAD = """
import torch
from torch import nn

class Base(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.head = nn.Linear(1024, classes)
    def forward(self, x):
        return self.given(self.head(x.flatten(1)))
class Tuple(Base):
    def given(self, x): return x, x
class Dict(Base):
    def given(self, x): return {"logits": x}
class Heads(Base):
    def given(self, x): return (x, x) if self.training else x
class Squeezed(Base):
    def given(self, x): return x.squeeze()
class Nan(Base):
    def given(self, x): return x / 0 * 0
class Whole(Base):
    def given(self, x): return x.argmax(1, keepdim=True).expand(-1, 3)
class Cut(Base):
    def given(self, x): return x.detach()
class Wide(Base):
    def __init__(self): super().__init__(10)
    def given(self, x): return x
class Two(Base):
    def forward(self, x, mask): return self.head(x.flatten(1))
class Large(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = nn.Linear(64 * 64, classes)
    def forward(self, x): return self.head(x.flatten(1))
class Raising(Base):
    def __init__(self):
        super().__init__()
        {}["width"]
class Empty(nn.Module):
    def forward(self, x): return x.flatten(1)[:, :3]
class Odd(Base):
    def get_extra_state(self): return "words"
    def given(self, x): return x
module = Base()
number = 3
def nothing(): return None
"""
OUTPUTS = "expected a tensor of outputs, one for each of 3 classes"
SHAPE = "expected (1, 3), an output for each of 3 classes: let it take `classes`"
WRONG = {
    "bad.py": "bad.py: which network of the file? Name it, as in bad.py:Net",
    "none.py:Net": "none.py: no such file",
    "bad.py:Tupl": "no network in bad.py is called 'Tupl'; did you mean 'Tuple'?",
    "bad.py:number": "bad.py:number: expected a module, a class or a function, but it is 3",
    "bad.py:nothing": "bad.py:nothing: expected a module of torch, but NoneType came",
    "bad.py:module(a=3)": "bad.py:module(a=3): it is a module already, which takes no arguments",
    "bad.py:Tuple(3)": (
        "Tuple(3): expected arguments by name, as in Net(width=32, activation='relu')"
    ),
    "bad.py:Raising": "bad.py:Raising: cannot be made: KeyError: 'width' (bad.py, line 38)",
    "bad.py:Tuple": f"bad.py:Tuple gives a tuple in evaluation; {OUTPUTS}",
    "bad.py:Dict": f"bad.py:Dict gives a dict in evaluation; {OUTPUTS}",
    "bad.py:Heads": f"bad.py:Heads gives a tuple while training; {OUTPUTS}",
    "bad.py:Squeezed": (
        f"bad.py:Squeezed gives (3,) for 1 image of 1x32x32 in evaluation; {SHAPE}"
    ),
    "bad.py:Nan": (
        "bad.py:Nan gives outputs that are not finite for 1 image of 1x32x32 of noise in evaluation"
    ),
    "bad.py:Whole": "bad.py:Whole gives int64; expected outputs in float32",
    "bad.py:Cut": "bad.py:Cut gives outputs that do not depend on what can be trained of it",
    "bad.py:Wide": f"bad.py:Wide gives (1, 10) for 1 image of 1x32x32 in evaluation; {SHAPE}",
    "bad.py:Two": "bad.py:Two takes 2 inputs (x, mask); expected one, the images",
    "bad.py:Large": (
        "bad.py:Large does not take 1 image of 1x32x32: RuntimeError: mat1 and mat2 shapes "
        "cannot be multiplied (1x1024 and 4096x3) (bad.py, line 34)\n"
        "where it needs images of another size or color, give --size or --color"
    ),
    "bad.py:Empty": "bad.py:Empty has no parameters that can be trained",
    "bad.py:Odd": "bad.py:Odd keeps _extra_state, which is no tensor and cannot be saved",
    "syntax.py:Net": (
        "syntax.py: cannot be run: SyntaxError: '(' was never closed (syntax.py, line 3)"
    ),
    "raises.py:Net": (
        "raises.py: cannot be run: ZeroDivisionError: division by zero (deep.py, line 2)"
    ),
    "leaves.py:Net": "leaves.py: cannot be run: SystemExit: 0 (leaves.py, line 2)",
}


@pytest.mark.parametrize("network", WRONG)
def test_what_cannot_be_trained_is_told_in_a_sentence(
    network: str, photos: Path, place: Path, capsys: pytest.CaptureFixture[str]
):
    Path("bad.py").write_text(BAD)
    Path("syntax.py").write_text("import torch\n\nprint(\n")
    Path("raises.py").write_text("import deep\n")
    Path("deep.py").write_text("#\n1 / 0\n")
    Path("leaves.py").write_text("import sys\nsys.exit(0)\n")
    assert main(["train", str(photos), "--network", network]) == 2
    assert capsys.readouterr().err == f"striate: error: {WRONG[network]}\n"
    assert not Path("runs").exists()


def test_an_error_in_the_middle_of_a_training_is_told_with_its_place(photos: Path, place: Path):
    class Tired(Pooled):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 2:
                raise ValueError("too many")
            return super().forward(x)

    with pytest.raises(OptionError) as caught:
        striate.train(photos, network=Tired, epochs=1, out="run", **QUICK)
    assert str(caught.value).startswith("Tired fails: ValueError: too many (test_own_network.py, ")


def spectral() -> nn.Module:
    """Its layer holds a tensor that no copy can be made of once it has run."""
    network = Pooled()
    torch.nn.utils.spectral_norm(network.conv)
    return network


class Sliced(nn.Module):
    """Kernels of five dimensions, of which no layout but the plain one is known."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv3d(1, 2, 3, padding=1), nn.Linear(2, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x[:, None]).mean((2, 3, 4)))


class Halved(Pooled):
    """A pool of single images, and a buffer of truths."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.register_buffer("mask", torch.ones((), dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.stack([self.pool(each) for each in x]) * self.mask)


sliced = pytest.param(
    Sliced,
    marks=pytest.mark.skipif(
        AMX, reason="PyTorch computes Conv3d in bfloat16 wrongly on a CPU with AMX"
    ),
    id="Sliced",
)


@pytest.mark.parametrize("network", [spectral, sliced, Halved])
def test_unusual_modules_go_the_whole_way(network: Any, photos: Path, place: Path):
    asked = {"epochs": 1, "ema": 0.9, "autotune": "yes", "compile": "no", **QUICK}
    run = striate.train(photos, network=network, out="run", **asked)
    assert striate.verify(run.folder, network=network).same
    model = striate.load(run.folder, network=network)
    assert striate.predict(model, photos / "flat" / "00.png")[0].class_name


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_a_scripted_module_and_one_that_cannot_be_copied_are_refused(photos: Path, place: Path):
    scripted = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(1024, 3)))
    with pytest.raises(OptionError) as caught:
        striate.train(photos, network=lambda: scripted, **QUICK)
    assert str(caught.value) == (
        "<lambda>: it is a scripted module; give the one that it was made from"
    )

    class Single(Pooled):
        def __deepcopy__(self, memo: Any) -> Single:
            raise TypeError("there is but one")

    for network in (Single, Single()):
        with pytest.raises(OptionError) as caught:
            striate.train(photos, network=network, **QUICK)
        assert "cannot be copied: TypeError: there is but one (" in str(caught.value)


def test_a_run_that_began_with_other_weights_cannot_be_replayed(photos: Path, place: Path):
    first, second = Pooled(), Pooled()
    run = striate.train(photos, network=first, epochs=1, out="run", **QUICK)
    assert striate.verify(run.folder, network=first).same
    with pytest.raises(OptionError) as caught:
        striate.verify(run.folder, network=second)
    assert str(caught.value) == (
        "run: nothing to replay: the run began with other weights than those of the network that "
        "was given"
    )


def test_what_torchrun_starts_anew_is_given_the_file_again(
    photos: Path, place: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {
        "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "x", "MASTER_PORT": "1",
        "TORCHELASTIC_RUN_ID": "mine",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    options = {"network": "mynet.py:Net", "epochs": 2, "batch": 16, "threads": 1, "out": "run"}
    run = stopped(striate.stream(photos, **options), 2)
    assert striate.train(photos, progress=False, **options).folder == run.folder
    assert run.finished


def test_a_shared_weight_enters_the_average_once():
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    network[1].weight = network[0].weight
    nn.init.zeros_(network[0].weight)
    average = EMA(network, 0.9)
    nn.init.ones_(network[0].weight)
    average.update(network)
    expected = torch.full((2, 2), 1 - 2 / 11)  # of the first update
    torch.testing.assert_close(average.network[0].weight.detach(), expected)


class Mask(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x > 0


class Words(nn.Module):
    def forward(self, _x: Tensor) -> str:
        return "words"


class Bare(nn.Module):
    """No layer of it is a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1024, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight


class Masked(Bare):
    """A layer of it gives truths, and one no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.mask, self.words = Mask(), Words()

    def forward(self, x: Tensor) -> Tensor:
        assert self.words(x) == "words"
        return super().forward(x * self.mask(x))


@pytest.mark.parametrize("network", [Bare, Masked])
def test_a_cause_is_named_where_any_module_diverges(network: Any, photos: Path, place: Path):
    with pytest.raises(DivergedError) as caught:
        striate.train(photos, network=network, epochs=1, learning_rate=1e30, out="run", **QUICK)
    assert "likely cause: that rate" in str(caught.value)


def test_a_batch_for_the_memory_is_found_for_it(photos: Path, place: Path):
    run = striate.train(photos, network=Pooled, epochs=1, out="run", **{**QUICK, "batch": "auto"})
    assert run.read_json("options.json")["batch"] == 64


def test_the_learning_rate_is_lower_without_norms_in_a_deep_network(photos: Path, place: Path):
    def deep(norm: type[nn.Module]) -> nn.Module:
        blocks = [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), norm(4)) for _ in range(5)]
        return nn.Sequential(nn.Conv2d(1, 4, 8, 8), *blocks, nn.Flatten(), nn.Linear(64, 3))

    rates = []
    for network in (Pooled, lambda: deep(nn.BatchNorm2d), lambda: deep(nn.Identity)):
        run = striate.train(photos, network=network, epochs=1, out="run", **{**QUICK, "batch": 32})
        rates.append(run.read_json("options.json")["learning_rate"])
    assert rates == [0.05, 0.05, 0.005]


def test_what_is_no_network_is_refused(photos: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(photos, network=dict, **QUICK)
    assert str(caught.value) == "dict: expected a module of torch, but dict came"


def torchrun(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    quiet = {"TORCH_CPP_LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *map(str, words)],
        env={**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_two_processes_train_a_module_of_their_own_program(photos: Path, place: Path):
    Path("program.py").write_text(
        f"""
import os
import torch
import striate
from torch import Tensor, nn
from torch.nn import functional as F

{inspect.getsource(Pooled)}
torch.manual_seed(int(os.environ["RANK"]))  # the weights of the first process count
striate.train({str(photos)!r}, network=Pooled(), epochs=2, batch=80, threads=1, out="run",
              progress=False)
"""
    )
    done = torchrun("program.py")
    assert done.returncode == 0, done.stderr + done.stdout
    run = Run(Path("run"))
    assert run.read_json("options.json")["network"] == "object:Pooled"
    torch.manual_seed(0)
    alone = striate.train(photos, network=Pooled(), epochs=2, out="alone", **{
        **QUICK, "batch": 80, "seed": 0
    })  # fmt: skip
    for mine, its in zip(run.epochs(), alone.epochs(), strict=True):
        assert mine.train_loss == pytest.approx(its.train_loss, abs=2e-6)


@pytest.mark.parametrize(
    ("network", "norm", "least"),
    [(Pooled, "local", 6), (Pooled, "synchronized", 3), ("lenet5", "synchronized", 2)],
)
def test_no_process_has_an_empty_batch_for_it(network: Any, norm: str, least: int):
    """A forward may not take one: a view of no numbers is ambiguous."""
    training = SimpleNamespace(
        group=Group(ProcessInfo(1, 3)),
        recipe=SimpleNamespace(options=TrainOptions(batch_norm=norm)),
        model=SimpleNamespace(spec=NetworkSpec.of(network)),
    )
    assert step.Training.shard.fget(training) == BatchShard(1, 3, least)
