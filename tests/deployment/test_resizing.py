"""Preprocessing inside an exported graph is that of training, bit by bit."""

from itertools import product

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from striate.data.decoding.preprocess import Preprocess
from striate.deployment import torch_resizing
from striate.deployment.graph import OPSET, Graph
from striate.deployment.resizing import add_luminance, add_resizing
from striate.runtimes import open_openvino, open_session

#: height and width: as the input, smaller, one pixel, larger, tall, wide, odd
SIDES = ((28, 28), (7, 5), (1, 1), (120, 160), (333, 77), (37, 301), (29, 28), (2, 300), (200, 3))


def opened(graph, value, shape, engine="onnxruntime"):
    outputs = [helper.make_tensor_value_info("out", TensorProto.UINT8, shape)]
    graph.rename(value, "out")
    given = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "h", "w", 3])]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "resizing", given, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
    onnx.checker.check_model(made)
    if engine == "openvino":
        compiled = open_openvino(made.SerializeToString(), 1)
        return lambda images: compiled([images])[0].copy()
    session = open_session(made.SerializeToString(), 1)
    return lambda images: session.run(None, {"images": images})[0]


def images(height, width, count=2):
    """Noise, which any difference of a weight shows in, and hard edges."""
    random = np.random.default_rng(height * 1000 + width)
    noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    edges = random.integers(0, 2, (height, width, 1), dtype=np.uint8).repeat(3, axis=2) * 255
    return np.stack([noise, edges][:count])


@pytest.mark.parametrize(
    ("fit", "channels", "interpolation"),
    list(product(("letterbox", "crop", "stretch"), (1, 3), ("bilinear", "bicubic"))),
)
def test_bytes_of_any_size_become_the_same_bytes_as_in_training(fit, channels, interpolation):
    view = Preprocess(28, channels, fit, interpolation=interpolation)
    graph = Graph("")
    run = opened(graph, add_resizing(graph, "images", view).rows, ["n", 28, 28, channels])
    for height, width in SIDES:
        given = images(height, width)
        wanted = np.stack([view.to_array(Image.fromarray(one)) for one in given])
        np.testing.assert_array_equal(run(given), wanted, f"{height} x {width}")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("fit", "channels"), list(product(("letterbox", "crop", "stretch"), (1, 3)))
)
def test_without_a_branch_every_engine_makes_the_same_bytes(engine, fit, channels):
    view = Preprocess(28, channels, fit)
    graph = Graph("")
    resized = add_resizing(graph, "images", view, branching=False)
    assert "If" not in {node.op_type for node in graph.nodes}
    run = opened(graph, resized.rows, ["n", 28, 28, channels], engine)
    for height, width in SIDES:
        given = images(height, width)
        wanted = np.stack([view.to_array(Image.fromarray(one)) for one in given])
        np.testing.assert_array_equal(run(given), wanted, f"{height} x {width}")


@pytest.mark.parametrize(
    ("fit", "channels", "interpolation"),
    list(product(("letterbox", "crop", "stretch"), (1, 3), ("bilinear", "bicubic"))),
)
def test_a_module_makes_the_same_bytes(fit, channels, interpolation):
    view = Preprocess(28, channels, fit, interpolation=interpolation)
    for height, width in SIDES:
        given = images(height, width)
        wanted = np.stack([view.to_array(Image.fromarray(one)) for one in given])
        colored = torch.from_numpy(given)
        rows = torch_resizing.add_luminance(colored) if channels == 1 else colored
        found = torch_resizing.resize(rows, *torch_resizing.place(colored, view), view)
        np.testing.assert_array_equal(found, wanted, f"{height} x {width}")


def test_cubic_weights_of_openvino_are_off_by_a_level_in_few_bytes():
    view = Preprocess(28, 3, "crop", interpolation="bicubic")
    graph = Graph("")
    resized = add_resizing(graph, "images", view, branching=False)
    run = opened(graph, resized.rows, ["n", 28, 28, 3], "openvino")
    for height, width in SIDES:
        given = images(height, width)
        wanted = np.stack([view.to_array(Image.fromarray(one)) for one in given])
        apart = np.abs(run(given).astype(int) - wanted)
        assert (apart.max() <= 1, apart.mean() < 0.02) == (True, True), f"{height} x {width}"


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("size", [1, 17, 37, 224])
def test_blocks_of_columns_make_an_image_of_any_size(engine, size):
    view = Preprocess(size, 3, "letterbox")
    graph = Graph("")
    rows = add_resizing(graph, "images", view, branching=False).rows
    run = opened(graph, rows, ["n", size, size, 3], engine)
    for height, width in ((size, size), (size, size + 1), (300, 1000), (1500, 20), (5, 3)):
        given = images(height, width)
        wanted = np.stack([view.to_array(Image.fromarray(one)) for one in given])
        np.testing.assert_array_equal(run(given), wanted, f"{height} x {width}")


def test_gray_is_that_of_pillow_for_every_color():
    graph = Graph("")
    run = opened(graph, add_luminance(graph, "images"), ["n", "h", "w", 1])
    numbers = np.arange(1 << 24, dtype=np.uint32)
    colors = np.stack([numbers >> 16, numbers >> 8, numbers], axis=-1).astype(np.uint8)
    given = colors.reshape(4096, 4096, 3)
    wanted = np.asarray(Image.fromarray(given).convert("L"))
    np.testing.assert_array_equal(run(given[None])[0, ..., 0], wanted)
