"""LeNet-5 as printed: 60,000 parameters, table I, glyphs, and the whole network by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate import zoo
from striate.layers import meta_init
from striate.zoo.pages import lenet_1998
from striate.zoo.pages.lenet_1998 import TABLE, code
from tests.zoo.test_zoo import CARDS, on_meta, params, table, volumes

#: as printed: a row for each map of S2, an X in the columns of the maps of C3 that see it
TABLE_I = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""


def seeded(**sizes: int) -> nn.Module:
    torch.manual_seed(7)
    return zoo.build("lenet5_1998", **sizes)


def test_the_table_of_the_page_is_true() -> None:
    _, *rows = table(lenet_1998)
    assert {row[0]: (row[2], row[3]) for row in rows} == volumes(CARDS["lenet5_1998"])


def test_the_network_has_60000_parameters_of_the_paper_and_codes_that_do_not_learn() -> None:
    network = on_meta("lenet5_1998")
    counts = {name: params(stage) for name, stage in network.named_children()}
    assert counts == {
        "c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "head": 0,
    }  # fmt: skip
    assert params(network) == 60_000
    assert dict(network.named_buffers())["head.codes"].shape == (10, 84)


def test_c3_sees_the_maps_of_table_1() -> None:
    rows = TABLE_I.strip().splitlines()
    assert [
        tuple(row for row in range(6) if rows[row][column] == "X") for column in range(16)
    ] == list(TABLE)
    connected = seeded().get_buffer("c3.conv.connected")
    assert ["".join(".X"[x] for x in row) for row in connected.T.int().tolist()] == rows


def test_glyphs_are_bitmaps_of_7_by_12_that_differ() -> None:
    rows = lenet_1998.GLYPHS.strip().splitlines()
    assert len(rows) == 12
    assert all(set(row) == set(".# ") or set(row) == set(". ") for row in rows)
    assert {len(cell) for row in rows for cell in row.split()} == {7}
    assert {len(row.split()) for row in rows} == {10}
    one = [code(1)[7 * row : 7 * row + 7] for row in range(12)]
    assert one[1] == [-1, -1, -1, 1, -1, -1, -1]
    assert one[10] == [-1, 1, 1, 1, 1, 1, -1]
    for left, right in combinations(range(10), 2):
        assert sum(a != b for a, b in zip(code(left), code(right), strict=True)) >= 5


def test_classes_after_the_tenth_have_codes_of_a_hash() -> None:
    network = seeded(classes=40)
    codes = network.get_buffer("head.codes")
    assert codes.shape == (40, 84)
    assert codes.abs().eq(1).all()
    assert len(codes.unique(dim=0)) == 40
    assert codes[:10].equal(seeded().get_buffer("head.codes"))
    # printf 10 | sha256sum: 4a44dc15...
    assert code(10)[:16] == [2.0 * int(bit) - 1 for bit in f"{0x4A44:016b}"]
    assert codes[10].tolist() == code(10)


def squash(x: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(2 / 3 * x)


def subsampled(x: Tensor, layer: nn.Module) -> Tensor:
    sums = x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]
    weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
    return squash(sums * weight[:, None, None] + bias[:, None, None])


def test_the_network_computes_what_the_paper_says() -> None:
    net = seeded().double()
    x = torch.randn(3, 1, 32, 32, dtype=torch.float64)
    s2 = subsampled(squash(net.get_submodule("c1.conv")(x)), net.get_submodule("s2.sums"))
    weights = net.get_parameter("c3.conv.weight").split([len(maps) for maps in TABLE])
    c3 = torch.cat(
        [F.conv2d(s2[:, list(maps)], w[None]) for maps, w in zip(TABLE, weights, strict=True)], 1
    )
    c3 = squash(c3 + net.get_parameter("c3.conv.bias")[:, None, None])
    s4 = subsampled(c3, net.get_submodule("s4.sums"))
    c5 = squash(net.get_submodule("c5.conv")(s4)).flatten(1)
    f6 = squash(net.get_submodule("f6.dense")(c5))
    codes = torch.tensor([code(number) for number in range(10)], dtype=torch.float64)
    assert net(x).allclose(-torch.cdist(f6, codes).square(), rtol=1e-9)


def test_an_image_whose_features_are_a_glyph_is_that_digit() -> None:
    head = seeded().get_submodule("head")
    codes = head.get_buffer("codes")
    assert head(codes).argmax(dim=1).tolist() == list(range(10))
    assert head(codes).diagonal().tolist() == [0.0] * 10


@pytest.mark.parametrize("channels", [1, 3])
def test_weights_start_within_2_4_over_the_inputs_of_their_unit(channels: int) -> None:
    net = seeded(channels=channels)
    inputs = {"c1.conv": 25 * channels, "s2.sums": 4, "s4.sums": 4, "c5.conv": 400, "f6.dense": 120}
    for path, count in inputs.items():
        weight = net.get_parameter(f"{path}.weight").detach()
        assert 0.5 < float(weight.abs().max()) * count / 2.4 <= 1.0001, path
        bias = net.get_parameter(f"{path}.bias").detach()
        assert 0.2 < float(bias.abs().max()) * count / 2.4 <= 1.0001, path
    kernels = net.get_parameter("c3.conv.weight").detach().split([len(maps) for maps in TABLE])
    for maps, kernel in zip(TABLE, kernels, strict=True):
        assert 0.8 < float(kernel.abs().max()) * 25 * len(maps) / 2.4 <= 1.0001


def test_every_weight_learns_and_the_network_can_be_exported() -> None:
    net, x = seeded(classes=3), torch.randn(4, 1, 32, 32)
    F.cross_entropy(net(x), torch.tensor([0, 1, 2, 0])).backward()
    for path, parameter in net.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.any(), path
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(net.eval(), (x,), dynamic_shapes=({0: batch},))
    other = torch.randn(2, 1, 32, 32)
    assert program.module()(other).allclose(net(other), atol=1e-4)


def test_weights_of_a_file_fill_a_skeleton() -> None:
    net, x = seeded(classes=12), torch.randn(2, 1, 32, 32)
    with meta_init():
        empty = zoo.build("lenet5_1998", classes=12)
    empty.load_state_dict(net.state_dict(), assign=True)
    assert empty(x).equal(net(x))
