"""Runtimes of exported models, without PyTorch: what is imported, and how a model is opened there.

Both libraries report their use over the network as soon as they are imported: OpenVINO by a package
of its own, onnxruntime from 1.32 on by code in its library. Both are switched off here, so nothing
else imports them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from striate.distributed.launch import usable_cores
from striate.errors import ModelError, OptionError, StorageError, printable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from openvino import CompiledModel

_PROCESSOR = Path("/proc/cpuinfo")
_EXACT = "session.x64quantprecision"  # unsigned weights, which are half as fast
_FAULTS_ONLY = 3  # of onnxruntime's levels of messages


def import_onnxruntime(part: str = "") -> ModuleType:
    """Import onnxruntime, or a part of it, that reports nothing. Raises OptionError without it."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read once, when its library is loaded
    return _import(f"onnxruntime.{part}".rstrip("."), "onnx")


def import_openvino() -> ModuleType:
    """Import OpenVINO, that reports nothing. Raises OptionError without it."""
    # an import of what is None fails, whereupon OpenVINO takes a stub of its own
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore
    return _import("openvino", "openvino")


def _import(name: str, extra: str) -> ModuleType:
    package = name.partition(".")[0]
    importlib.import_module("numpy")  # else C does, which makes of Ctrl-C a failed import
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise OptionError(
            f"this needs {package}, which is not installed: pip install 'striate[{extra}]'"
        ) from error


def open_session(model: bytes | Path, threads: int = 0) -> InferenceSession:
    """Open an ONNX model, or its file, in onnxruntime; 0 threads are as many as there are cores.

    Raises OptionError without onnxruntime or without the file, ModelError for what is no such
    model, StorageError where it cannot be read.
    """
    runtime: Any = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = _FAULTS_ONLY
    if not _adds_products_of_bytes():  # else sums of two products of bytes overflow there
        options.add_session_config_entry(_EXACT, "1")
    content = model if isinstance(model, bytes) else _read(model)
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no special base
        raise _refused(model, "onnxruntime", error) from error


def open_openvino(
    model: bytes | Path, threads: int = 0, between: tuple[str, Sequence[str]] | None = None
) -> CompiledModel:
    """Open an ONNX model, or its file or one of OpenVINO's own, in OpenVINO; float32 stays float32.

    0 threads are as many as there are cores. `between` names a value that is given in place of the
    input, and the values that are returned, where they are there. Raises as `open_session` does.
    """
    runtime: Any = import_openvino()
    settings = {
        "INFERENCE_NUM_THREADS": threads or usable_cores(),
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 on processors that have it
        "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
    }
    if isinstance(model, Path):
        _check_file(model)
    try:
        core = runtime.Core()
        read = core.read_model(model)
        part = read if between is None else _part(runtime, read, *between)
        return core.compile_model(part, "CPU", settings)
    except Exception as error:  # its errors share no special base
        raise _refused(model, "OpenVINO", error) from error


def _adds_products_of_bytes() -> bool:
    """Return whether the processor has VNNI, as far as the system tells."""
    try:
        return "vnni" in _PROCESSOR.read_text("utf-8")
    except OSError:
        return False


def _part(runtime: Any, model: Any, given: str, returned: Sequence[str]) -> Any:
    """Return the part of a model between a value and others."""
    found = {name: out for op in model.get_ops() for out in op.outputs() for name in out.names}
    value = found[given]
    shape = value.partial_shape
    shape[0] = model.input(0).partial_shape[0]  # whose batch may be fixed
    entry = runtime.opset13.parameter(shape, value.element_type)
    for target in value.get_target_inputs():
        target.replace_source_output(entry.output(0))
    return runtime.Model([found[name] for name in returned if name in found], [entry])


def _read(file: Path) -> bytes:
    _check_file(file)
    try:
        return file.read_bytes()
    except OSError as error:
        raise StorageError(f"{printable(str(file))}: cannot be read: {error.strerror}") from error


def _check_file(file: Path) -> None:
    if not file.is_file():
        raise OptionError(f"{printable(str(file))}: no such file")


def _refused(model: bytes | Path, runtime: str, error: Exception) -> ModelError:
    shown = "the model" if isinstance(model, bytes) else printable(str(model))
    *_, reason = str(error).strip().splitlines() or ["no reason was given"]
    return ModelError(
        f"{shown} is not opened by {runtime}: {printable(reason, 200)}\n"
        "export it again, or use a newer release of the runtime"
    )
