"""A model in OpenVINO's own form: the ONNX graph, converted, with what it is in its metadata."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from striate.deployment.body import trace_body
from striate.deployment.onnx_file import assemble
from striate.deployment.target import Target, describe, restore
from striate.model import Ensemble, Model
from striate.onnx_model import DESCRIPTION, OnnxModel, batched
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

    def write(
        self,
        folder: Path,
        body: Any,
        model: Model | Ensemble,
        precision: str,
        source_sha256: str,
        batch: int | None,
    ) -> None:
        runtime: Any = import_openvino()
        content = assemble(body, model, precision, source_sha256, batch, branching=False)
        made = runtime.Core().read_model(content)
        made.set_rt_info(describe(model, precision, source_sha256), [DESCRIPTION])
        runtime.save_model(made, folder / self.files[0], compress_to_fp16=False)

    def open(self, folder: Path) -> OnnxModel:
        runtime: Any = import_openvino()
        files = [folder / name for name in self.files]
        described = runtime.Core().read_model(files[0]).get_rt_info([DESCRIPTION]).value
        compiled = open_openvino(files[0])
        run = batched(partial(_run, compiled), compiled.input(0).partial_shape[0].get_max_length())
        return restore(run, described, files)


def _run(compiled: Any, batch: NDArray[Any]) -> list[NDArray[Any]]:
    return [np.array(each) for each in compiled([batch]).values()]
