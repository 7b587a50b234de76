"""Checks and broadcasts that make all ranks agree before the first step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict

import torch
from torch import nn

from striate.distributed import collectives
from striate.distributed.group import Group
from striate.distributed.sync_batch_norm import convert_batch_norms
from striate.errors import OptionError
from striate.input_description import from_json
from striate.training.checkpoint import Learner, TrainState
from striate.training.recipe import Recipe
from striate.zoo.spec import NetworkSpec


def check_same_images(group: Group, register: Iterable[str]) -> None:
    """Raise OptionError if this rank found other images than rank 0."""
    if group.is_single:
        return
    own = hashlib.sha256()
    for line in register:
        own.update(line.encode("utf-8", "surrogateescape"))
    if group.broadcast_object(own.hexdigest()) != own.hexdigest():
        raise OptionError(
            f"process {group.process.rank} (machine {group.process.machine}) found other images "
            "than process 0; every machine needs the same files under the same path"
        )


def same_network(group: Group, spec: NetworkSpec, network: nn.Module) -> None:
    """Raise OptionError if this rank has another network than rank 0."""
    if group.is_single:
        return
    tensors = network.state_dict()
    own = [str(spec), spec.sha256, [[name, list(each.shape)] for name, each in tensors.items()]]
    if group.broadcast_object(own) != own:
        raise OptionError(
            f"process {group.process.rank} (machine {group.process.machine}) has another {spec} "
            "than process 0; every process needs the same network"
        )


def prepare_norms(group: Group, recipe: Recipe, network: nn.Module, name: str) -> nn.Module:
    """Convert batch norms for several processes. Raises OptionError for too small a batch."""
    if group.is_single:
        return network
    processes, local = group.process.world_size, recipe.options.batch_norm == "local"
    if recipe.batch < (least := processes * (2 if local else 1)):
        need = " and a local norm needs two images in each" if local else ""
        raise OptionError(
            f"{processes} processes share a batch{need}, but the batch is {recipe.batch}; "
            f"give --batch {least} or more"
        )
    return network if local else convert_batch_norms(network, name)


def broadcast_state(group: Group, state: TrainState, learner: Learner) -> TrainState:
    """Broadcast state and tensors from rank 0; return the state."""
    if group.is_single:
        return state
    own = learner.tensors()
    kinds = {name: (list(each.shape), str(each.dtype)) for name, each in own.items()}
    values, kinds = group.broadcast_object((asdict(state), kinds))
    tensors = {
        name: own[name].detach().cpu().contiguous()
        if group.is_main
        else torch.empty(shape, dtype=getattr(torch, kind.removeprefix("torch.")))
        for name, (shape, kind) in kinds.items()
    }
    for tensor in tensors.values():
        collectives.broadcast_(tensor)
    if not group.is_main:
        learner.restore(tensors)
    return from_json(TrainState, values)
