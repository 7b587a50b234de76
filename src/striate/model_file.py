"""Model files: a network with its weights, or several, and what they say of themselves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from striate import tensorfile
from striate.data.listing.splits import SplitFractions
from striate.errors import OptionError, printable
from striate.hardware import to_device
from striate.input_description import restore_preprocess
from striate.legacy import upgrade_model
from striate.model import Ensemble, Model
from striate.model_description import (
    REJECTION_EXAMPLES,
    Description,
    EnsembleDescription,
    check_description,
    check_network,
    explain_mismatch,
    read_file,
    refused,
    restore_network,
    restore_provenance,
    restore_rejection,
    restore_spec,
    restore_task,
)
from striate.rejection import Rejection
from striate.tasks.task import Task
from striate.zoo.spec import NetworkSpec


def save(model: Model | Ensemble, path: Path) -> None:
    """Write a checksummed model file. Raises StorageError."""
    if isinstance(model, Model):
        weights: dict[str, Tensor] = dict(model.network.state_dict())
        description = _description(model)
        if model.rejection is not None:
            weights[REJECTION_EXAMPLES] = model.rejection.examples
            description["rejection"] = model.rejection.describe()
        tensorfile.write(path, weights, description)
        return
    description = {
        "format": 3,
        "task": model.task.name,
        "targets": model.task.spec.to_json(),
        "fractions": asdict(model.fractions),
        "facts": model.facts,
        "provenance": model.provenance.to_json(),
        "members": [_description(member) for member in model.members],
    }
    weights = {
        f"{place}.{name}": tensor
        for place, member in enumerate(model.members)
        for name, tensor in member.network.state_dict().items()
    }
    tensorfile.write(path, weights, description)


def _description(model: Model) -> dict[str, Any]:
    return {
        "format": 2,
        "task": model.task.name,
        **model.spec.record(),
        "targets": model.task.spec.to_json(),
        "preprocess": model.preprocess.to_json(),
        "fractions": asdict(model.fractions),
        "facts": model.facts,
        "provenance": model.provenance.to_json(),
    }


def load(
    path: str | Path, *, device: str | torch.device = "cpu", network: object = None
) -> Model | Ensemble:
    """Load a model file (or the `model.safetensors` of a run folder), in evaluation mode.

    The file contains no code: for a custom network, pass the `network` it was trained with, as
    "mynet.py:Net", a module, or a class or function that returns one. Raises OptionError when
    that is missing or does not match, or there is no such file; ModelError when it is not a
    striate model, is damaged, or does not fit its network; StorageError when it cannot be read.
    """
    path, description, weights = read_file(Path(path))
    if "members" not in description:
        return restore_model(path, description, weights, device, network)
    if network is not None:
        raise OptionError(f"{printable(str(path))}: an ensemble has its networks; leave it out")
    return _load_ensemble(path, description, weights, device)


def _load_ensemble(
    path: Path, description: dict[str, Any], weights: dict[str, Tensor], device: str | torch.device
) -> Ensemble:
    said = check_description(path, EnsembleDescription, description)
    parts: list[dict[str, Tensor]] = [{} for _ in said.members]
    for name, tensor in weights.items():
        place, _, own = name.partition(".")
        if not (place.isdecimal() and place.isascii() and int(place) < len(parts)):
            raise refused(path, f"{name} belongs to none of its {len(parts)} members")
        parts[int(place)][own] = tensor
    told = zip(said.members, parts, strict=True)
    members = [restore_model(path, member, part, device) for member, part in told]
    task = restore_task(path, said)
    if reason := next(filter(None, (explain_mismatch(task, each.task) for each in members)), ""):
        raise refused(path, f"of a member {reason}")
    fractions = SplitFractions(**said.fractions.model_dump())
    whence = restore_provenance(path, said)
    made = Ensemble(tuple(members), task, fractions, said.facts, whence)
    if task.head != "logits" and len(made.views) > 1:
        raise refused(path, "the maps of its members are not of one size")
    return made


def restore_model(
    path: Path,
    description: dict[str, Any],
    weights: dict[str, Tensor],
    device: str | torch.device,
    network: object = None,
) -> Model:
    """Return the model of a file's description and tensors; errors are those of `load`."""
    said = check_network(path, upgrade_model(description))
    task = restore_task(path, said)
    spec = restore_spec(path, said, task, network)
    rejection, weights = restore_rejection(path, said, weights)
    made = restore_network(path, spec, said, task, weights)
    placed = to_device(made, device) if spec.ours else made.to(device)
    return _assemble(path, said, placed.eval(), spec, task, rejection)


def load_without_network(path: Path) -> Model:
    """Load all of a model file but the network, which is code that is not here.

    Raises what `load` raises but for that.
    """
    path, description, weights = read_file(path)
    said = check_network(path, upgrade_model(description))
    spec = NetworkSpec.recorded(said.network, said.network_sha256)
    rejection, _ = restore_rejection(path, said, weights)
    return _assemble(path, said, nn.Module(), spec, restore_task(path, said), rejection)


def _assemble(
    path: Path,
    said: Description,
    network: nn.Module,
    spec: NetworkSpec,
    task: Task,
    rejection: Rejection | None,
) -> Model:
    return Model(
        network,
        spec,
        task,
        restore_preprocess(said.preprocess),
        SplitFractions(**said.fractions.model_dump()),
        said.facts,
        rejection,
        restore_provenance(path, said),
    )
