"""An ONNX file of a model: preprocessing, body and last step in one graph, and what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

import striate
from striate import storage
from striate.deployment.body import trace_body
from striate.deployment.fitting import add_fitting
from striate.deployment.graph import Graph
from striate.deployment.resizing import Resized, add_luminance, add_resizing
from striate.deployment.restoring import find_restoring
from striate.deployment.target import Contents, Target
from striate.errors import ModelError
from striate.model import Ensemble, Model
from striate.onnx_model import DESCRIPTION, INNER, ROWS, OnnxModel, load_onnx
from striate.onnx_seal import BLANK, DIGEST, seal

LARGEST = 2**31 - 1  #: bytes of a serialized model
_KINDS = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


class OnnxTarget(Target):
    """`model.onnx`, which onnxruntime opens."""

    files = ("model.onnx",)
    package = "onnxruntime"
    imports = "import onnxruntime"
    opening = f"""\
session = onnxruntime.InferenceSession(here / "model.onnx")
described = session.get_modelmeta().custom_metadata_map["{DESCRIPTION}"]


def run(given):
    return session.run(None, {{session.get_inputs()[0].name: given}})
"""

    def trace(self, model: Model | Ensemble) -> onnx.ModelProto:
        return trace_body(model)

    def write(self, folder: Path, contents: Contents) -> None:
        storage.write(folder / self.files[0], assemble(contents))

    def open(self, folder: Path) -> OnnxModel:
        return load_onnx(folder / self.files[0])


def assemble(contents: Contents, *, branching: bool = True) -> bytes:
    """Return the sealed file of a model.

    `branching` says whether images that need no resizing pass it by. Raises ModelError if the file
    is too large.
    """
    made, model = onnx.ModelProto(), contents.model
    made.CopyFrom(contents.body)
    _add_preprocessing(made.graph, model, branching=branching)
    if contents.batch is not None:
        _fix_batch(made.graph, contents.batch)
    made.producer_name, made.producer_version = "striate", striate.__version__
    made.doc_string = f"{model.network_name}: {model.task.name}, {model.task.spec}"
    made.graph.name = model.task.name
    del made.metadata_props[:]
    for key, text in (
        (DESCRIPTION, contents.describe()),
        ("names", json.dumps(list(model.class_names))),
        (DIGEST, BLANK),
    ):
        made.metadata_props.add(key=key, value=text)
    if made.ByteSize() > LARGEST:
        raise ModelError(
            f"{model.network_name}: {made.ByteSize():,} bytes are more than an ONNX file can hold "
            f"({LARGEST:,}); export a smaller network, or with --int8"
        )
    onnx.checker.check_model(made)
    return seal(made.SerializeToString())


def _fix_batch(graph: onnx.GraphProto, batch: int) -> None:
    """Let the first length of the input be a number, wherever it comes again."""
    name = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == name:
                dim.dim_value = batch


def _add_preprocessing(graph: onnx.GraphProto, model: Model | Ensemble, *, branching: bool) -> None:
    """Put preprocessing before the body, and what brings answers back to the image after it.

    The input is named "images", (N, H, W, 3) uint8; "signals", (N, L, channels) float32; or
    "sequences", (N, L, 1) codes in uint8.
    """
    view, before, resized = model.preprocess, Graph("before_"), None
    name, inner = f"{view.inputs}s", ["length", view.row_shape[-1]]
    if view.inputs != "image":
        rows = add_fitting(before, name, view)
    else:
        inner = ["height", "width", 3]
        if model.task.own_size:
            rows = add_luminance(before, name) if view.channels == 1 else name
        else:
            resized = add_resizing(before, name, view, branching=branching)
            rows = resized.rows
    before.rename(rows, ROWS)
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    shape = [batch.dim_param, *inner]
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(name, _KINDS[view.dtype], shape))
    after = Graph("after_")
    restore = find_restoring(model.task.head)
    if restore is not None and resized is not None:
        _restore(graph, after, restore, resized)
    nodes = [*before.nodes, *graph.node, *after.nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*before.constants, *after.constants])


def _restore(graph: onnx.GraphProto, after: Graph, restore: Any, resized: Resized) -> None:
    """Let the first output be that of the body, restored."""
    first = graph.output[0]
    name, inner = first.name, f"{first.name}{INNER}"
    for node in graph.node:
        node.output[:] = [inner if output == name else output for output in node.output]
        node.input[:] = [inner if given == name else given for given in node.input]
    after.rename(restore(after, inner, resized), name)
    kind = first.type.tensor_type
    if kind.elem_type == TensorProto.UINT8:  # a map
        for dim, side in zip(kind.shape.dim[1:], ("height", "width"), strict=True):
            dim.dim_param = side
