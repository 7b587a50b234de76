"""Small networks learn the point sets, the same way each time; a linear one cannot."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from striate.errors import DivergedError
from striate.options import OptimizerName, PointsOptions
from striate.points import History, Layer, forward, gradients, loss, stream_points, train_points
from striate.points.training import build_dense, read_dense
from striate.samples import Points, moons, rings


def bits(history: History) -> list[bytes]:
    return [
        values.tobytes()
        for shot in history.snapshots
        for layer in shot.network.layers
        for values in (layer.weights, layer.biases)
    ]


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [
        ("moons", {}, 0.97),
        ("rings", {}, 0.97),
        ("moons", {"layers": (8,), "activation": "sigmoid", "learning_rate": 0.1}, 0.97),
        ("rings", {"layers": (8,), "activation": "relu"}, 0.97),
        ("rings", {"batch": 32, "epochs": 100}, 0.97),
        ("spirals", {"layers": (16, 16)}, 0.95),
        ("spirals", {"layers": (16, 16), "classes": 3, "n": 600}, 0.95),
        ("checkerboard", {"layers": (32, 32), "n": 2000, "epochs": 600}, 0.9),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_with_hidden_layers_learns(
    name: str, options: dict[str, Any], least: float, seed: int
):
    history = train_points(name, seed=seed, **options)
    assert history.snapshots[-1].test.accuracy >= least
    assert len(history.test) == round(0.3 * options.get("n", 400))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_network_cannot_tell_rings_apart(seed: int):
    last = train_points("rings", layers=(), seed=seed).snapshots[-1]
    assert max(last.train.accuracy, last.test.accuracy) < 0.75


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    options = {"epochs": 20, "batch": 16, "at": (0, 5, 20)}
    torch.manual_seed(5)
    first = train_points("spirals", seed=1, **options)
    drawn = torch.rand(1)
    second = train_points("spirals", seed=1, **options)
    other = train_points("spirals", seed=2, **options)
    assert bits(first) == bits(second)
    assert first.scores == second.scores
    assert not set(bits(first)) & set(bits(other))
    torch.manual_seed(5)
    assert drawn == torch.rand(1), "the global generator is left alone"


def test_it_runs_in_one_thread_whatever_is_set_and_leaves_that_as_it_was():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        stream = stream_points(*moons().split(0.3), PointsOptions())
        next(stream)
        assert torch.get_num_threads() == 1
        stream.close()
        assert torch.get_num_threads() == 2
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(bits(train_points("moons", epochs=5)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_a_history_has_the_scores_of_every_epoch_and_the_networks_of_those_to_draw():
    history = train_points("moons", epochs=30, at=(0, 7, 30), layers=(5, 4))
    assert len(history.scores) == 31
    assert [shot.epoch for shot in history.snapshots] == [0, 7, 30]
    for shot in history.snapshots:
        assert (shot.train, shot.test) == history.scores[shot.epoch]
        assert shot.network.widths == (2, 5, 4, 2)
        for part, score in ((history.train, shot.train), (history.test, shot.test)):
            right = forward(shot.network, part.xy)[-1].argmax(axis=1) == part.labels
            assert score.accuracy == pytest.approx(right.mean())
            targets = np.eye(2)[part.labels]
            assert loss(shot.network, part.xy, targets) == pytest.approx(score.loss, rel=1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_a_step_of_sgd_is_minus_the_rate_times_the_gradient_by_hand(decay: float):
    options = {"epochs": 1, "at": (0, 1), "optimizer": "sgd", "learning_rate": 0.5, "test": 0.01}
    points = moons(60)
    standard = Points(
        (points.xy - points.xy.mean(0)) / points.xy.std(0), points.labels, ("a", "b"), "standard"
    )
    history = train_points(standard, weight_decay=decay, **options)
    network = read_dense(build_dense(2, (8, 8), 2, "tanh", 0), "tanh")
    mean, std = history.train.xy.mean(0), history.train.xy.std(0)
    steps = gradients(
        network, (history.train.xy - mean) / std, np.eye(2)[history.train.labels], decay
    )
    after = history.snapshots[1].network.layers
    for old, step, new in zip(network.layers[1:], steps[1:], after[1:], strict=True):
        assert new.weights == pytest.approx(old.weights - 0.5 * step.weights, abs=1e-6)
        # biases do not decay
        assert new.biases == pytest.approx(old.biases - 0.5 * step.biases, abs=1e-6)


def test_weight_decay_makes_weights_smaller():
    weights = [
        sum(float((layer.weights**2).sum()) for layer in history.snapshots[-1].network.layers)
        for history in (train_points("moons", epochs=300, weight_decay=by) for by in (0, 0.01))
    ]
    assert weights[1] < weights[0] / 2


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
@pytest.mark.parametrize("layers", [(), (8, 8)])
def test_every_optimizer_lowers_the_loss(optimizer: str, layers: tuple[int, ...]):
    scores = train_points("moons", epochs=50, optimizer=optimizer, layers=layers).scores
    assert scores[-1][0].loss < scores[0][0].loss


def test_coordinates_of_any_size_are_learned_alike():
    points = rings()
    far = Points(points.xy * 1e3 + 5e3, points.labels, points.class_names, "far")
    near, moved = (train_points(each, at=(300,)).snapshots[-1] for each in (points, far))
    assert moved.test.accuracy >= 0.97
    assert moved.train.loss == pytest.approx(near.train.loss, abs=0.02)


def test_points_on_a_line_can_be_learned():
    xy = np.stack([np.arange(20), np.full(20, 7)], axis=1).astype(np.float32)
    points = Points(xy, np.arange(20) // 10, ("a", "b"), "line")
    assert train_points(points, layers=(), epochs=500).snapshots[-1].train.accuracy == 1


def test_a_training_that_diverges_says_so():
    with pytest.raises(DivergedError) as error:
        train_points("moons", optimizer="sgd", learning_rate=1e30, activation="relu")
    assert str(error.value) == (
        "the loss is no longer finite after epoch 1; try a learning rate below 1e+30"
    )


def test_epochs_to_draw_are_powers_of_ten_and_the_last():
    def drawn(**options: Any) -> tuple[int, tuple[int, ...]]:
        chosen = PointsOptions.read(options)
        return chosen.length, chosen.drawn

    assert drawn() == (1000, (1, 10, 100, 1000))
    assert drawn(epochs=300) == (300, (1, 10, 100, 300))
    assert drawn(epochs="1") == (1, (1,))
    assert drawn(at="0,5,2000") == (2000, (0, 5, 2000))
    assert drawn(at=[0]) == (1, (0,))
    assert drawn(at=(3,), epochs=9) == (9, (3,))


def test_a_history_tells_its_network_and_scores_as_text_and_json():
    history = train_points("rings", n=40, epochs=2, layers=(3,), weight_decay=0.5, classes=4)
    lines = repr(history).splitlines()
    assert lines[:3] == [
        "rings: 2-3-4, tanh, weight decay 0.5",
        "28 points to train on, 12 to test with, 4 classes, 25 parameters",
        "epoch  training loss  accuracy  test loss  accuracy",
    ]
    assert [line.split()[0] for line in lines[3:]] == ["1", "2"]
    document = history.to_json()
    assert document["class_names"] == ["0", "1", "2", "3"]
    assert document["options"]["layers"] == [3]
    assert [row["epoch"] for row in document["epochs"]] == [1, 2]
    assert document["epochs"][1]["test_loss"] == history.scores[2][1].loss
    linear = train_points("moons", n=40, epochs=1, layers="none")
    assert linear.title == "moons: 2-2, linear"


@pytest.mark.parametrize(("schedule", "share"), [("constant", 1), ("cosine", 0.0254)])
def test_the_schedule_sets_the_length_of_the_last_step(schedule: str, share: float):
    options = {"epochs": 10, "at": (9, 10), "optimizer": "sgd", "learning_rate": 0.5}
    history = train_points("moons", layers=(), schedule=schedule, **options)
    (before,), (after,) = (shot.network.layers for shot in history.snapshots)
    (step,) = gradients(
        history.snapshots[0].network, history.train.xy, np.eye(2)[history.train.labels]
    )
    spread = history.train.xy.std(axis=0)  # the weights of standardized points are these times it
    moved = (before.weights - after.weights) * spread
    assert moved == pytest.approx(share * 0.5 * gradient_of_standard(step, history), abs=1e-5)


def gradient_of_standard(step: Layer, history: History) -> np.ndarray:
    """The gradient by the weights of standardized points."""
    mean, std = history.train.xy.mean(axis=0), history.train.xy.std(axis=0)
    return (step.weights - step.biases[:, None] * mean) / std
