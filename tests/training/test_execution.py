"""However a step is computed, the same is learned; a trial finds the quickest way."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate
from striate import hardware, tensorfile, zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.data.loader import Batch
from striate.errors import OptionError
from striate.layers.fast_cpu import use_fast_cpu_layers
from striate.optim.optimizer import GradScaler
from striate.options import TrainOptions
from striate.progress import Progress
from striate.tasks import bind_task
from striate.tasks.classification import task as classification
from striate.tasks.task import Update
from striate.training import autotune, execution
from striate.training.autotune import TuneResult
from striate.training.execution import ExecutionConfig
from striate.training.forward_backward import ForwardBackward
from striate.training.recipe import complete_recipe
from striate.training.view import View
from striate.zoo.spec import NetworkSpec

PLAIN = ExecutionConfig("channels-last", "float32", compiled=False, micro_batches=1)
QUICK = {"epochs": 2, "batch": 16, "threads": 1, "seed": 3}
CPU = torch.device("cpu")
TASK = bind_task(None, TargetSpec("label", tuple("abcde")))


def batch(channels: int = 1, size: int = 32, images: int = 7) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.randn(images, channels, size, size), torch.arange(images) % 5)


def network(name: str = "lenet5", channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return zoo.build(name, channels=channels, classes=5)


def passed(
    net: nn.Module, shape: ExecutionConfig, given: Batch
) -> tuple[float, list[torch.Tensor]]:
    """The loss and all gradients."""
    net.train().to(memory_format=shape.memory_format)
    loss = partial(classification.loss, smoothing=0.1, weights=torch.arange(1.0, 6.0))
    loss, _ = ForwardBackward(Update(net, loss, TASK.count), shape).run(given)
    return float(loss.detach()), [param.grad.clone() for param in net.parameters()]


@pytest.mark.parametrize("layout", ["channels-last", "channels-first"])
@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998", "mlp"])
def test_quicker_layers_give_the_same_loss_and_gradients(name: str, layout):
    size = 32 if name == "lenet5" else zoo.card(name).input[1]
    shape, given = replace(PLAIN, memory_layout=layout), batch(size=size, images=3)
    quick = network(name)
    use_fast_cpu_layers(quick)
    (loss, gradients), (other, others) = (
        passed(net, shape, given) for net in (network(name), quick)
    )
    assert other == pytest.approx(loss, rel=1e-5)
    for one, two in zip(gradients, others, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 6, 5, padding=1),
        nn.Conv2d(4, 6, 5, groups=2),
        nn.Conv2d(4, 6, 3, dilation=2),
        nn.Conv2d(4, 6, 5, padding="same"),
        nn.Conv2d(4, 6, 5, padding=2, padding_mode="reflect"),
        nn.Conv2d(4, 6, 5, stride=3, bias=False),
    ],
)
def test_kernels_that_cover_an_image_give_what_they_gave(convolution: nn.Module):
    images = torch.randn(2, 4, 5, 5)
    expected = convolution(images)
    use_fast_cpu_layers(convolution)
    torch.testing.assert_close(convolution(images), expected, rtol=1e-4, atol=1e-5)


def test_quicker_layers_are_taken_where_they_apply():
    net = network()
    use_fast_cpu_layers(net)
    kinds = [type(module).__name__ for module in net.modules()]
    assert kinds.count("CoveringConv2d") == 3
    assert kinds.count("HalvingAvgPool2d") == 2
    assert net.state_dict().keys() == network().state_dict().keys()


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(3),
        nn.AvgPool2d(2, stride=1),
        nn.AvgPool2d(2, padding=1),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AvgPool2d((2, 1)),
        nn.AvgPool2d(2, ceil_mode=True),
    ],
)
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_other_pools_stay_as_they_are(pool: nn.Module, size: tuple[int, int]):
    images = torch.randn(2, 3, *size)
    expected = pool(images)
    use_fast_cpu_layers(pool)
    torch.testing.assert_close(pool(images), expected)


@pytest.mark.parametrize("layout", ["channels-last", "channels-first"])
@pytest.mark.parametrize("count", [2, 3, 7, 64])
def test_micro_batches_add_up_to_the_whole(count: int, layout):
    whole = passed(network(), replace(PLAIN, memory_layout=layout), batch())
    parts = passed(network(), replace(PLAIN, memory_layout=layout, micro_batches=count), batch())
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    for one, two in zip(whole[1], parts[1], strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_micro_batches_give_the_same_bits_each_time():
    first = passed(network(), replace(PLAIN, micro_batches=3), batch(images=32))
    for _ in range(5):
        again = passed(network(), replace(PLAIN, micro_batches=3), batch(images=32))
        assert again[0] == first[0]
        assert all(torch.equal(a, b) for a, b in zip(again[1], first[1], strict=True))


@pytest.mark.parametrize(
    "asked",
    [
        {"memory_format": "channels-first"},
        {"precision": "float16", "accumulate": 2},
        {"precision": "bfloat16"},
        {"micro_batches": 2},
    ],
)
def test_a_run_executed_in_any_way_resumes_bit_for_bit(photos: Path, tmp_path: Path, asked: Any):
    whole = striate.train(photos, out=tmp_path / "whole", progress=False, **asked, **QUICK)
    stopped = striate.stream(photos, out=tmp_path / "part", **asked, **QUICK)
    for event in stopped:
        if type(event).__name__ == "Epoch":
            break
    stopped.close()
    part = striate.train(resume=tmp_path / "part", progress=False)
    last = [tensorfile.read(run.checkpoints / "last.safetensors")[1] for run in (whole, part)]
    assert last[0].keys() == last[1].keys()
    assert all(torch.equal(last[0][name], last[1][name]) for name in last[0])
    assert ("optimizer.scale" in last[0]) == (asked.get("precision") == "float16")
    assert striate.verify(part.folder).same


def test_what_does_not_change_the_sums_learns_the_same(photos: Path, tmp_path: Path):
    runs = [
        striate.train(photos, out=tmp_path / str(number), progress=False, **asked, **QUICK)
        for number, asked in enumerate(
            ({}, {"memory_format": "channels-first"}, {"micro_batches": 2})
        )
    ]
    losses = [[epoch.train_loss for epoch in run.epochs()] for run in runs]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=1e-3)


def test_a_scaled_loss_gives_gradients_of_their_own_size_and_skips_what_overflows():
    scale = GradScaler(CPU)
    gradients = [torch.full((2,), 3.0) * scale.factor]
    assert scale.unscale_(gradients)
    assert gradients[0].tolist() == [3.0, 3.0]
    assert not scale.unscale_([torch.tensor([1.0, float("inf")])])
    assert scale.state()["scale"] == 2**15
    for _ in range(2000):
        assert scale.unscale_([torch.ones(1)])
    assert scale.state() == {"scale": torch.tensor(2.0**16), "finite_steps": torch.tensor(0.0)}


@pytest.mark.parametrize("name", ["resnet20", "alexnet"])
def test_networks_that_need_a_whole_batch_are_not_split(name: str):
    net = zoo.build(name, channels=3, classes=5)
    with pytest.raises(OptionError) as caught:
        execution.default_execution(TrainOptions(micro_batches=2), net, 1, CPU)
    assert str(caught.value) == (
        "--micro-batches 2 came, but batch norms need a whole batch and dropout draws for one; "
        "leave it out for this network"
    )
    assert execution.alternatives(PLAIN, TrainOptions(), net, 1, CPU)["micro_batches"] == []


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OptionError) as caught:
        execution.default_execution(TrainOptions(compile="yes"), network(), 1, CPU)
    assert str(caught.value) == ("compile needs a C++ compiler, but no c++ was found; leave it out")
    assert execution.alternatives(PLAIN, TrainOptions(), network(), 1, CPU)["compiled"] == []


def test_a_cpu_has_no_tf32():
    with pytest.raises(OptionError) as caught:
        execution.default_execution(TrainOptions(precision="tf32"), network(), 1, CPU)
    assert str(caught.value) == "precision tf32 is for GPUs; take float32 or bfloat16 on a CPU"


@pytest.mark.parametrize(
    ("tiles", "products", "fast"),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_bfloat16_is_fast_where_a_cpu_has_products_of_it(
    monkeypatch: pytest.MonkeyPatch, *, tiles: bool, products: bool, fast: bool
):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: products)
    assert hardware.has_fast_bfloat16(CPU) is fast


def test_what_was_asked_for_is_not_tried(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("striate.distributed.launch.usable_cores", lambda: 4)
    monkeypatch.setattr("striate.hardware.has_fast_bfloat16", lambda _device: True)
    monkeypatch.setattr("striate.hardware.can_compile", lambda _device: True)
    free = execution.alternatives(PLAIN, TrainOptions(), network(), 1, CPU)
    assert free == {
        "memory_layout": ["channels-first"], "precision": ["bfloat16"], "micro_batches": [4],
        "compiled": [True],
    }  # fmt: skip
    asked = TrainOptions(
        memory_format="channels-last", precision="float32", micro_batches=1, compile="no"
    )
    assert not any(execution.alternatives(PLAIN, asked, network(), 1, CPU).values())


@pytest.mark.parametrize(("count", "threads"), [(None, 4), (2, 2), (8, 1)])
def test_the_micro_batches_of_a_large_step_share_the_cores(
    count: int | None, threads: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("striate.distributed.launch.usable_cores", lambda: 4)
    options, view = (
        TrainOptions(batch=1024, micro_batches=count),
        View(NetworkSpec.of("lenet5"), Preprocess(32, 1, "stretch")),
    )
    recipe, _ = complete_recipe(options, view, 10_000, network(), CPU)
    assert recipe.threads == threads


class Paced:
    """Stands for a step: what each execution takes, in seconds that are only told."""

    pace: dict[ExecutionConfig, float]
    started: list[ExecutionConfig]

    def __init__(
        self, _network: object, _task: object, _batch: object, shape: ExecutionConfig
    ) -> None:
        self.shape = shape
        if self.pace.get(shape) is None:
            raise RuntimeError("torch cannot compile this network")
        self.started.append(shape)

    def seconds(self) -> float:
        return self.pace[self.shape]


def outcome(trying: Generator[Progress, None, TuneResult], told: list[Progress] | None = None):
    """What a trial finds; its progress is added to `told`."""
    while True:
        try:
            progress = next(trying)
        except StopIteration as end:
            return end.value
        if told is not None:
            told.append(progress)


def at_once(verdict: TuneResult) -> Generator[Progress, None, TuneResult]:
    yield Progress(0, 1, "executions")
    return verdict


def test_the_quickest_of_each_choice_is_kept(monkeypatch: pytest.MonkeyPatch):
    first, bf16 = (
        replace(PLAIN, memory_layout="channels-first"),
        replace(PLAIN, precision="bfloat16"),
    )
    both = replace(PLAIN, precision="bfloat16", micro_batches=2)
    Paced.pace, Paced.started = {PLAIN: 2.0, first: 1.95, bf16: 1.0, both: 0.5}, []
    monkeypatch.setattr(autotune, "_Runner", Paced)
    free = {
        "memory_layout": ["channels-first"], "precision": ["bfloat16"], "micro_batches": [2],
        "compiled": [True],
    }  # fmt: skip
    told = list[Progress]()
    found = outcome(autotune.pick_fastest(network(), TASK, batch(), PLAIN, free, steps=100), told)
    assert [(each.done, each.total) for each in told] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert (found.execution, found.speedup) == (both, pytest.approx(4.0))
    assert replace(both, compiled=True) not in Paced.started
    found = outcome(
        autotune.pick_fastest(network(), TASK, batch(), PLAIN, free, steps=100_000)
    )  # it fails
    assert (found.execution, found.speedup) == (both, pytest.approx(4.0))
    found = outcome(
        autotune.pick_fastest(network(), TASK, batch(), PLAIN, free, steps=100_000, most=60)
    )
    assert (found.execution, found.speedup) == (PLAIN, 1.0)


def test_a_trial_is_made_once_and_its_execution_is_the_run_s(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(autotune, "LEAST_STEPS", 10)
    shape, calls = replace(PLAIN, memory_layout="channels-first"), list[int]()

    def chosen(
        _network: object,
        _task: object,
        _batch: object,
        _usual: ExecutionConfig,
        _free: object,
        steps: int,
        _most: float,
    ):
        calls.append(steps)
        return at_once(TuneResult(shape, 1.25))

    monkeypatch.setattr(autotune, "pick_fastest", chosen)
    told = [
        next(
            e for e in striate.stream(photos, out=tmp_path / name, **asked) if hasattr(e, "speedup")
        )
        for name, asked in (
            ("a", {}),
            ("b", {}),
            ("c", {"autotune": "no"}),
            ("d", {"autotune": "yes"}),
        )
    ]
    assert calls == [600, 600]
    assert [(event.execution, event.speedup) for event in told] == [
        ("channels-first, float32", 1.25),
        ("channels-first, float32", 1.25),
        ("channels-last, float32", None),
        ("channels-first, float32", 1.25),
    ]
    options = json.loads((tmp_path / "b" / "options.json").read_text())
    assert (options["memory_format"], options["compile"], options["micro_batches"]) == (
        "channels-first",
        "no",
        1,
    )


def test_a_trial_that_was_made_for_another_wish_is_not_taken(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With one layout asked for and then the other, the same is left to be tried."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(autotune, "LEAST_STEPS", 10)
    monkeypatch.setattr(autotune, "pick_fastest", lambda *given: at_once(TuneResult(given[3], 1.0)))
    told = [
        next(
            event.execution
            for event in striate.stream(photos, out=tmp_path / layout, memory_format=layout)
            if hasattr(event, "execution")
        )
        for layout in ("channels-last", "channels-first")
    ]
    assert told == ["channels-last, float32", "channels-first, float32"]


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', "\x00"])
def test_a_damaged_file_of_trials_is_written_anew(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    (tmp_path / "trials.json").write_text(content)
    assert autotune._load_cached({"view": 1}) is None
    autotune._save_cached({"view": 1}, TuneResult(PLAIN, 1.0))
    assert autotune._load_cached({"view": 1}) == TuneResult(PLAIN, 1.0)


def test_a_real_trial_leaves_the_network_as_it_was():
    net = network()
    before = tensorfile.digest(net.state_dict())
    free = {"memory_layout": ["channels-first"], "micro_batches": [2]}
    found = outcome(autotune.pick_fastest(net, TASK, batch(), PLAIN, free, steps=1))
    assert found.speedup >= 1
    assert tensorfile.digest(net.state_dict()) == before
    assert all(param.grad is None for param in net.parameters())
