"""A map is judged by what it points at, and by whether it knows the weights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor, nn

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.look.class_maps import ClassMaps, make_class_maps
from striate.look.map_layer import find_map_layer
from striate.look.occlusion import Occlusion, make_occlusion_maps
from striate.look.verdict import Curves, Maker, Trial, correlate_ranks, judge_maps
from striate.look.verdict_result import Verdict
from striate.tasks import bind_task
from tests.look.networks import CLASSES, Stripes, striped_corners

TASK = bind_task(None, TargetSpec("label", CLASSES, {}))
TRIAL = Trial(steps=8, orders=6, networks=2)
DOG = 1


def edges(network: nn.Module, x: Tensor, columns: np.ndarray) -> ClassMaps:
    """Where the image changes: the same for every network."""
    maps = (x[:, 0, 1:, 1:] - x[:, 0, :-1, :-1]).abs()
    maps = nn.functional.avg_pool2d(maps, 4).numpy()
    return ClassMaps(maps, columns, np.ones(len(x), np.float32), np.ones(len(x), bool))


def class_maps(network: nn.Module, x: Tensor, columns: np.ndarray) -> ClassMaps:
    layer = find_map_layer(network, x[:1])
    assert layer is not None
    return make_class_maps(network, x, TASK, layer, columns)


def judge(network: nn.Module, x: Tensor, make: Maker = class_maps) -> tuple[ClassMaps, Verdict]:
    found = make(network, x, np.full(len(x), DOG))
    return found, Verdict(*judge_maps(network, x, TASK, found, make, TRIAL))


def test_a_map_lies_where_the_answer_comes_from_and_is_faithful():
    found, verdict = judge(Stripes().eval(), striped_corners(8))
    inside = found.maps[:, :4, :4].sum((1, 2)) / found.maps.sum((1, 2))
    assert (inside > 0.99).all()
    assert verdict.faster == (8, 8)
    assert verdict.beaten[0].mean() == 1
    assert not verdict.worthless
    assert (
        "Deleting what the map calls important lowers the probability faster than chance in 8 of "
        "8 images (p = 0.0039), inserting it raises it faster in 8 of 8 (p = 0.0039)."
    ) in str(verdict)


def test_a_map_of_edges_is_worthless_even_if_they_are_where_the_answer_comes_from():
    _, verdict = judge(Stripes().eval(), striped_corners(8), edges)
    assert verdict.worthless
    np.testing.assert_allclose(verdict.correlations, 1, atol=1e-6)
    assert str(verdict).endswith(
        "The map hardly changes with the weights (rank correlation 1.00, 8 images, 2 networks "
        "with random weights): it shows the image and not what was learned, and is worthless as "
        "an explanation."
    )
    assert verdict.faster == (8, 8)


def test_a_map_turned_round_is_worse_than_chance():
    network, x = Stripes().eval(), striped_corners(8)
    found, _ = judge(network, x)
    turned = ClassMaps(-found.maps, found.columns, found.rated, found.finite)
    deletion, insertion, _ = judge_maps(network, x, TASK, turned, class_maps, TRIAL)
    assert Verdict(deletion, insertion, np.zeros((8, 1), np.float32)).faster == (0, 0)


def test_the_curves_begin_and_end_at_the_image_and_the_mean_color():
    network, x = Stripes().eval(), striped_corners(2)
    _, verdict = judge(network, x)
    whole, none = (network(each).softmax(1)[:, DOG].detach() for each in (x, x * 0))
    np.testing.assert_allclose(verdict.deletion.of_map[:, 0], whole, atol=1e-5)
    np.testing.assert_allclose(verdict.deletion.of_map[:, -1], none, atol=1e-5)
    np.testing.assert_allclose(verdict.insertion.of_random[:, 3, -1], whole, atol=1e-5)


def test_half_of_the_pixels_are_gone_in_the_middle():
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[0.0], [1.0]]))
        network[2].bias.zero_()
    x = torch.ones(1, 1, 16, 16)
    one = np.ones(1, np.float32)
    found = ClassMaps(np.eye(4, dtype=np.float32)[None], np.array([DOG]), one, one > 0)
    deletion, _, _ = judge_maps(network, x, TASK, found, edges_like, Trial(4, 2, 1))
    expected = torch.tensor([1, 0.75, 0.5, 0.25, 0]).sigmoid()
    np.testing.assert_allclose(deletion.of_map[0], expected, rtol=1e-5)


def edges_like(_network: nn.Module, x: Tensor, columns: np.ndarray) -> ClassMaps:
    return edges(_network, torch.zeros(len(x), 1, 17, 17), columns)


def test_areas_are_those_of_the_trapezoidal_rule():
    curve = np.array([[1.0, 0.5, 0.0, 0.0, 0.2]], np.float32)
    area, _ = Curves(curve, curve[:, None]).areas
    assert area[0] == pytest.approx(np.trapezoid(curve[0], dx=0.25))


def test_a_seed_gives_the_same_verdict_again():
    network, x = Stripes().eval(), striped_corners(2)
    (_, one), (_, other) = judge(network, x), judge(network, x)
    assert np.array_equal(one.deletion.of_random, other.deletion.of_random)
    assert np.array_equal(one.correlations, other.correlations)


def test_rank_correlations_are_those_of_scipy():
    generator = np.random.default_rng(0)
    for _ in range(5):
        one, other = generator.integers(0, 9, (2, 5, 5)).astype(np.float32)
        expected = scipy.stats.spearmanr(one.ravel(), other.ravel()).statistic
        assert correlate_ranks(one, other) == pytest.approx(expected, abs=1e-9)
    assert correlate_ranks(one, np.zeros_like(one)) == 0


def test_of_one_image_the_random_orders_are_counted():
    _, verdict = judge(Stripes().eval(), striped_corners(1))
    assert str(verdict).startswith(
        "Deleting what the map calls important lowers the probability faster than 6 of 6 random "
        "orders, inserting it raises it faster than 6 of 6. One image says little: give several."
    )


def test_occlusion_finds_the_corner_too():
    x = striped_corners(2)
    found = make_occlusion_maps(Stripes().eval(), x, TASK, Occlusion(8, 4), DOG)
    assert found.maps.shape == (2, 8, 8)
    assert found.maps[:, 5:, 5:].max() == pytest.approx(0, abs=1e-4)
    assert (found.maps[:, :4, :4] > 0.1).all()


def test_occlusion_covers_what_it_says():
    """A cell's value is the fall of the logit when its patch, cut at the borders, is replaced."""
    network, x = Stripes().eval(), striped_corners(1)
    found = make_occlusion_maps(network, x, TASK, Occlusion(6, 4, baseline=0.5), DOG)
    for row, across in ((0, 0), (1, 2), (3, 3)):
        covered = x.clone()
        top, left = max(0, 4 * row - 1), max(0, 4 * across - 1)
        covered[..., top : 4 * row + 5, left : 4 * across + 5] = 0.5
        expected = float((network(x) - network(covered)).detach()[0, DOG])
        assert found.maps[0, row, across] == pytest.approx(expected, abs=1e-5)


def test_an_occlusion_that_leaves_pixels_out_is_refused():
    with pytest.raises(OptionError) as error:
        Occlusion(4, 8)
    assert str(error.value) == (
        "an occlusion needs a patch of 1 pixel or more and a stride from 1 to the patch, but patch "
        "4 and stride 8 came"
    )


def test_a_trial_of_nothing_is_refused():
    with pytest.raises(OptionError) as error:
        Trial(orders=0)
    assert str(error.value) == "a verdict needs 1 or more orders, but 0 came"
