"""Exported models: read without PyTorch, and run by onnxruntime or OpenVINO.

The metadata of an ONNX file hold what the model is, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from striate import runtimes
from striate.data.decoding.preprocess import Preprocess
from striate.input_description import (
    Checked,
    PreprocessFields,
    SequenceFields,
    SignalFields,
    TargetFields,
    read_description,
    restore_preprocess,
)
from striate.provenance import Provenance
from striate.sealed import SealedFile, open_sealed, read_sealed, refused
from striate.tasks import find_answers
from striate.tasks.answers import Answers

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DESCRIPTION = "striate"  #: key of the metadata
ROWS = "rows"  #: value that holds preprocessed images, (N, size, size, channels)
REJECTED = "rejected"  #: output that says which images are none of the targets
RESTORED = ("boxes", "map")  #: heads whose output is brought back to the image
INNER = "_of_input"  #: ends the name of such an output as the body gives it


class OnnxDescription(Checked):
    """What an exported model says of itself."""

    format: Literal[1]
    task: Annotated[str, Field(max_length=100)]
    network: Annotated[str, Field(max_length=1000)]
    targets: TargetFields
    preprocess: PreprocessFields | SignalFields | SequenceFields
    facts: Annotated[dict[str, str], Field(max_length=100)]
    source_sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    precision: Literal["float32", "int8"]
    striate: Annotated[str, Field(max_length=100)]
    parameters: int | None = None  #: of the networks
    rejects: float | None = None  #: share of the known images that was to be rejected
    provenance: dict[str, Any] = Field(default_factory=dict)


class OnnxFile(NamedTuple):
    """An ONNX file of a model, checked."""

    content: bytes
    said: OnnxDescription
    sha256: str  #: as recorded in it
    task: Answers
    preprocess: Preprocess
    provenance: Provenance


@dataclass(frozen=True)
class OnnxModel:
    """A model of an ONNX file; an engine of predictions, as `Model` is."""

    run: Callable[[NDArray[Any]], list[NDArray[Any]]] = field(repr=False)  #: a batch of inputs
    task: Answers
    preprocess: Preprocess
    network_name: str
    facts: Mapping[str, str]
    precision: str  #: "float32" or "int8"
    sha256: str  #: of the file

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the outputs."""
        return self.task.spec.names

    @property
    def views(self) -> tuple[Preprocess, ...]:
        """The ways in which an image is prepared: one."""
        return (self.preprocess,)

    def decode_and_reject(
        self, *pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what is decoded of images (N, size, size, channels), and which are rejected."""
        (rows,) = pixels
        few = self.task.images_at_once(self.preprocess.size) or len(rows)
        parts = (rows[at : at + few] for at in range(0, len(rows), few))
        found = [self.run(self._inputs(part)) for part in parts]
        decoded, *rejected = map(np.concatenate, zip(*found, strict=True))
        return decoded, rejected[0] if rejected else np.zeros(len(rows), np.bool_)

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is decoded of an image in its own size, (H, W) or (H, W, 3)."""
        return self.run(self._inputs(np.atleast_3d(pixels)[None]))[0][0]

    def _inputs(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return images as the file takes them: gray is repeated, as the file mixes it again."""
        gray = self.preprocess.inputs == "image" and rows.shape[-1] == 1
        return np.repeat(rows, 3, axis=-1) if gray else np.ascontiguousarray(rows)


def is_onnx(path: str | Path) -> bool:
    """Return whether a path is that of an exported model, by its suffix."""
    return Path(path).suffix.lower() == ".onnx"


def load_onnx(
    path: str | Path, engine: Literal["onnxruntime", "openvino"] = "onnxruntime", threads: int = 0
) -> OnnxModel:
    """Load a file written by `striate export`, without PyTorch; 0 threads are all cores.

    Raises OptionError without the file or the engine, ModelError for a file that is damaged or
    was not written by striate, StorageError where it cannot be read.
    """
    if engine == "openvino":
        file = read_onnx(Path(path))
        run = _open_openvino(file, threads)
    else:
        sealed, session = open_sealed(Path(path), threads)
        file = _describe(Path(path), sealed)
        run = _open_runner(session)
    said = file.said
    return OnnxModel(
        run, file.task, file.preprocess, said.network, said.facts, said.precision, file.sha256
    )


def read_onnx(path: Path) -> OnnxFile:
    """Read a file written by `striate export`, without a runtime. Raises as `load_onnx` does."""
    return _describe(path, read_sealed(path))


def _describe(path: Path, sealed: SealedFile) -> OnnxFile:
    """Return a file with what it says of itself. Raises ModelError."""
    content, metadata, sha256 = sealed
    try:
        said = read_description(OnnxDescription, json.loads(metadata.get(DESCRIPTION, "{}")))
        task = find_answers(said.task)(said.targets.restore())
        preprocess = restore_preprocess(said.preprocess)
        provenance = Provenance.restore(said.provenance)
    except (ValueError, RecursionError) as error:  # OptionError is a ValueError
        raise refused(path, str(error)) from error
    return OnnxFile(content, said, sha256, task, preprocess, provenance)


def _open_runner(session: InferenceSession) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return a function from a batch of inputs to all outputs of a model."""
    (given,) = session.get_inputs()
    return _batched(partial(_run_session, session, given.name), given.shape[0])


def _open_openvino(file: OnnxFile, threads: int) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return the same for the body alone, which is given preprocessed images.

    OpenVINO 2026.4 answers wrongly where an `If`, as before resampling, passes images on: the first
    time that a batch of its size comes.
    """
    task = file.task
    decoded = task.decodes + (INNER if task.head in RESTORED else "")
    part = None if task.own_size else (ROWS, (decoded, REJECTED))
    compiled = runtimes.open_openvino(file.content, threads, part)
    return openvino_runner(compiled, None if task.own_size else file.preprocess.row_shape[-1])


def openvino_runner(
    compiled: Any, channels: int | None = None
) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return a function from a batch of inputs, or their first channels, to all outputs."""
    count = next(iter(compiled.input(0).partial_shape)).get_max_length()
    return _batched(partial(_run_openvino, compiled, channels), count)


def _batched(
    run: Callable[[NDArray[Any]], list[NDArray[Any]]], count: Any
) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return the function for any number of inputs, of one that may take `count` at once alone."""
    if not isinstance(count, int) or count < 1:  # any number
        return run

    def run_batches(batch: NDArray[Any]) -> list[NDArray[Any]]:
        rows = np.arange(-(-len(batch) // count) * count).clip(max=len(batch) - 1)
        found = [run(batch[some]) for some in np.split(rows, len(rows) // count)]
        return [np.concatenate(outputs)[: len(batch)] for outputs in zip(*found, strict=True)]

    return run_batches


def _run_session(session: Any, name: str, batch: NDArray[Any]) -> list[NDArray[Any]]:
    return session.run(None, {name: batch})


def _run_openvino(compiled: Any, channels: int | None, batch: NDArray[Any]) -> list[NDArray[Any]]:
    given = np.ascontiguousarray(batch[..., :channels])
    return [np.array(each) for each in compiled([given]).values()]
