"""Exported models: read without PyTorch, and run by onnxruntime or OpenVINO.

The metadata of an ONNX file hold what the model is, as JSON, and the SHA-256 of the file with 64
zeros in the digest's place: a runtime answers wrongly, without a word, where a weight is damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from striate import runtimes
from striate.data.decoding.preprocess import Preprocess
from striate.errors import ModelError, OptionError, StorageError, printable
from striate.input_description import (
    Checked,
    PreprocessFields,
    SequenceFields,
    SignalFields,
    TargetFields,
    read_description,
    restore_preprocess,
)
from striate.tasks import find_answers
from striate.tasks.answers import Answers

BLANK = "0" * 64  #: stands for the digest while it is computed
DESCRIPTION, DIGEST = "striate", "sha256"  #: keys of the metadata
ROWS = "rows"  #: value that holds preprocessed images, (N, size, size, channels)
REJECTED = "rejected"  #: output that says which images are none of the targets
RESTORED = ("boxes", "map")  #: heads whose output is brought back to the image
INNER = "_of_input"  #: ends the name of such an output as the body gives it
_GRAPH, _METADATA = 7, 14  # fields of ModelProto
_LENGTH_DELIMITED, _VARINT = 2, 0
_MAP_PIXELS = 2**20  # of images of which maps are computed together


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
        few = len(rows)
        if self.task.head != "logits":
            few = max(1, _MAP_PIXELS // self.preprocess.size**2)
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
    path = Path(path)
    content = _read(path)
    said, sha256 = check_content(path, content)
    try:
        task = find_answers(said.task)(said.targets.restore())
        preprocess = restore_preprocess(said.preprocess)
    except OptionError as error:
        raise _refused(path, str(error)) from error
    return OnnxModel(
        _open_runner(content, engine, threads, task, preprocess),
        task,
        preprocess,
        said.network,
        said.facts,
        said.precision,
        sha256,
    )


def _open_runner(
    content: bytes, engine: str, threads: int, task: Answers, view: Preprocess
) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return a function from a batch of inputs to all outputs of a model."""
    if engine == "openvino":
        return _open_openvino(content, threads, task, view)
    session = runtimes.open_session(content, threads)
    (given,) = session.get_inputs()
    return _batched(partial(_run_session, session, given.name), given.shape[0])


def _open_openvino(
    content: bytes, threads: int, task: Answers, view: Preprocess
) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """Return the same for the body alone, which is given preprocessed images.

    OpenVINO 2026.4 answers wrongly where an `If`, as before resampling, passes images on: the first
    time that a batch of its size comes.
    """
    decoded = task.decodes + (INNER if task.head in RESTORED else "")
    part = None if task.own_size else (ROWS, (decoded, REJECTED))
    compiled = runtimes.open_openvino(content, threads, part)
    run = partial(_run_openvino, compiled, None if task.own_size else view.row_shape[-1])
    return _batched(run, next(iter(compiled.input(0).partial_shape)).get_max_length())


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


def seal(content: bytes) -> bytes:
    """Return a serialized model whose digest is `BLANK` with its digest in that place."""
    place, _ = _find_digest(content)
    digest = hashlib.sha256(content).hexdigest()
    return content[:place] + digest.encode() + content[place + len(BLANK) :]


def check_content(path: Path, content: bytes) -> tuple[OnnxDescription, str]:
    """Return what a file says of itself, and its digest, which fits. Raises ModelError."""
    try:
        metadata = read_metadata(content)
        place, digest = _find_digest(content)
    except (ValueError, IndexError, KeyError) as error:
        raise _refused(path, "it was not written by striate export, or is cut off") from error
    blank = content[:place] + BLANK.encode() + content[place + len(BLANK) :]
    if hashlib.sha256(blank).hexdigest() != digest:
        raise _refused(path, "damaged: its bytes do not match the SHA-256 recorded in it")
    try:
        description = json.loads(metadata[DESCRIPTION])
        return read_description(OnnxDescription, description), digest
    except (ValueError, KeyError, RecursionError) as error:
        raise _refused(path, str(error)) from error


def read_metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a serialized model. Raises ValueError or IndexError for no model."""
    entries = [_fields(content, begin, end) for begin, end in _find_metadata(content)]
    return {content[slice(*key)].decode(): content[slice(*text)].decode() for key, text in entries}


def _find_digest(content: bytes) -> tuple[int, str]:
    """Return where the digest stands, and what it is. Raises KeyError if there is none."""
    for begin, end in _find_metadata(content):
        key, text = _fields(content, begin, end)
        if content[slice(*key)] == DIGEST.encode() and text[1] - text[0] == len(BLANK):
            return text[0], content[slice(*text)].decode()
    raise KeyError(DIGEST)


def _find_metadata(content: bytes) -> list[tuple[int, int]]:
    """Return begin and end of each entry of the metadata; all else is passed over."""
    found, place, graphs = list[tuple[int, int]](), 0, 0
    while place < len(content):
        number, kind, place = _tag(content, place)
        if kind == _VARINT:
            _, place = _varint(content, place)
            continue
        if kind != _LENGTH_DELIMITED:
            raise ValueError(f"no ONNX model: a field of kind {kind}")
        length, place = _varint(content, place)
        if place + length > len(content):
            raise ValueError("cut off")
        graphs += number == _GRAPH
        if number == _METADATA:
            found.append((place, place + length))
        place += length
    if graphs != 1:
        raise ValueError("no ONNX model: it has no graph")
    return found


def _fields(content: bytes, begin: int, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where key and value of an entry of the metadata stand."""
    spans, place = list[tuple[int, int]](), begin
    for wanted in (1, 2):
        number, kind, place = _tag(content, place)
        length, place = _varint(content, place)
        if (number, kind) != (wanted, _LENGTH_DELIMITED) or place + length > end:
            raise ValueError("no entry of metadata")
        spans.append((place, place + length))
        place += length
    return spans[0], spans[1]


def _tag(content: bytes, place: int) -> tuple[int, int, int]:
    value, place = _varint(content, place)
    return value >> 3, value & 7, place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("no ONNX model: a number without end")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise OptionError(f"{printable(str(path))}: no such model file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{printable(str(path))}: cannot be read: {error.strerror}") from error


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{printable(str(path))}: model refused: {printable(reason, 300)}\n"
        "write it anew: striate export MODEL --to onnx"
    )
