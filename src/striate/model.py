"""A trained model: network, class names and preprocessing, and its file format."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from striate import tensorfile
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import MOST_CLASSES, name_fault
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import NEEDS, TargetSpec
from striate.errors import ModelError, OptionError, StorageError, printable
from striate.layers import meta_init
from striate.legacy import upgrade_model
from striate.storage import MODEL_FILE
from striate.tasks import find_task
from striate.tasks.task import Task
from striate.text import html_table, list_names
from striate.zoo.spec import NetworkSpec

_MAP_PIXELS = 2**20  #: pixels of images of which maps are computed together


def _class_name(name: object) -> object:
    """Check a class name; unlike pydantic's `str` it may be non-UTF-8."""
    if fault := name_fault(name):
        raise PydanticCustomError("class_name", "expected {what}", {"what": fault})
    return name


_ClassName = Annotated[str, PlainValidator(_class_name)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _PreprocessFields(_Checked):
    size: int = Field(ge=1, le=4096)
    channels: Literal[1, 3]
    fit: Literal["letterbox", "crop", "stretch"]
    mean: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(max_length=3)]
    std: Annotated[list[Annotated[float, Field(ge=1e-4, le=1)]], Field(max_length=3)]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


class _FractionFields(_Checked):
    validation: float = Field(ge=0, lt=1)
    test: float = Field(ge=0, lt=1)


class _TargetFields(_Checked):
    kind: Annotated[str, Field(max_length=100)]
    names: Annotated[list[_ClassName], Field(min_length=1, max_length=MOST_CLASSES)]
    constants: Annotated[dict[str, list[float]], Field(max_length=100)]


class _Description(_Checked):
    format: Literal[1, 2]
    task: Annotated[str, Field(max_length=100)]
    network: Annotated[str, Field(max_length=1000)]
    network_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    targets: _TargetFields
    preprocess: _PreprocessFields
    fractions: _FractionFields
    facts: Annotated[dict[str, str], Field(max_length=100)]


