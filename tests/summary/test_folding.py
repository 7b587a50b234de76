"""Folded tables lose no parameter, and the rows of a table say where their input comes from."""

from __future__ import annotations

import pytest
from torch import nn

from striate.layers import chain
from striate.summary import Summary
from striate.zoo import CARDS
from tests.summary.networks import Sum, described, dissected, inception, residual


def names(summary: Summary) -> list[str]:
    return [layer.name for layer in summary.folded().layers]


def sources(summary: Summary) -> dict[str, list[str]]:
    rows = ["image" if at < 0 else summary.layers[at].name for at in range(len(summary.layers))]
    return {
        layer.name: ["image" if at < 0 else rows[at] for at in layer.sources]
        for layer in summary.layers
    }


def test_layers_of_a_chain_take_each_other() -> None:
    layers = described("lenet5").layers
    assert [layer.sources for layer in layers] == [(at - 1,) for at in range(len(layers))]


def test_a_sum_takes_both_its_paths() -> None:
    assert sources(dissected(residual)) == {
        "stem": ["image"],
        "block1.body.conv": ["stem"],
        "block1.body.norm": ["block1.body.conv"],
        "block1.shortcut": ["stem"],
        "block1": ["block1.body.norm", "block1.shortcut"],
    }


def test_a_concatenation_takes_all_its_branches() -> None:
    assert sources(dissected(inception)) == {
        "stem": ["image"],
        "mixed0.0": ["stem"],
        "mixed0.1.a": ["stem"],
        "mixed0.1.b": ["mixed0.1.a"],
        "mixed0.1.c": ["mixed0.1.b"],
        "mixed0.2.pool": ["stem"],
        "mixed0.2.conv": ["mixed0.2.pool"],
        "mixed0": ["mixed0.0", "mixed0.1.c", "mixed0.2.conv"],
    }


@pytest.mark.parametrize("name", CARDS)
def test_the_sums_of_folded_rows_are_exact_and_fit_a_screen(name: str) -> None:
    summary = described(name)
    folded = summary.folded()
    for number in ("params", "macs", "bytes"):
        sums = [sum(getattr(layer, number) for layer in each.layers) for each in (summary, folded)]
        assert sums[0] == sums[1]
    assert len(folded.layers) <= min(40, len(summary.layers))
    assert folded.macs == summary.macs
    last, before = folded.layers[-1], summary.layers[-1]
    assert (last.output, last.receptive_field, last.jump) == (
        before.output,
        before.receptive_field,
        before.jump,
    )
    for at, layer in enumerate(folded.layers):
        assert layer.sources == tuple(sorted(set(layer.sources)))
        assert all(-1 <= source < at for source in layer.sources)


RESNET = """\
stem.first
stem.pool
stage1.block1
stage1.block2 to block3 (2 alike)
stage2.block1
stage2.block2 to block8 (7 alike)
stage3.block1
stage3.block2 to block36 (35 alike)
stage4.block1
stage4.block2 to block3 (2 alike)
head.average
head.dense"""


def test_alike_blocks_are_one_row() -> None:
    assert names(described("resnet152")) == RESNET.split("\n")
    folded, layers = described("resnet152").folded().layers, described("resnet152").layers
    alike = [layer for layer in layers if layer.name.startswith("stage3.block")]
    inside = [layer for layer in alike if not layer.name.startswith("stage3.block1.")]
    row = folded[7]
    assert row.kind == "3 Conv2d, add, relu"
    assert row.params == sum(layer.params for layer in inside if layer.name != "stage3.block1")
    assert (row.receptive_field, row.jump, row.output) == ((1291, 1291), (16, 16), (1024, 14, 14))


def test_norms_and_activations_go_with_the_volume_they_do_not_change() -> None:
    network = dissected(
        lambda: chain(
            a=chain(conv=nn.Conv2d(3, 4, 1), norm=nn.BatchNorm2d(4), relu=nn.ReLU()),
            b=chain(norm=nn.BatchNorm2d(4), conv=nn.Conv2d(4, 4, 1), pool=nn.AvgPool2d(2)),
            head=chain(flat=nn.Flatten(), dense=nn.Linear(64, 3), drop=nn.Dropout()),
        )
    )
    assert [(layer.name, layer.kind, layer.output) for layer in network.folded().layers] == [
        ("a", "Conv2d, BatchNorm2d, ReLU", (4, 8, 8)),
        ("b.conv", "BatchNorm2d, Conv2d", (4, 8, 8)),
        ("b.pool", "AvgPool2d", (4, 4, 4)),
        ("head", "Flatten, Linear, Dropout", (3,)),
    ]


def test_blocks_that_differ_in_a_size_or_stand_apart_are_rows_of_their_own() -> None:
    conv = lambda outputs: chain(conv=nn.Conv2d(3, outputs, 1), back=nn.Conv2d(outputs, 3, 1))  # noqa: E731
    network = dissected(
        lambda: chain(
            block1=conv(5),
            block2=conv(5),
            block3=conv(6),
            pool=nn.MaxPool2d(2),
            block4=conv(5),
            other1=conv(5),
        )
    )
    assert names(network) == [
        "block1 to block2 (2 alike)",
        *("block3.conv", "block3.back", "pool"),
        *("block4.conv", "block4.back", "other1.conv", "other1.back"),
    ]


def test_a_block_without_a_join_folds_as_its_siblings_do() -> None:
    def network() -> nn.Module:
        mixed = residual(blocks=2)
        mixed.block3 = chain(conv=nn.Conv2d(4, 6, 1), back=nn.Conv2d(6, 4, 1))
        return mixed

    assert names(dissected(network)) == ["stem", "block1 to block2 (2 alike)", "block3"]


def test_more_blocks_than_fit_a_screen_fold_though_their_sizes_differ() -> None:
    def growing() -> nn.Module:
        widths = range(3, 45)
        return chain(**{f"layer{n}": nn.Conv2d(n, n + 1, 1) for n in widths})

    assert names(dissected(growing)) == ["layer3 to layer44"]


def test_folding_twice_changes_nothing() -> None:
    once = described("resnet50").folded()
    assert once.folded().layers == once.layers


def test_a_join_of_the_whole_network_is_no_block() -> None:
    network = dissected(lambda: chain(all=Sum(residual(), nn.Conv2d(3, 4, 1))))
    assert names(network) == ["all.body.stem", "all.body.block1", "all.shortcut", "all"]
