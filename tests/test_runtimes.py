"""Exported models are opened with one set of options, and nothing reports that they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from striate import runtimes
from striate.errors import ModelError, OptionError

OPENERS = (runtimes.open_session, runtimes.open_openvino)


@pytest.fixture(scope="module")
def doubling() -> bytes:
    """A model that multiplies its input (N, 3) by twice the identity."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "xy"]
    twice = numpy_helper.from_array(2 * np.eye(3, dtype=np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [twice])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def test_both_runtimes_compute_a_model_in_float32(doubling: bytes, tmp_path: Path):
    file = tmp_path / "model.onnx"
    file.write_bytes(doubling)
    rows = np.array([[1 + 2**-20, 2, 3]], np.float32)  # the first is 1 in bfloat16
    for model in (doubling, file):
        (ours,) = runtimes.open_session(model, 1).run(None, {"x": rows})
        np.testing.assert_array_equal(ours, 2 * rows)
        np.testing.assert_array_equal(runtimes.open_openvino(model, 1)(rows)[0], 2 * rows)


def test_threads_are_those_asked_for_or_all_cores(doubling: bytes):
    for threads, found in ((1, 1), (0, len(os.sched_getaffinity(0)))):
        session = runtimes.open_session(doubling, threads)
        assert session.get_session_options().intra_op_num_threads == found
        compiled = runtimes.open_openvino(doubling, threads)
        assert compiled.get_property("INFERENCE_NUM_THREADS") == found


@pytest.mark.parametrize(("flags", "exact"), [("avx2", True), ("avx512_vnni", False)])
def test_weights_in_8_bits_are_exact_on_processors_whose_sums_of_bytes_overflow(
    flags: str, exact: bool, doubling: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(runtimes, "_PROCESSOR", told)
    told.write_text(f"flags : fpu {flags}\n")
    for known in (exact, True):
        options = runtimes.open_session(doubling).get_session_options()
        if known:
            assert options.get_session_config_entry("session.x64quantprecision") == "1"
        else:
            with pytest.raises(RuntimeError):
                options.get_session_config_entry("session.x64quantprecision")
        told.unlink(missing_ok=True)  # then nothing is known


@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_that_is_missing_is_named(opener, tmp_path: Path):
    with pytest.raises(OptionError) as told:
        opener(tmp_path / "none.onnx")
    assert str(told.value) == f"{tmp_path / 'none.onnx'}: no such file"


def test_what_is_no_model_is_refused():
    with pytest.raises(ModelError) as told:
        runtimes.open_session(b"abc")
    assert str(told.value) == (
        "the model is not opened by onnxruntime: [ONNXRuntimeError] : 7 : INVALID_PROTOBUF : "
        "Failed to load model because protobuf parsing failed.\n"
        "export it again, or use a newer release of the runtime"
    )
    with pytest.raises(ModelError, match=r"^the model is not opened by OpenVINO: Unable to read"):
        runtimes.open_openvino(b"abc")


@pytest.mark.parametrize(
    ("opener", "package", "extra"),
    [
        (runtimes.open_session, "onnxruntime", "onnx"),
        (runtimes.open_openvino, "openvino", "openvino"),
    ],
)
def test_a_runtime_that_is_missing_is_told_with_the_command(
    opener, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OptionError) as told:
        opener(b"")
    assert str(told.value) == (
        f"this needs {package}, which is not installed: pip install 'striate[{extra}]'"
    )


@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
def test_an_import_that_is_interrupted_is_told_as_that(package: str, tmp_path: Path):
    pytest.importorskip(package)
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    program = (
        f"from striate import runtimes\ntry:\n    runtimes.import_{package}()\n"
        "except KeyboardInterrupt:\n    print('interrupted')"
    )
    places = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


#: opens and runs a model in a runtime, and prints what Python was seen to connect or write
WATCHED = """
import sys
from pathlib import Path

import numpy as np

seen = []
def watch(event, told):
    written = event == "open" and isinstance(told[1], str) and set(told[1]) & set("wax+")
    if event.startswith("socket.") or written:
        seen.append(f"{event} {told[0]}")
sys.addaudithook(watch)

from striate import runtimes

rows = np.ones((1, 3), np.float32)
model = Path(sys.argv[2])
if sys.argv[1] == "onnxruntime":
    runtimes.import_onnxruntime("quantization")
    runtimes.open_session(model).run(None, {"x": rows})
else:
    openvino = runtimes.import_openvino()
    openvino.save_model(openvino.convert_model(model), model.with_suffix(".xml"))
    runtimes.open_openvino(model.with_suffix(".xml"))(rows)
print(seen)
"""


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_runtime_connects_to_nothing_and_leaves_no_file(
    runtime: str, doubling: bytes, tmp_path: Path
):
    """An audit hook sees what Python does; `strace`, where installed, what the libraries do."""
    file, home = tmp_path / "model" / "model.onnx", tmp_path / "home"
    file.parent.mkdir()
    home.mkdir()
    file.write_bytes(doubling)
    calls = tmp_path / "calls"
    env = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "CI")}
    env |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("XDG_CACHE_HOME", None)
    traced = ["strace", "-f", "-e", "trace=connect,sendto", "-o", str(calls)]
    done = subprocess.run(
        [*traced * bool(shutil.which("strace")), sys.executable, "-c", WATCHED, runtime, str(file)],
        env=env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
    assert list(home.rglob("*")) == []
    if calls.exists():
        lines = calls.read_text("utf-8").splitlines()
        assert [line for line in lines if "connect(" in line or "sendto(" in line] == []
