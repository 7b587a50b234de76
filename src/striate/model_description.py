"""What a model file says of itself, checked; task and network are restored from it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from striate import tensorfile
from striate.data.listing.target_spec import NEEDS
from striate.errors import ModelError, OptionError, StorageError, printable
from striate.input_description import (
    Checked,
    PreprocessFields,
    SequenceFields,
    SignalFields,
    TargetFields,
    read_description,
)
from striate.layers import meta_init
from striate.provenance import Provenance
from striate.rejection import SIGNALS, Rejection
from striate.storage import MODEL_FILE
from striate.tasks import find_task
from striate.tasks.task import Task
from striate.text import list_names
from striate.zoo.spec import NetworkSpec

#: name of the features of a rejection among the tensors of a file
REJECTION_EXAMPLES = "rejection:examples"
#: most networks of an ensemble
MOST_MEMBERS = 100


class _FractionFields(Checked):
    validation: float = Field(ge=0, lt=1)
    test: float = Field(ge=0, lt=1)
    group: Annotated[str, Field(max_length=1000)] = ""


_SIGNALS = Field(min_length=SIGNALS, max_length=SIGNALS)


class _RejectionFields(Checked):
    share: float = Field(gt=0, lt=1)
    limit: float
    centers: Annotated[list[float], _SIGNALS]
    scales: Annotated[list[Annotated[float, Field(gt=0)]], _SIGNALS]


class Description(Checked):
    """The description of a model of one network."""

    format: Literal[1, 2]
    task: Annotated[str, Field(max_length=100)]
    network: Annotated[str, Field(max_length=1000)]
    network_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    targets: TargetFields
    preprocess: PreprocessFields
    fractions: _FractionFields
    facts: Annotated[dict[str, str], Field(max_length=100)]
    rejection: _RejectionFields | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


class SignalDescription(Description):
    """The same of a model on signals."""

    preprocess: SignalFields  # pyright: ignore[reportIncompatibleVariableOverride]


class SequenceDescription(Description):
    """The same of a model on sequences of DNA."""

    preprocess: SequenceFields  # pyright: ignore[reportIncompatibleVariableOverride]


class EnsembleDescription(Checked):
    """The description of an ensemble; each member's is that of a model of one network."""

    format: Literal[3]
    task: Annotated[str, Field(max_length=100)]
    targets: TargetFields
    fractions: _FractionFields
    facts: Annotated[dict[str, str], Field(max_length=100)]
    members: Annotated[list[dict[str, Any]], Field(min_length=2, max_length=MOST_MEMBERS)]
    provenance: dict[str, Any] = Field(default_factory=dict)


Said = TypeVar("Said", bound=Description | EnsembleDescription)


def read_file(path: Path) -> tuple[Path, dict[str, Any], dict[str, Tensor]]:
    """Return the file of a model or run, its description, unchecked, and its tensors.

    Raises OptionError if there is none, ModelError if it is foreign or damaged, StorageError.
    """
    if os.path.isdir(path):  # noqa: PTH112 - a Path raises where a parent may not be entered
        path /= MODEL_FILE
    try:
        description, weights = tensorfile.read(path)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise
        if (path.parent / "options.json").is_file():
            run = printable(str(path.parent))
            raise OptionError(
                f"{run}: no epoch of this run is done yet; resume with: "
                f"striate train --resume {run}"
            ) from error
        raise OptionError(
            f"{printable(str(path))}: no such file; expected a model file or the folder of a run"
        ) from error
    return path, description, weights


def check_description(path: Path, kind: type[Said], description: dict[str, Any]) -> Said:
    """Return the description of the file as the kind it should be. Raises ModelError."""
    try:
        return read_description(kind, description)
    except ValueError as error:
        raise refused(path, str(error)) from None


def check_network(path: Path, description: dict[str, Any]) -> Description:
    """Return the description of a model of one network. Raises ModelError."""
    preprocess = description.get("preprocess")
    inputs = preprocess.get("inputs") if isinstance(preprocess, dict) else None
    kinds = {None: Description, "sequence": SequenceDescription}
    return check_description(path, kinds.get(inputs, SignalDescription), description)


