"""Layers are computed in 8 bits in both runtimes, and rounded as little as 8 bits allow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, numpy_helper

from striate.deployment.int8_plan import Graph, make_plan
from striate.deployment.int8_ranges import Range, Rounding, Steps
from striate.deployment.quantize import calibrate
from striate.errors import ModelError
from striate.runtimes import open_openvino, open_session
from tests.deployment.graphs import Written, gated_body, noise, residual_body


def answers(model: ModelProto, rows: np.ndarray) -> np.ndarray:
    return open_session(model.SerializeToString()).run(None, {"rows": rows})[0]


def executed(model: ModelProto, folder: Path) -> Counter[str]:
    """The operators that onnxruntime makes of a model."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "executed.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    found = onnx.load(folder / "executed.onnx").graph.node
    return Counter(node.op_type for node in found)


def test_every_layer_and_what_joins_them_is_computed_in_8_bits(tmp_path: Path):
    made = calibrate(residual_body(), [noise(32)]).quantize()
    onnx.checker.check_model(made)
    found = executed(made, tmp_path)
    assert found == {
        "Transpose": 1, "Cast": 1, "Mul": 1, "Add": 1, "QuantizeLinear": 1, "QLinearConv": 5,
        "MaxPool": 1, "QLinearAdd": 1, "QLinearConcat": 1, "QLinearGlobalAveragePool": 1,
        "Flatten": 1, "QGemm": 1, "Softmax": 1,
    }  # fmt: skip


def test_both_runtimes_answer_almost_as_in_float_and_as_each_other():
    body, rows = residual_body(), noise(64)
    made = calibrate(body, [rows]).quantize()
    truth, found = answers(body, rows), answers(made, rows)
    other = open_openvino(made.SerializeToString())(rows)[0]
    assert truth.std() > 0.1
    np.testing.assert_allclose(found, truth, atol=0.03)
    np.testing.assert_allclose(other, found, atol=0.01)


def test_tensors_between_layers_are_in_8_bits_as_far_as_all_that_they_are_made_of_is():
    graph = Graph(residual_body().graph)
    plan = make_plan(graph)
    assert plan.tensors == {
        "add3", "relu5", "maxpool6", "relu8", "conv9", "relu11", "relu13", "relu15", "concat16",
        "globalaveragepool17", "flatten18",
    }  # fmt: skip
    assert plan.shared == {"maxpool6": "relu5", "flatten18": "globalaveragepool17"}
    alone = make_plan(graph, frozenset({"point"}))
    assert {node.input[1] for node in alone.layers} == {
        f"{name}.weight" for name in ("first", "depth", "left", "right", "head")
    }
    assert plan.tensors - alone.tensors == {"relu8", "conv9"}


def test_a_layer_before_an_operator_in_float_gives_8_bits(tmp_path: Path):
    body, rows = gated_body(), noise(32)
    made = calibrate(body, [rows]).quantize()
    found = executed(made, tmp_path)
    assert (found["QLinearConv"], found["Conv"], found["Sigmoid"]) == (2, 0, 1)
    np.testing.assert_allclose(answers(made, rows), answers(body, rows), atol=0.03)


def constants(model: ModelProto) -> dict[str, np.ndarray]:
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def test_weights_are_rounded_channel_by_channel():
    body = residual_body()
    made = calibrate(body, [noise(8)]).quantize()
    found, truth = constants(made), constants(body)["first.weight"]
    levels, steps = found["conv4_weights_level"], found["conv4_weights_step"]
    assert (levels.dtype, steps.shape) == (np.int8, (8,))
    np.testing.assert_allclose(steps, np.abs(truth).max((1, 2, 3)) / 127, rtol=1e-6)
    np.testing.assert_array_less(np.abs(levels * steps[:, None, None, None] - truth), steps.max())
    assert not {"first.weight", "head.weight"} & found.keys()