@dataclass(frozen=True)
class Model:
    """A network with its class names and preprocessing."""

    network: nn.Module = field(repr=False)
    spec: NetworkSpec
    task: Task  #: with its target spec
    preprocess: Preprocess
    fractions: SplitFractions  #: split fractions of the training data
    facts: dict[str, str] = field(default_factory=dict[str, str])  #: training settings and scores

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the outputs."""
        return self.task.spec.names

    def _repr_html_(self) -> str:
        parameters = sum(values.numel() for values in self.network.parameters())
        image, names = self.preprocess, list_names(self.class_names)
        rows = (
            ("network", self.network_name),
            ("parameters", f"{parameters:,}"),
            ("targets", f"{self.task.spec}: {names}"),
            ("image", f"{image.size}x{image.size}x{image.channels}, {image.fit}"),
            *self.facts.items(),
        )
        return html_table([("model", self.task.name), *rows], left=(0, 1))

    @property
    def network_name(self) -> str:
        """Name of the network, with its arguments."""
        return str(self.spec)

    @torch.inference_mode()
    def outputs(self, pixels: Tensor) -> Tensor:
        """Return the network's outputs (N, ...) float32 of (N, size, size, channels) uint8 images.

        Computed on the network's device.
        """
        device = next(self.network.parameters()).device
        with self.spec.explained():
            return self.network(self.preprocess.normalize(pixels.to(device)))

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the task decodes of images (N, size, size, channels), a row an image.

        Maps are computed of a few images at a time, as every layer may be as large as the images.
        """
        each = self.preprocess.size**2
        few = max(1, _MAP_PIXELS // each) if self.task.head == "map" else len(pixels)
        outputs = map(self.outputs, torch.from_numpy(pixels).split(few))
        return np.concatenate([self.task.decode(part).cpu().numpy() for part in outputs])


def to_device(network: nn.Module, device: str | torch.device) -> nn.Module:
    """Move the network to a device, channels-last: 1.1 to 1.3 times as fast on a CPU."""
    return network.to(device=device, memory_format=torch.channels_last)  # pyright: ignore


def save(model: Model, path: Path) -> None:
    """Write a checksummed model file. Raises StorageError."""
    description = {
        "format": 2,
        "task": model.task.name,
        **model.spec.record(),
        "targets": model.task.spec.to_json(),
        "preprocess": asdict(model.preprocess),
        "fractions": asdict(model.fractions),
        "facts": model.facts,
    }
    tensorfile.write(path, model.network.state_dict(), description)


def load(path: str | Path, *, device: str | torch.device = "cpu", network: object = None) -> Model:
    """Load a model file (or the `model.safetensors` of a run folder), in evaluation mode.

    The file contains no code: for a custom network, pass the `network` it was trained with, as
    "mynet.py:Net", a module, or a class or function that returns one. Raises OptionError when
    that is missing or does not match, or there is no such file; ModelError when it is not a
    striate model, is damaged, or does not fit its network; StorageError when it cannot be read.
    """
    path = Path(path)
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
    said = _checked(path, upgrade_model(description))
    preprocess = Preprocess(
        said.preprocess.size,
        said.preprocess.channels,
        said.preprocess.fit,
        tuple(said.preprocess.mean),
        tuple(said.preprocess.std),
        said.preprocess.interpolation,
    )
    task = _task(path, said)
    spec = _spec(path, said, task, network)
    made = _network(path, spec, said, task, weights)
    return Model(
        (to_device(made, device) if spec.ours else made.to(device)).eval(),
        spec,
        task,
        preprocess,
        SplitFractions(said.fractions.validation, said.fractions.test),
        said.facts,
    )


def _checked(path: Path, description: dict[str, Any]) -> _Description:
    try:
        said = _Description.model_validate(description)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _refused(path, f"{place}: {first['msg']}") from None
    if len(set(said.targets.names)) < len(said.targets.names):
        raise _refused(path, "targets.names: a name stands there twice")
    wanted = said.preprocess.channels
    if {len(said.preprocess.mean), len(said.preprocess.std)} != {wanted}:
        raise _refused(path, f"preprocess: mean and std need {wanted} numbers each")
    return said


def _task(path: Path, said: _Description) -> Task:
    targets = said.targets
    constants = {name: tuple(values) for name, values in targets.constants.items()}
    spec = TargetSpec(targets.kind, tuple(targets.names), constants)
    try:
        task = find_task(said.task)
        if task.kind != spec.kind:
            needed = NEEDS[task.kind]
            raise _refused(
                path,
                f"the task {task.name} needs {needed} for every image, but the data give {spec}",
            )
        return task(spec)
    except OptionError as error:
        raise _refused(path, str(error)) from error


def _spec(path: Path, said: _Description, task: Task, given: object) -> NetworkSpec:
    """Return the spec of the file's network; `given` supplies a custom one. Raises ModelError."""
    try:
        named = NetworkSpec.recorded(said.network, said.network_sha256)
    except OptionError as error:
        raise _refused(path, str(error)) from error
    spec = NetworkSpec.of(named.completed(given, printable(str(path))))
    if spec.ours and spec.card.output != task.head:
        raise _refused(path, f"{spec} does not fit the task {task.name}")
    if demand := spec.card.size_error(said.preprocess.size):
        raise _refused(path, f"preprocess.size: {spec} {demand}, not {said.preprocess.size}")
    return spec


def _network(
    path: Path, spec: NetworkSpec, said: _Description, task: Task, weights: dict[str, Tensor]
) -> nn.Module:
    sizes = {"channels": said.preprocess.channels, "size": said.preprocess.size}
    build = partial(spec.build, classes=task.outputs, **sizes)
    try:
        with meta_init() if spec.ours else torch.random.fork_rng(devices=()):
            network = build()
    except OptionError as error:
        if not spec.ours:
            raise
        raise _refused(path, str(error)) from error
    expected = network.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        wanted, came = _kind(expected.get(name)), _kind(weights.get(name))
        if wanted != came:
            raise _refused(path, f"{spec} has {wanted} at {name}, the file {came}")
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise _refused(path, f"the weights of {name} are not all finite")
    network.load_state_dict(weights, assign=spec.ours)
    if any(buffer.is_meta for buffer in network.buffers()):  # non-persistent, computed on build
        network = build()
        network.load_state_dict(weights)
    return network


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape))}"


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(f"{printable(str(path))}: model refused: {printable(reason, 300)}")
