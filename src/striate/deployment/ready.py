"""Models of PyTorch made ready for another engine, and kept in the cache.

    <cache>/<key>/model.onnx    the whole graph, as `striate export` writes it
    <cache>/<key>/about.json    description of the source

The key is of the model file, the engine and the version, so a model is traced once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import striate
from striate import storage
from striate.cache_store import acquire, cache_folder, describe, file_digest, publish, reserve
from striate.errors import ModelError, printable
from striate.onnx_model import OnnxModel, load_onnx

_FILE = "model.onnx"
_COMPARED = 4  #: inputs on which both engines must answer alike


def load_ready(
    model: Path,
    engine: Literal["onnxruntime", "openvino"],
    threads: int = 0,
) -> OnnxModel:
    """Load a model file for an engine; PyTorch is loaded only where it was not made ready before.

    Raises what `load` and `trace_body` raise; ModelError where the engine answers otherwise than
    PyTorch, OptionError for a model that answers nothing about images.
    """
    try:
        digest = file_digest(model)
    except OSError:
        from striate.model_description import read_file

        read_file(model)  # raises what `load` raises
        raise
    said = f"{digest} {engine} {striate.__version__}"
    home = cache_folder(None) / hashlib.sha256(said.encode()).hexdigest()[:40]
    found = _load(home, engine, threads)
    if found is None:
        _make_ready(model, digest, engine, home)
        found = _load(home, engine, threads)
    if found is None:
        raise storage.storage_error(home, FileNotFoundError(2, "vanished"), "try again")
    return found


def _load(home: Path, engine: Literal["onnxruntime", "openvino"], threads: int) -> OnnxModel | None:
    """Return the model of an entry; None if there is none, or it is damaged."""
    held = acquire(home)
    if held is None:
        return None
    try:
        return load_onnx(home / _FILE, engine, threads) if (home / _FILE).is_file() else None
    except ModelError:
        return None
    finally:
        os.close(held)


def _make_ready(model: Path, digest: str, engine: Any, home: Path) -> None:
    from striate.deployment.body import trace_body  # PyTorch takes seconds to load
    from striate.deployment.onnx_export import check_exported
    from striate.deployment.onnx_file import assemble
    from striate.deployment.target import Contents
    from striate.model_file import load

    loaded, shown = load(model), printable(str(model))
    check_exported(loaded, shown)
    content = assemble(Contents(trace_body(loaded), loaded, source_sha256=digest))
    reserve(home.parent, len(content))
    partial = Path(tempfile.mkdtemp(prefix=home.name, suffix=".partial", dir=home.parent))
    try:
        storage.write(partial / _FILE, content)
        _check_answers(loaded, load_onnx(partial / _FILE, engine), engine, shown)
        describe(partial, f"{shown} for {engine}")
        publish(partial, home, lambda place: _load(place, engine, 0) is not None)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_answers(loaded: Any, ready: OnnxModel, engine: str, shown: str) -> None:
    """Raise ModelError where an engine answers otherwise than PyTorch."""
    from striate.deployment.body import example_rows
    from striate.deployment.proof import TOLERANCE, compare, pair_rows

    rows = example_rows(loaded, _COMPARED).numpy()
    found = compare(loaded, pair_rows(loaded, ready, rows, list(map(str, range(len(rows))))))
    if not found.agrees:
        raise ModelError(
            f"{shown}: {engine} answers otherwise than PyTorch, outputs differ by up to "
            f"{found.largest_difference:.2g} ({TOLERANCE:g} is allowed); leave out --engine"
        )
