"""Layers that 8 bits cost accuracy stay in float and are named; else int8 is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper

from striate.deployment.int8_ranges import Rounding
from striate.deployment.int8_search import FloatLayer, Int8, measure_shift, search_int8
from striate.deployment.quantize import calibrate
from striate.errors import ModelError
from striate.runtimes import open_session
from tests.deployment.graphs import Written, noise, outlier_body, residual_body


@dataclass(frozen=True)
class Lost:
    drop: float

    def __str__(self) -> str:
        return f"accuracy falls by {100 * self.drop:.0f} points on 64 images"


def changed(body: ModelProto, rows: np.ndarray):
    """Judge a model by the share of other answers than in float."""

    def most(model: ModelProto) -> np.ndarray:
        found = open_session(model.SerializeToString()).run(None, {"rows": rows})[0]
        return found.argmax(1)

    truth = most(body)
    return lambda model: Lost(float((most(model) != truth).mean()))


def test_a_network_that_8_bits_do_not_hurt_is_in_8_bits_throughout():
    body, rows = residual_body(), noise(64)
    found = search_int8(calibrate(body, [rows]), [rows], changed(body, rows), 0.1)
    assert (found.layers, found.floats) == (6, ())
    assert str(found) == "0 of 6 layers left in float"
    assert 0 < found.moved < 0.2


def test_the_layer_with_an_outlier_channel_is_left_in_float_and_named():
    body, rows = outlier_body(), noise(64)
    prove = changed(body, rows)
    calibrated = calibrate(body, [rows])
    assert prove(calibrated.quantize(rounding=Rounding("none"))).drop > 0.2
    found = search_int8(calibrated, [rows], prove, 0.1)
    assert [layer.name for layer in found.floats] == ["second"]
    assert found.layers == 4
    assert str(found).startswith("1 of 4 layers left in float: second (alone it moves the answers")
    assert prove(found.model).drop <= 0.05


def test_answers_that_are_moved_far_keep_an_eighth_of_the_layers_in_float():
    """Sixteen layers in a row, of which the first has an outlier channel; no figure tells it."""
    graph = Written()
    gain = np.array([1000.0] + [1.0] * 7)
    last = graph.node("Relu", [graph.conv(graph.start, "first", (3, 8), gain=gain)])
    for place in range(14):
        last = graph.node("Relu", [graph.conv(last, f"layer{place}", (8, 8), gain=1.5)])
    weights = next(each for each in graph.constants if each.name == "layer0.weight")
    values = numpy_helper.to_array(weights).copy()
    values[:, 0] /= 1000
    weights.CopyFrom(numpy_helper.from_array(values, "layer0.weight"))
    body, rows = graph.body(graph.head(last, 8)), noise(64)
    found = search_int8(calibrate(body, [rows]), [rows], lambda _: Lost(0.0), 0.01)
    assert found.layers == 16
    assert 1 <= len(found.floats) <= 2
    assert found.floats[0].name == "layer0"


def test_int8_is_refused_where_half_of_the_layers_in_float_are_not_enough():
    body, rows = outlier_body(), noise(64)
    losses = iter([0.6, 0.3])
    with pytest.raises(ModelError) as told:
        search_int8(calibrate(body, [rows]), [rows], lambda _: Lost(next(losses)), 0.01)
    assert str(told.value) == (
        "in 8 bits accuracy falls by 60 points on 64 images, more than the 1 points allowed;\n"
        "with 2 layers in float (“second”, “head”) still accuracy falls by 30 points on 64 "
        "images;\nexport it without --int8, or allow more by --allowed-drop"
    )
    with pytest.raises(ModelError, match="still accuracy falls by nan points"):
        search_int8(calibrate(body, [rows]), [rows], lambda _: Lost(np.nan), 0.01)


def test_answers_are_moved_in_shares_of_their_spread():
    truth = [np.array([[0.0, np.nan], [2.0, 4.0]])]
    assert measure_shift(truth, truth) == 0
    assert measure_shift([np.array([1.0, 3.0])], [np.array([1.0, 4.0])]) == pytest.approx(0.5**0.5)
    classes = [np.array([[1, 2], [3, 3]])]
    assert measure_shift(classes, [np.array([[1, 2], [3, 1]])]) == 0.25
    assert measure_shift([*truth, *classes], [*truth, np.array([[0, 2], [3, 1]])]) == 0.5


def test_what_is_left_in_float_is_told_in_one_line():
    floats = (FloatLayer("stem.conv", 0.5), FloatLayer("head", 0.021))
    assert str(Int8(ModelProto(), 12, floats, Rounding("mse"), 0.01)) == (
        "2 of 12 layers left in float: stem.conv (alone it moves the answers by 50.0 %), head "
        "(alone it moves the answers by 2.1 %)"
    )
