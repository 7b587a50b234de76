"""One HTML page that answers dropped images offline: model, runtime and program in a file."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import OptionError, printable
from striate.evaluation.page import find_template
from striate.onnx_model import REJECTED
from striate.tasks.results import NONE_OF_THESE

if TYPE_CHECKING:
    from striate.model import Ensemble, Model

PAGE = "answer.html"  #: name of the file
#: of the npm package onnxruntime-web: the program, and what it is compiled to
_RUNTIME = {"runtime": "ort.wasm.bundle.min.mjs", "wasm": "ort-wasm-simd-threaded.wasm"}


def read_runtime(package: Path, model: Model | Ensemble) -> dict[str, bytes]:
    """Return what the page of a model needs of the folder of the npm package.

    Raises OptionError without it, and for a model that is not given images.
    """
    if model.preprocess.inputs != "image":
        raise OptionError(
            f"--page is for models that are given images, but this one is given a "
            f"{model.preprocess.inputs}; leave it out"
        )
    files = {name: package / "dist" / file for name, file in _RUNTIME.items()}
    for file in files.values():
        if not file.is_file():
            raise OptionError(
                f"--page {printable(str(package))}: expected the npm package onnxruntime-web, but "
                f"dist/{file.name} is not there\n"
                "get it by: npm install onnxruntime-web; then --page node_modules/onnxruntime-web"
            )
    return {name: file.read_bytes() for name, file in files.items()}


def write_page(model: Model | Ensemble, exported: bytes, runtime: dict[str, bytes]) -> str:
    """Return a page that answers as an exported model does, which is given with its runtime."""
    from markupsafe import Markup  # comes with jinja2

    parts = {**runtime, "model": exported}
    described = {
        "names": model.class_names,
        "constants": dict(model.task.spec.constants),
        "rejected": REJECTED,
        "none": NONE_OF_THESE,
    }
    # within a script an angle bracket could end it
    safe = json.dumps(described).replace("<", "\\u003c")
    return find_template("answer.html").render(
        title=f"{model.network_name}, {model.task.name}",
        about=f"{model.task.spec}; {model.preprocess.describe()}",
        parts={name: _pack(content) for name, content in parts.items()},
        described=Markup(safe),  # noqa: S704  # a script holds no entities
        answer=Markup(model.task.write_script()),  # noqa: S704  # of our own
    )


def _pack(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
