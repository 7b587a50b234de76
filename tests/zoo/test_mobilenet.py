"""MobileNet V1, V2 and V3: the papers' counts at every width, the same functions as the peers'."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import OptionError
from striate.layers import Added
from striate.zoo.pages import mobilenet_v1, mobilenet_v2, mobilenet_v3
from tests.zoo import pages, peers
from tests.zoo.test_zoo import on_meta, params

NAMES = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")
each = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize(
    ("page", "column", "name"),
    [
        (mobilenet_v1, "output", "mobilenet_v1"),
        (mobilenet_v2, "output", "mobilenet_v2"),
        (mobilenet_v3, "large", "mobilenet_v3_large"),
        (mobilenet_v3, "small", "mobilenet_v3_small"),
    ],
)
def test_the_table_of_the_page_is_true(page: ModuleType, column: str, name: str) -> None:
    pages.assert_table(page, column, name)


@pytest.mark.parametrize(
    ("side", "width", "work", "weights"),
    [
        (224, 1.0, 569, 4.2), (224, 0.75, 325, 2.6), (224, 0.5, 149, 1.3), (224, 0.25, 41, 0.5),
        (192, 1.0, 418, 4.2), (160, 1.0, 290, 4.2), (128, 1.0, 186, 4.2),
    ],
)  # fmt: skip
def test_mobilenet_has_the_counts_of_its_tables_6_and_7(
    side: int, width: float, work: int, weights: float
) -> None:
    assert abs(pages.macs("mobilenet_v1", side, width=width) / 1e6 - work) < 0.7
    assert round(params(on_meta("mobilenet_v1", width=width)) / 1e6, 1) == weights


@pytest.mark.parametrize(
    ("width", "work", "weights"),
    [(0.35, 59, 1_677_128), (0.5, 97, 1_968_680), (0.75, 209, 2_636_424), (1.0, 300, 3_504_872),
     (1.4, 582, 6_108_776)],
)  # fmt: skip
def test_mobilenet_v2_has_the_counts_of_its_authors_code(
    width: float, work: int, weights: int
) -> None:
    """https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet"""
    assert int(pages.macs("mobilenet_v2", 224, width=width) / 1e6) == work
    assert params(on_meta("mobilenet_v2", width=width)) == weights


@pytest.mark.parametrize(
    ("name", "width", "work", "weights"),
    [
        ("mobilenet_v3_large", 1.0, 217, 5_483_032),
        ("mobilenet_v3_large", 0.75, 155, 3_993_528),
        ("mobilenet_v3_small", 1.0, 57, 2_542_856),
        ("mobilenet_v3_small", 0.75, 43, 2_041_872),
    ],
)
def test_mobilenet_v3_has_the_counts_of_its_authors_code(
    name: str, width: float, work: int, weights: int
) -> None:
    assert round(pages.macs(name, 224, width=width) / 1e6) == work
    assert params(on_meta(name, width=width)) == weights


def test_timm_gives_the_same_logits_as_a_wide_mobilenet() -> None:
    theirs = peers.timm().create_model("mobilenetv1_125")
    pages.assert_twins(zoo.build("mobilenet_v1", width=1.25), theirs, torch.randn(2, 3, 61, 47))


@pytest.mark.parametrize("width", [0.5, 1.4])
def test_torchvision_gives_the_same_logits_as_mobilenet_v2(width: float) -> None:
    theirs = peers.torchvision().models.mobilenet_v2(weights=None, width_mult=width)
    pages.assert_twins(zoo.build("mobilenet_v2", width=width), theirs, torch.randn(2, 3, 61, 47))


@pytest.mark.parametrize("name", ["small", "large"])
def test_timm_gives_the_same_logits_as_a_narrow_mobilenet_v3(name: str) -> None:
    theirs = peers.timm().create_model(f"mobilenetv3_{name}_075", bn_eps=1e-3)
    ours = zoo.build(f"mobilenet_v3_{name}", width=0.75)
    pages.assert_twins(ours, theirs, torch.randn(2, 3, 61, 47))


@each
@pytest.mark.parametrize(
    ("width", "came"),
    [(0, "0"), (-0.5, "-0.5"), (1e9, "1e+09"), (10.5, "10.5"), (float("nan"), "nan")],
)
def test_a_width_that_no_network_can_have_is_refused(name: str, width: float, came: str) -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build(name, width=width)
    assert str(caught.value) == f"width must be above 0 and at most 10, but {came} came"


@each
def test_the_widest_and_the_narrowest_networks_give_logits(name: str) -> None:
    for width in (1e-9, 10):
        network = on_meta(name, width=width)
        assert network(torch.empty(1, 3, 32, 32, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize("name", NAMES[:3])
def test_every_weight_learns(name: str) -> None:
    pages.assert_every_weight_learns(name, 33)


@pytest.mark.parametrize("name", NAMES[:3])
def test_it_can_be_exported(name: str) -> None:
    pages.assert_exports(name, 33)


@pytest.mark.parametrize("name", NAMES[:2])
def test_first_weights_have_the_variance_of_he(name: str) -> None:
    torch.manual_seed(0)
    pages.assert_first_weights(zoo.build(name), "out")


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_net_neither_explodes_nor_dies_at_the_start(name: str) -> None:
    torch.manual_seed(5)
    logits = zoo.build(name)(torch.randn(8, 3, 64, 64))
    assert 0.05 < float(logits.detach().std()) < 5


def test_shortcuts_of_mobilenet_v2_join_the_blocks_that_keep_their_shape() -> None:
    added = [path for path, m in on_meta("mobilenet_v2").named_modules() if isinstance(m, Added)]
    kept = ((2, (2,)), (3, (2, 3)), (4, (2, 3, 4)), (5, (2, 3)), (6, (2, 3)))
    assert added == [f"stage{stage}.block{block}" for stage, blocks in kept for block in blocks]


def test_channels_are_weighed_by_what_their_averages_say() -> None:
    torch.manual_seed(3)
    excite, x = mobilenet_v3.Excite(4, 2), torch.randn(2, 4, 3, 5)
    into, out = excite.squeeze, excite.excite
    narrow = (x.mean((2, 3)) @ into.weight[:, :, 0, 0].T + into.bias).clamp(min=0)
    wide = narrow @ out.weight[:, :, 0, 0].T + out.bias
    share = ((wide + 3) / 6).clamp(0, 1)
    assert excite(x).allclose(x * share[:, :, None, None], atol=1e-6)
    assert torch.autograd.gradcheck(excite.double(), x.double().requires_grad_())


def test_norms_of_mobilenet_v3_average_over_the_last_hundred_batches() -> None:
    norms = [m for m in on_meta("mobilenet_v3_small").modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
