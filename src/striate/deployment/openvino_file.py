"""A model in OpenVINO's own form: the ONNX graph, converted, with what it is in its metadata."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from onnx import ModelProto

from striate.deployment.body import layer_of, trace_body
from striate.deployment.onnx_file import assemble
from striate.deployment.target import Contents, Target, restore
from striate.errors import ModelError
from striate.model import Ensemble, Model
from striate.onnx_model import DESCRIPTION, OnnxModel, openvino_runner
from striate.runtimes import import_openvino, open_openvino


class OpenvinoTarget(Target):
    """`model.xml` and `model.bin`, without a branch: see `onnx_model` for what is wrong there."""

    files = "model.xml", "model.bin"
    package = "openvino"
    imports = """\
sys.modules["openvino_telemetry"] = None  # which would report its use over the network
import openvino"""
    opening = f"""\
# float32 stays float32, also on processors that are faster with less
graph = openvino.Core().read_model(here / "model.xml")
model = openvino.compile_model(graph, "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
described = graph.get_rt_info(["{DESCRIPTION}"]).value


def run(given):
    return list(model([given]).values())
"""

    def trace(self, model: Model | Ensemble) -> ModelProto:
        import_openvino()
        return trace_body(model)

    def write(self, folder: Path, contents: Contents) -> None:
        runtime: Any = import_openvino()
        for branching in ("Loop", "If"):
            if any(node.op_type == branching for node in contents.body.graph.node):
                raise _lacks(contents, branching)
        content = assemble(contents, branching=False)
        try:
            made = runtime.Core().read_model(content)
        except Exception as error:  # its errors share no special base
            *_, lacking = re.findall(r"operations: (\w+)", str(error)) or ["an operator"]
            raise _lacks(contents, lacking) from error
        made.set_rt_info(contents.describe(), [DESCRIPTION])
        runtime.save_model(made, folder / self.files[0], compress_to_fp16=False)

    def open(self, folder: Path) -> OnnxModel:
        runtime: Any = import_openvino()
        files = [folder / name for name in self.files]
        described = runtime.Core().read_model(files[0]).get_rt_info([DESCRIPTION]).value
        compiled = open_openvino(files[0])
        return restore(openvino_runner(compiled), described, files)


def _lacks(contents: Contents, operator: str) -> ModelError:
    """Name an operator that OpenVINO lacks, or computes wrongly, with the layer that uses it."""
    nodes = (node for node in contents.body.graph.node if node.op_type == operator)
    layer = next(map(layer_of, nodes), "") or "its last step"
    return ModelError(
        f"{contents.model.network_name} cannot be exported because of {layer}: OpenVINO cannot be "
        f"given the operator {operator}\n"
        "write it with --to onnx, which onnxruntime runs, or --to pt2"
    )
