"""Signals of any length become in the graph what they are in training, to the last bit."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_input import SignalInput
from striate.deployment.fitting import add_fitting
from striate.deployment.graph import OPSET, Graph
from striate.runtimes import open_session

LENGTHS = 1, 2, 3, 6, 7, 8, 9, 13, 14, 50, 501
NUMBERS = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


def opened(view):
    graph, kind = Graph(""), NUMBERS[view.dtype]
    graph.rename(add_fitting(graph, "signals", view), "out")
    channels = view.row_shape[-1]
    given = [helper.make_tensor_value_info("signals", kind, ["n", "length", channels])]
    outputs = [helper.make_tensor_value_info("out", kind, ["n", *view.row_shape])]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "fitting", given, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
    session = open_session(made.SerializeToString(), 1)
    return lambda signals: session.run(None, {"signals": signals})[0]


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
@pytest.mark.parametrize("size", [7, 8, 100])
def test_signals_of_any_length_are_fitted_as_in_training(fit, size):
    view = SignalInput(size, 3, fit)
    run = opened(view)
    random = np.random.default_rng(size)
    for length in LENGTHS:
        given = random.normal(size=(2, length, 3)).astype(np.float32)
        wanted = np.stack([view.fit_signal(each) for each in given])
        np.testing.assert_array_equal(run(given), wanted, f"length {length}")


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
def test_what_a_sequence_lacks_are_unknown_letters(fit):
    view = SequenceInput(8, 4, fit)
    run = opened(view)
    random = np.random.default_rng(0)
    for length in LENGTHS:
        given = random.integers(0, 5, (2, length, 1), dtype=np.uint8)
        wanted = np.stack([view.fit_signal(each) for each in given])
        np.testing.assert_array_equal(run(given), wanted, f"length {length}")
