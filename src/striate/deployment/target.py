"""What a file of another runtime is: how it is written, opened, and used by a program."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

import striate
from striate.input_description import read_description, restore_preprocess
from striate.model import Ensemble, Model
from striate.onnx_model import OnnxDescription, OnnxModel
from striate.tasks import find_answers

#: from a batch of inputs to all outputs
Run = Callable[[NDArray[Any]], list[NDArray[Any]]]


@dataclass(frozen=True)
class Contents:
    """What is written of a model."""

    body: Any  #: as `Target.trace` gives it, or rounded to 8 bits
    model: Model | Ensemble
    precision: str = "float32"  #: or "int8"
    source_sha256: str = ""  #: of the model file, if it is known
    batch: int | None = None  #: images at once, where it is always the same number

    def describe(self) -> str:
        """Return what a file says of itself, as `onnx_model.OnnxDescription` reads it, in JSON."""
        model = self.model
        described = {
            "format": 1,
            "task": model.task.name,
            "network": model.network_name,
            "targets": model.task.spec.to_json(),
            "preprocess": model.preprocess.to_json(),
            "facts": dict(model.facts),
            "source_sha256": self.source_sha256,
            "precision": self.precision,
            "striate": striate.__version__,
            "parameters": model.parameters,
            "rejects": model.rejection.share if model.rejection else None,
            "provenance": model.provenance.to_json(),
        }
        return json.dumps(described, allow_nan=False)


class Target(ABC):
    """A form of file that models are exported in."""

    files: ClassVar[tuple[str, ...]]  #: their names; the first is opened
    package: ClassVar[str]  #: of its runtime
    #: lines of a program that import the runtime, and that open the file at `here`: they make a
    #: function `run` from an array to all outputs, and `described`, a text
    imports: ClassVar[str]
    opening: ClassVar[str]

    @abstractmethod
    def trace(self, model: Model | Ensemble) -> Any:
        """Return the body of a model, for any batch. Raises OptionError, ModelError."""

    @abstractmethod
    def write(self, folder: Path, contents: Contents) -> None:
        """Write the files of a model. Raises ModelError, StorageError."""

    @abstractmethod
    def open(self, folder: Path) -> OnnxModel:
        """Open the files that were written."""


def restore(run: Run, described: str, files: list[Path]) -> OnnxModel:
    """Return what answers by these files as they say of themselves, with their SHA-256."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    said = read_description(OnnxDescription, json.loads(described))
    return OnnxModel(
        run,
        find_answers(said.task)(said.targets.restore()),
        restore_preprocess(said.preprocess),
        said.network,
        said.facts,
        said.precision,
        digest.hexdigest(),
    )