def refused(path: Path, reason: str) -> ModelError:
    """Return the error of a file that is no model, or not of the network it names."""
    return ModelError(f"{printable(str(path))}: model refused: {printable(reason, 300)}")


def explain_mismatch(first: Task, other: Task) -> str:
    """Say why the answers of two tasks cannot be averaged; "" if they can."""
    if other.name != first.name:
        return f"the task is {other.name}, not {first.name}"
    strange = sorted(set(other.spec.names) - set(first.spec.names))
    lacking = sorted(set(first.spec.names) - set(other.spec.names))
    what = f"has {list_names(strange)}" if strange else f"lacks {list_names(lacking)}"
    return f"the model {what} among its {first.spec.nouns}" if strange or lacking else ""


def restore_task(path: Path, said: Description | EnsembleDescription) -> Task:
    """Return the task of the file, with its targets. Raises ModelError."""
    spec = said.targets.restore()
    try:
        task = find_task(said.task)
        if task.kind != spec.kind:
            needed = NEEDS[task.kind]
            raise refused(
                path,
                f"the task {task.name} needs {needed} for every image, but the data give {spec}",
            )
        return task(spec)
    except OptionError as error:
        raise refused(path, str(error)) from error


def restore_provenance(path: Path, said: Description | EnsembleDescription) -> Provenance:
    """Return where the model of the file comes from. Raises ModelError."""
    try:
        return Provenance.restore(said.provenance)
    except ValueError as error:
        raise refused(path, f"provenance: {error}") from error


def restore_spec(path: Path, said: Description, task: Task, given: object) -> NetworkSpec:
    """Return the spec of the file's network; `given` supplies a custom one.

    Raises ModelError, and OptionError if a custom one is missing or does not match.
    """
    try:
        named = NetworkSpec.recorded(said.network, said.network_sha256)
    except OptionError as error:
        raise refused(path, str(error)) from error
    spec = NetworkSpec.of(named.completed(given, printable(str(path))))
    if spec.ours and not task.takes(spec.card.output):
        raise refused(path, f"{spec} does not fit the task {task.name}")
    side = said.preprocess.size // task.scale
    if demand := spec.card.size_error(side):
        raise refused(path, f"preprocess.size: {spec} {demand}, not {side}")
    return spec


def restore_rejection(
    path: Path, said: Description, weights: dict[str, Tensor]
) -> tuple[Rejection | None, dict[str, Tensor]]:
    """Return the rejection of the file, and the tensors of the network. Raises ModelError."""
    rest = dict(weights)
    examples, fields = rest.pop(REJECTION_EXAMPLES, None), said.rejection
    if fields is None and examples is None:
        return None, rest
    if fields is None or examples is None:
        raise refused(path, f"rejection: it needs its numbers, and {REJECTION_EXAMPLES}")
    kinds = (torch.float16, torch.float32)
    if examples.ndim != 2 or examples.dtype not in kinds or not examples.isfinite().all():
        raise refused(path, f"{REJECTION_EXAMPLES} must be finite numbers (images, features)")
    centers, scales = torch.tensor(fields.centers), torch.tensor(fields.scales)
    return Rejection(fields.share, fields.limit, centers, scales, examples), rest


def restore_network(
    path: Path, spec: NetworkSpec, said: Description, task: Task, weights: dict[str, Tensor]
) -> nn.Module:
    """Return the network of the file with its weights. Raises ModelError."""
    sizes = {
        "channels": task.input_channels(said.preprocess.channels),
        "size": said.preprocess.size // task.scale,
    }
    build = partial(spec.build, classes=task.outputs, **sizes)
    try:
        with meta_init() if spec.ours else torch.random.fork_rng(devices=()):
            network = build()
    except OptionError as error:
        if not spec.ours:
            raise
        raise refused(path, str(error)) from error
    expected = network.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        wanted, came = _kind(expected.get(name)), _kind(weights.get(name))
        if wanted != came:
            raise refused(path, f"{spec} has {wanted} at {name}, the file {came}")
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise refused(path, f"the weights of {name} are not all finite")
    network.load_state_dict(weights, assign=spec.ours)
    if any(buffer.is_meta for buffer in network.buffers()):  # non-persistent, computed on build
        network = build()
        network.load_state_dict(weights)
    return network


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape))}"
