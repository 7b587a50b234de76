"""Read what a model file says of itself: a model, an ensemble, or what was exported."""

from __future__ import annotations

import hashlib
from pathlib import Path

from striate.cache_store import file_digest
from striate.errors import OptionError
from striate.model_card.info import Member, ModelInfo
from striate.onnx_model import is_onnx, read_onnx
from striate.provenance import Provenance
from striate.storage import MODEL_FILE
from striate.training.origin import find_provenance
from striate.training.run import Run


def read_info(path: Path) -> ModelInfo:
    """Return what a model file says of itself, or that of a run; an exported one needs no PyTorch.

    Of a file that an earlier version wrote, its run tells where it comes from. The network must
    fit what the file says, but where that is code of the user's own, which is not asked for.
    Raises what `load` raises.
    """
    return _read_exported(path) if is_onnx(path) else _read_model(path)


def _read_exported(path: Path) -> ModelInfo:
    content, said, _, task, preprocess, provenance = read_onnx(path)
    return ModelInfo(
        path,
        "ONNX",
        len(content),
        hashlib.sha256(content).hexdigest(),
        said.task,
        task,
        said.network,
        said.parameters,
        (preprocess,),
        said.facts,
        provenance,
        said.rejects,
        said.precision,
        said.source_sha256,
        said.striate,
    )


def _read_model(path: Path) -> ModelInfo:
    from striate.model import Ensemble  # PyTorch takes seconds to load
    from striate.model_file import load, load_without_network

    file = path / MODEL_FILE if path.is_dir() else path
    try:
        model = load(path)
    except OptionError:  # its network is code of the user's own, or there is no file
        model = load_without_network(path)
    found = model.provenance
    run = Run(file.parent)
    if found == Provenance() and file.name == MODEL_FILE and run.finished:
        found = find_provenance(run, model.class_names)
    members = model.members if isinstance(model, Ensemble) else ()
    return ModelInfo(
        file,
        "safetensors",
        file.stat().st_size,
        file_digest(file),
        model.task.name,
        model.task,
        model.network_name,
        model.parameters or None,
        model.views,
        model.facts,
        found,
        model.rejection.share if model.rejection else None,
        members=tuple(Member(each.network_name, each.provenance.scores) for each in members),
    )
