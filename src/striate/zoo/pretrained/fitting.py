"""Loading of pretrained weights into a network: all tensors, or none and an error message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import ModelError, printable
from striate.layers import meta_init
from striate.zoo.pages.card import Card
from striate.zoo.pretrained import sources
from striate.zoo.pretrained.counterparts import COUNTERPARTS
from striate.zoo.pretrained.naming import Naming, counter, named_weights

_SHOWN = 3  # most differences named in a message


@dataclass(frozen=True)
class _Fit:
    """Tensors to load, and the mismatches."""

    tensors: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    missing: list[str] = field(default_factory=list[str])  #: names in our network
    differences: list[str] = field(default_factory=list[str])  #: includes missing ones


def load_pretrained(
    network: nn.Module, card: Card, weights: object, arguments: Mapping[str, Any]
) -> None:
    """Load published weights into a network that `card.builder` made with these arguments.

    Tensors have the names of the source; in a file, ours or those of any source. Only the
    differences that `striate.zoo.build` allows are accepted; raises ModelError for any other, and
    for a non-finite value.
    """
    if weights is False:
        return
    if weights is True:
        weights = sources.first(card.name)
    if isinstance(weights, str) and weights in COUNTERPARTS:
        where = f"the weights from {weights}"
        found = sources.read_published(card.name, weights)
        namings = [sources.find_counterpart(card.name, weights).naming]
    else:
        where = printable(str(weights))
        found = sources.read_state_dict(sources.path_of(weights))
        namings = [Naming(), *(peer.naming for peer in sources.known_counterparts(card.name))]
    whole = _with_auxiliary(network, card, arguments)
    entries = _dependent(network, card, arguments, "channels")
    heads = _dependent(network, card, arguments, "classes")
    fits = [_fit(network, whole, naming, found, entries, heads) for naming in namings]
    best = min(fits, key=lambda fit: len(fit.differences))
    if best.differences:
        raise _unfit(card.name, where, best)
    for name, tensor in best.tensors.items():
        if not tensor.float().isfinite().all():
            raise ModelError(f"{where}: weights refused: the weights of {name} are not all finite")
    network.load_state_dict(best.tensors, strict=False)


def spread_channels(kernel: Tensor, channels: int) -> Tensor:
    """Adapt (outputs, C, H, W) to (outputs, channels, H, W); same output if all channels are equal.

    With fewer channels, the weights' channels are summed cyclically; with more, they are repeated
    cyclically and divided by their number of copies.
    """
    known = kernel.shape[1]
    steps = torch.arange(max(known, channels), device=kernel.device)
    source, target = steps % known, steps % channels
    shares = kernel.float()[:, source] / source.bincount()[source].view(-1, 1, 1)
    wide = shares.new_zeros(kernel.shape[0], channels, *kernel.shape[2:])
    return wide.index_add_(1, target, shares)


def _fit(network: nn.Module, whole: nn.Module, naming: Naming, found: Mapping[str, Tensor],
         entries: Collection[str], heads: Collection[str]) -> _Fit:  # fmt: skip
    names = naming.names(whole)
    came = {
        naming.from_published(name): tensor for name, tensor in found.items() if not counter(name)
    }
    fit = _Fit()
    for name, wanted in named_weights(network).items():
        theirs = names[name]
        if theirs not in came:
            fit.missing.append(name)
            fit.differences.append(f"{theirs} is missing")
            continue
        tensor = _as_wanted(came[theirs], wanted)
        if name in heads and tensor.shape[1:] == wanted.shape[1:] and len(tensor) != len(wanted):
            continue  # keeps its initialization
        if name in entries and _differ_in_channels(tensor, wanted):
            tensor = spread_channels(tensor, wanted.shape[1])
        if _kind(tensor) != _kind(wanted):
            kinds = f"{_kind(came[theirs])} there and {_kind(wanted)} here"
            fit.differences.append(f"{theirs} is {kinds}")
        fit.tensors[name] = tensor
    known = set(names.values())
    unexpected = (name for name in came if name not in known)
    fit.differences.extend(f"{name} is unexpected" for name in unexpected)
    return fit


def _as_wanted(tensor: Tensor, wanted: Tensor) -> Tensor:
    """Reshape between a dense layer and the equivalent convolution over the whole input."""
    if {tensor.ndim, wanted.ndim} == {2, 4} and tensor[0].numel() == wanted[0].numel():
        return tensor.reshape(len(tensor), *wanted.shape[1:])
    return tensor


def _differ_in_channels(tensor: Tensor, wanted: Tensor) -> bool:
    if tensor.ndim != 4 or wanted.ndim != 4 or not tensor.shape[1]:
        return False
    others = [shape[:1] + shape[2:] for shape in (tensor.shape, wanted.shape)]
    return others[0] == others[1] and tensor.shape[1] != wanted.shape[1]


def _kind(tensor: Tensor) -> str:
    sizes = "x".join(map(str, tensor.shape)) or "a number"
    return sizes if tensor.is_floating_point() else f"{sizes} {str(tensor.dtype)[6:]}"


def _dependent(network: nn.Module, card: Card, arguments: Mapping[str, Any], word: str) -> set[str]:
    """Return the tensors whose shapes depend on argument `word`; empty if it was not given."""
    if word not in arguments:
        return set()
    with meta_init():
        other = card.builder(**{**arguments, word: arguments[word] + 1}).state_dict()
    mine = network.state_dict()
    return {name for name, tensor in other.items() if tensor.shape != mine[name].shape}


def _with_auxiliary(network: nn.Module, card: Card, arguments: Mapping[str, Any]) -> nn.Module:
    """Return the network, or a meta-device copy with the auxiliary heads if it has none."""
    if arguments.get("auxiliary", True):
        return network
    with meta_init():
        return card.builder(**{**arguments, "auxiliary": True})


def _unfit(name: str, where: str, fit: _Fit) -> ModelError:
    listed = printable("; ".join(fit.differences[:_SHOWN]), 500)
    rest = len(fit.differences) - _SHOWN
    more = f"; and {rest:,} more" if rest > 0 else ""
    lacking = any(missing.startswith("auxiliary.") for missing in fit.missing)
    hint = "; auxiliary=False leaves out heads that it lacks" if lacking else ""
    return ModelError(f"{name} does not fit {where}: {listed}{more}{hint}")
