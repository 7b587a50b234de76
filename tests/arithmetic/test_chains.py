"""Layers and chains of them: volumes, parameters and multiply-adds, as torch and lectures have."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate import describe, size
from striate.arithmetic import Volumes
from striate.cli import main
from striate.errors import OptionError

ALEXNET = (
    "conv(96, 11, stride=4)",
    "pool(3, stride=2)",
    "conv(256, 5, padding=2, groups=2)",
    "pool(3, stride=2)",
    "conv(384, 3, padding=1)",
    "conv(384, 3, padding='same', groups=2)",
    "conv(256, (3, 3), padding=(1, 'same'), groups=2)",
    "pool(3, 2)",
    "dense(4096)",
    "dense(4096)",
    "dense(1000)",
)


def test_the_first_layer_of_alexnet_has_the_numbers_of_the_lecture(capsys):
    found = size("227x227x3", 11, stride=4, filters=96)
    assert (found.output, found.weights, found.biases) == ((55, 55, 96), 34_848, 96)
    assert (found.params, found.macs) == (34_944, 55 * 55 * 34_848)
    line = "size --input 227x227x3 --kernel 11 --stride 4 --filters 96"
    assert main(line.split()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "layer                   output     weights  biases  parameters  multiply-adds",
        "input                   227x227x3",
        "conv(96, 11, stride=4)  55x55x96    34,848      96      34,944    105,415,200",
        "",
        "55 = (227 - 11 + 2 * 0) / 4 + 1",
        "34,848 = 11 * 11 * 3 * 96",
    ]
    assert main([*line.split(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["output"], told["params"]) == ([55, 55, 96], 34_944)
    assert [axis["output"] for axis in told["layers"][0]["axes"]] == [55, 55]


def test_other_layers_of_the_lectures():
    assert size((32, 32), 3, filters=2).params == 20
    one = size((9, 9, 3), 5)
    assert (one.output, one.weights, one.biases) == ((5, 5, 1), 75, 1)
    pooled = size("224x224x64", 2, pool=True)
    assert (pooled.output, pooled.params, pooled.macs) == ((112, 112, 64), 0, 0)
    dense = size((200, 200), layers=["dense(400000, bias=False)"])
    assert dense.params == 16_000_000_000
    lenet = ["conv(6, 5, padding=2)", "pool(2)", "conv(16, 5)", "pool(2)", "dense(120)"]
    assert size("28x28", layers=[*lenet, "dense(84)", "dense(10)"]).params == 61_706


def test_a_chain_is_the_whole_of_alexnet(capsys):
    found = size((227, 227, 3), layers=ALEXNET)
    whole = describe("alexnet")
    assert found.params == whole.params == 60_965_224
    assert found.macs == whole.macs
    assert [layer.output for layer in found.layers][1::2] == [
        (27, 27, 96), (13, 13, 256), (13, 13, 384), (6, 6, 256), (4096,)
    ]  # fmt: skip
    assert main(["size", "--input", "227x227x3", *ALEXNET]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1].split() == ["sum", "60,954,656", "10,568", "60,965,224", "724,406,816"]
    assert len(told) == 14


def test_what_no_window_of_a_chain_sees_is_told_with_its_layer():
    told = repr(size("28x28", layers=["conv(6, 3, dilation=2)", "pool(5)"]))
    assert told.splitlines()[-2:] == [
        "conv(6, 3, dilation=2): a kernel of 3 at dilation 2 spans 2 * (3 - 1) + 1 = 5 pixels",
        "pool(5): rounded down: 4 of the pixels at the end, padding among them, are seen by no "
        "window; an input of 20 or 25 leaves none over",
    ]


PAIR = st.tuples(st.integers(1, 4), st.integers(1, 4))
FEW = st.integers(1, 3)


@given(
    sides=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=PAIR,
    channels=FEW,
    filters=FEW,
    groups=st.integers(1, 2),
    bias=st.booleans(),
    transposed=st.booleans(),
)
def test_every_layer_is_as_torch_has_it(
    sides, kernel, stride, padding, dilation, channels, filters, groups, bias, transposed
):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    inputs, outputs = channels * groups, filters * groups
    layer = kind(
        inputs, outputs, kernel, stride, padding, dilation=dilation, groups=groups, bias=bias
    )

    def asked() -> Volumes:
        return size(
            (*sides, inputs), kernel, stride, padding, dilation, filters=outputs, groups=groups,
            bias=bias, transposed=transposed,
        )  # fmt: skip

    try:
        expected = layer(torch.zeros(1, inputs, *sides)).shape
    except RuntimeError:
        expected = (0,)
    if 0 in expected:
        with pytest.raises(OptionError):
            asked()
        return
    found = asked()
    assert found.output == (*expected[2:], outputs)
    assert found.weights == layer.weight.numel()
    assert found.params == sum(values.numel() for values in layer.parameters())
    where = sides if transposed else found.output[:2]
    assert found.macs == math.prod(where) * layer.weight.numel()
    spelled = found.layers[0].layer
    assert size((*sides, inputs), layers=[spelled]) == found


@given(
    sides=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=PAIR,
    stride=st.none() | PAIR,
    dilation=PAIR,
)
def test_every_pooling_is_as_torch_has_it(sides, kernel, stride, dilation):
    pool = nn.MaxPool2d(kernel, stride, dilation=dilation)
    try:
        expected = pool(torch.zeros(1, 2, *sides)).shape
    except RuntimeError:
        with pytest.raises(OptionError):
            size((*sides, 2), kernel, stride, 0, dilation, pool=True)
        return
    assert size((*sides, 2), kernel, stride, 0, dilation, pool=True).output == (*expected[2:], 2)


def test_a_length_with_filters_is_a_layer_of_one_axis():
    assert size((227,), 11, stride=4, filters=96).output == (55, 96)
    assert size("100", layers=["conv(8, 5)", "conv(4, 3, padding='same')"]).params == 48 + 100


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--input 28x28 conv(6,5) pool(2) conv(16,13)",
            "layer 3, conv(16,13): a window of 13 at dilation 1 spans 13 pixels, but the input has "
            "12 (size 12, padding 0 on each side); use at least 13 pixels",
        ),
        ("--input 28x28 cnv(6,3)", "no layer is called 'cnv'; did you mean 'conv'?"),
        (
            "--input 28x28 conv(6)",
            "conv takes (filters, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True, "
            "transposed=False), but conv(6) came",
        ),
        (
            "--input 28x28 pool(2",
            "pool takes (kernel, stride=None, padding=0, dilation=1), but pool(2 came",
        ),
        (
            "--input 28x28 dense(5) conv(3,3)",
            "layer 2, conv(3,3): a window needs an image, but dense layers have none; put it "
            "before them",
        ),
        (
            "--input 28x28 --kernel 3x3x3",
            "kernel needs one number, or 2 for 2 axes, but 3x3x3 came",
        ),
        ("--input 28xa --kernel 3", "input must be a whole number of at least 1, but 'a' came"),
        (
            "--input 1x2x3x4 --kernel 3",
            "input must be a length, height x width, or height x width x channels, but "
            "(1, 2, 3, 4) came",
        ),
        (
            "--input 28x28 --kernel 3 --filters x",
            "filters must be a whole number of at least 1, but 'x' came",
        ),
        (
            "--input 28x28 --kernel 3 --filters 0",
            "filters must be a whole number of at least 1, but 0 came",
        ),
        (
            "--input 8x8x6 --kernel 3 --filters 8 --groups 4",
            "groups must divide the channels and the filters, but 6 channels and 8 filters came "
            "for 4 groups",
        ),
        (
            "--input 28x28 --kernel 3 --pool --filters 2",
            "a pooling has no filters, groups, bias or transposed form",
        ),
        (
            "--input 28",
            'size takes a kernel, or layers, as in "conv(96, 11, stride=4)" "pool(3, stride=2)" '
            '"dense(10)"; neither came',
        ),
        (
            "--input 28 --kernel 3 pool(2)",
            'a chain has its numbers in its layers, as in "conv(96, 11, stride=4)" '
            '"pool(3, stride=2)" "dense(10)"; drop the others',
        ),
        ("--input 28 --kernel=-3", "kernel must be a whole number of at least 1, but -3 came"),
    ],
)
def test_what_no_layer_can_have_is_refused_in_a_sentence(line: str, message: str, capsys):
    assert main(["size", *line.split()]) == 2
    assert capsys.readouterr().err == f"striate: error: {message}\n"