@pytest.mark.parametrize(("kind", "turned"), [("Gemm", 0), ("Gemm", 1), ("MatMul", None)])
def test_weights_of_a_linear_layer_are_rounded_by_its_outputs(kind: str, turned: int | None):
    graph = Written()
    flat = graph.node("Flatten", [graph.start])
    weights = np.ones((192, 3), np.float32) * [1, 10, 100]
    weights = (weights.T if turned else weights).astype(np.float32)
    given = [flat, graph.constant("head.weight", weights)]
    attributes = {} if turned is None else {"transB": turned}
    body = graph.body(graph.node(kind, given, **attributes))
    found = constants(calibrate(body, [noise(8)]).quantize())
    (steps,) = (each for name, each in found.items() if name.endswith("_weights_step"))
    np.testing.assert_allclose(steps, np.array([1, 10, 100]) / 127, rtol=1e-6)


def test_a_bias_far_beyond_its_weights_is_kept():
    graph = Written()
    conv = graph.node("Relu", [graph.conv(graph.start, "first", (3, 8))])
    tiny = numpy_helper.to_array(graph.constants[-2]).copy()
    tiny[2] = 1e-20
    graph.constants[-2] = numpy_helper.from_array(tiny, "first.weight")
    bias = np.full(8, 5, np.float32)
    graph.constants[-1] = numpy_helper.from_array(bias, "first.bias")
    body = graph.body(graph.head(conv, 8))
    made = calibrate(body, [noise(8)]).quantize()
    found = constants(made)
    restored = found["conv4_bias_level"] * found["conv4_bias_step"].astype(np.float64)
    np.testing.assert_allclose(restored, bias, rtol=1e-3)


def test_a_bias_makes_up_for_what_rounded_weights_add_on_average():
    """Weights of one channel are rounded all one way, by a quarter of a step."""
    graph = Written()
    conv = graph.conv(graph.start, "first", (3, 8), kernel=1)
    weights = np.full((8, 3, 1, 1), 100.25 / 127, np.float32)
    weights[:, 0] = 1
    graph.constants[-2] = numpy_helper.from_array(weights, "first.weight")
    body = graph.body(graph.head(graph.node("Relu", [conv]), 8))
    bright = 128 + noise(64) // 2
    calibrated = calibrate(body, [bright])
    plain, corrected = (
        constants(calibrated.quantize(rounding=Rounding("none", way)))["conv4_bias_level"]
        for way in (False, True)
    )
    means = calibrated.ranges["add3"].means
    assert means.shape == (3,)
    np.testing.assert_allclose(means, (bright * (2 / 255) - 1).mean((0, 1, 2)), atol=1e-6)
    step = calibrated.ranges["add3"].steps("none").step / 127
    np.testing.assert_allclose(
        corrected - plain, (0.25 / 127) * (means[1] + means[2]) / step, atol=1
    )
    assert abs(corrected - plain).min() > 1


def test_a_range_is_clipped_where_that_leaves_a_smaller_error():
    values = np.append(np.linspace(0, 1, 1_000_000), 2).astype(np.float32)
    found = Range(0, 2, values)
    assert found.steps("none") == Steps(float(np.float32(2 / 255)), 0)
    assert found.steps("mse").step == pytest.approx(1 / 255)
    signed = Range(-1, 3, np.linspace(-1, 3, 1000, dtype=np.float32))
    assert signed.steps("mse") == signed.steps("none") == Steps(float(np.float32(4 / 255)), 64)
    assert Range(0, 0, np.zeros(3, np.float32)).steps("mse").zero == 0


def test_values_that_are_not_finite_are_refused():
    graph = Written()
    huge = graph.node("Relu", [graph.conv(graph.start, "first", (3, 8), gain=3e38)])
    body = graph.body(graph.head(graph.conv(huge, "second", (8, 8)), 8))
    with pytest.raises(ModelError) as told:
        calibrate(body, [noise(8)])
    assert str(told.value) == (
        "the network has values that are not finite on its calibration images, which 8 bits cannot "
        "hold; export it without --int8"
    )
