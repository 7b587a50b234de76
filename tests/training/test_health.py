"""What is wrong with gradients and units is told once, by layer; measuring changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import striate
from striate import tensorfile
from striate.layers import ScaledTanh
from striate.training import health, loop
from striate.training.checkpoint import TrainState
from striate.training.events import Note
from striate.training.health import GradientMonitor, check_activations

AT = TrainState(epoch=2, step=7)


def felt(network: nn.Module, loss_times: float = 1.0) -> list[str]:
    """What is told of the gradients of one step."""
    torch.manual_seed(0)
    (network(torch.randn(8, 5)).square().mean() * loss_times).backward()
    watch, state = GradientMonitor(), TrainState(epoch=2, step=7)
    watch.record(network, state, updates=0)
    return list(watch.warnings(state))


def deep(layers: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(m for _ in range(layers) for m in (nn.Linear(5, 5), nn.Sigmoid())))


def test_gradients_that_vanish_are_named_with_step_layers_and_cause():
    (text,) = felt(deep(12))
    start, _, rest = text.partition(": gradients vanish: that of 0 is ")
    assert start == "epoch 3, step 7"
    assert rest.endswith(
        " times; likely cause: saturated or dead units between it and the output, or many layers "
        "without normalization"
    )


def test_gradients_that_explode_are_named():
    network = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 1))
    (text,) = felt(network, loss_times=1e9)
    assert text.startswith("epoch 3, step 7: gradients explode: that of 1 is ")
    assert text.endswith(
        " times as long as its weights; likely cause: many layers without normalization, or first "
        "weights that are too large; try --clip-grad 1"
    )


def test_a_gradient_that_is_not_finite_is_named_by_the_layer_it_comes_from():
    network = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 1))
    assert felt(network, loss_times=float("inf")) == [
        "epoch 3, step 7: the gradient of 1 is not finite; likely cause: numbers beyond the range "
        "of the precision, or too high a learning rate"
    ]


def test_of_gradients_that_are_well_nothing_is_told():
    assert felt(deep(2)) == []


def test_a_head_that_starts_at_zero_passes_no_gradient_and_is_well():
    network = deep(2).append(nn.Linear(5, 1))
    nn.init.zeros_(network[-1].weight)
    nn.init.ones_(network[-1].bias)
    assert felt(network) == []


class Two(nn.Module):
    """Two layers, of which a batch may ask one only, as one without an object asks no box."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.other = nn.Linear(5, 2), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.asked(x) + 0 * self.other(x)


def test_a_layer_that_a_batch_does_not_ask_is_well():
    assert felt(Two()) == []


def test_a_thing_is_told_once():
    network, watch, state = deep(12), GradientMonitor(), TrainState()
    network(torch.ones(2, 5)).sum().backward()
    for updates in (0, 1, 3):
        watch.record(network, state, updates)
    assert len(list(watch.warnings(state))) == 1
    watch.record(network, state, updates=7)
    assert list(watch.warnings(state)) == []
    assert state.warned == ["vanishing"]


def test_few_updates_are_looked_at():
    network, watch, looked_at = deep(2), GradientMonitor(), []
    network(torch.ones(2, 5)).sum().backward()
    for updates in range(256):
        watch.record(network, AT, updates)
        looked_at += [updates + 1] * len(watch._samples)
        watch._samples.clear()
    assert looked_at == [1, 2, 4, 8, 16, 32, 64, 128, 192, 256]


def rectified(bias: list[float]) -> nn.Sequential:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    with torch.no_grad():
        network.get_parameter("0.weight").fill_(0.1)
        network.get_parameter("0.bias").copy_(torch.tensor(bias))
    return network


def judged(network: nn.Module, count: int = 20) -> list[str]:
    torch.manual_seed(0)
    return list(check_activations(network, torch.rand(count, 1, 12, 12), TrainState(epoch=4)))


def test_a_dead_layer_is_named():
    assert judged(rectified([-9.0] * 4)) == [
        "after epoch 5: 1 is dead: its output is 0 for each of 20 images; likely cause: a "
        "learning rate that was too high for a moment; a lower one needs a new start"
    ]


def test_dead_channels_are_counted_where_enough_was_seen():
    one_dead = rectified([0.0, -9.0, 0.0, 0.0])
    assert judged(one_dead) == [
        "after epoch 5: 1 of 4 channels of 1 are dead: 0 for each of 20 images; likely cause: a "
        "learning rate that was too high for a moment, or too wide a layer"
    ]
    assert judged(one_dead, count=9) == []
    assert judged(rectified([0.0] * 4)) == []


@pytest.mark.parametrize("squash", [nn.Tanh(), nn.Sigmoid(), ScaledTanh()])
def test_a_saturated_layer_is_named(squash: nn.Module):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), squash)
    assert judged(network) == []
    with torch.no_grad():
        network.get_parameter("0.weight").mul_(1e4)
    (text,) = judged(network)
    assert text.startswith("after epoch 5: 1 is saturated: ")
    assert text.endswith(
        " of its outputs lie at the ends of its range, where it passes no gradient; likely cause: "
        "weights that grew too large; try a lower learning rate"
    )


def test_looking_at_units_leaves_no_hook_behind():
    network = rectified([0.0] * 4)
    judged(network)
    assert not any(module._forward_hooks for module in network.modules())


def test_what_is_measured_changes_no_number(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = {"epochs": 3, "batch": 16, "threads": 1, "network": "resnet20", "augment": "light"}
    runs = [striate.train(photos, out=tmp_path / "with", progress=False, **options)]
    monkeypatch.setattr(GradientMonitor, "record", lambda *_: None)
    monkeypatch.setattr(loop, "_units", lambda *_: ())
    runs.append(striate.train(photos, out=tmp_path / "without", progress=False, **options))
    one, other = (tensorfile.read(run.checkpoints / "last.safetensors")[1] for run in runs)
    assert {name for name in one if not torch.equal(one[name], other[name])} == set()


def test_a_training_tells_what_is_wrong_and_a_resumed_one_does_not_repeat_it(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(health, "VANISHED", 1.0)  # one layer's is always the least
    options = {"epochs": 4, "batch": 16, "threads": 1}
    told = [
        event.text
        for event in striate.stream(photos, out=tmp_path / "run", **options)
        if isinstance(event, Note) and "gradients" in event.text
    ]
    assert len(told) == 1
    assert told[0].startswith("epoch 1, step 1: gradients vanish: that of ")
    run = striate.Run.open(tmp_path / "run")
    lines = run.events_file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["event"] != "Finished"]
    assert len(kept) == len(lines) - 1
    run.events_file.write_text("".join(kept))
    again = [event for event in striate.stream(resume=run.folder) if isinstance(event, Note)]
    assert again == []
