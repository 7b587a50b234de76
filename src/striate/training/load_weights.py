"""Weights of a source, put into a network that has fresh ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from striate.errors import ModelError, printable
from striate.layers import meta_init
from striate.tasks.task import Task
from striate.training.source import Source
from striate.training.view import View
from striate.zoo import pretrained
from striate.zoo.pretrained.sources import read_state_dict
from striate.zoo.stages import count_stages, stage_names


def load_weights(
    network: nn.Module, source: Source, view: View, task: Task, reuse: str
) -> list[str]:
    """Load weights into a fresh network, and return the names of tensors that stay fresh.

    Those are of stages after `reuse`, and what depends on the targets unless a model has learned
    the same ones. All tensors must fit, or none is loaded. Raises OptionError, ModelError.
    """
    drawn = {name: each.detach().clone() for name, each in network.state_dict().items()}
    last = _of_targets(network, source, view, task)
    if source.model is not None:
        tensors = source.model.network.state_dict()
        if source.model.spec != source.network:  # one on the other, with a head of its own
            last |= {name for name in drawn if _of_head(name)}
            tensors = {name: each for name, each in tensors.items() if not _of_head(name)}
        found = _fitted(drawn, tensors, last, source)
    elif source.network.ours:
        arguments = {"channels": view.channels, "classes": task.outputs}
        whole = source.network.build(**arguments, size=view.size, weights=source.weights)
        found = whole.state_dict()
    else:
        found = _fitted(drawn, read_state_dict(Path(source.weights)), last, source)
    kept = stage_names(network)
    if reuse != "all":
        kept = kept[: count_stages(network, reuse, "reuse", str(source.network))]
    learned = source.model.task if source.model is not None else None
    if learned is not None and (learned.name, learned.spec.names) == (task.name, task.spec.names):
        last = set[str]()
    kept = (*kept, "auxiliary")
    fresh = [name for name in drawn if name.partition(".")[0] not in kept or name in last]
    network.load_state_dict({**found, **{name: drawn[name] for name in fresh}})
    return fresh


def _of_head(name: str) -> bool:
    return name.partition(".")[0] in ("head", "auxiliary")


def _of_targets(network: nn.Module, source: Source, view: View, task: Task) -> set[str]:
    """Return the tensors that depend on the targets: by shape, or those of the last stage."""
    if source.network.ours:
        with meta_init():
            other = view.build(task.outputs + 1).state_dict()
        mine = network.state_dict()
        return {name for name, each in other.items() if each.shape != mine[name].shape}
    last = stage_names(network)[-1]
    return {name for name in network.state_dict() if name.partition(".")[0] == last}


def _fitted(
    drawn: Mapping[str, Tensor], found: Mapping[str, Tensor], last: set[str], source: Source
) -> dict[str, Tensor]:
    """Return the found tensors as they fit: all but the last must, kernels for other channels."""
    fitted = dict[str, Tensor]()
    for name, own in drawn.items():
        each = found.get(name)
        if name in last and (each is None or each.shape != own.shape):
            each = own
        elif each is not None and each.ndim == own.ndim == 4 and _entry(each, own):
            each = pretrained.spread_channels(each, own.shape[1])
        if each is None or each.shape != own.shape:
            came = "nothing" if each is None else "x".join(map(str, each.shape))
            raise ModelError(
                f"{source.network} does not fit {source.told}: {name} is "
                f"{'x'.join(map(str, own.shape))} here and {came} there"
            )
        fitted[name] = each
    if extra := sorted(found.keys() - drawn.keys()):
        raise ModelError(
            f"{source.network} does not fit {source.told}: {printable(extra[0], 200)} is unexpected"
        )
    return fitted


def _entry(each: Tensor, own: Tensor) -> bool:
    """Return whether these are kernels for 1 and for 3 channels that differ in nothing else."""
    others = (each.shape[0], *each.shape[2:]) == (own.shape[0], *own.shape[2:])
    return others and {each.shape[1], own.shape[1]} == {1, 3}
