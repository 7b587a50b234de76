"""Frozen stages: weights that are not trained, and norms that keep their statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.data.loader import Batch
from striate.zoo.stages import frozen_parameters, stage_modules, stage_names


@dataclass(frozen=True)
class Freezing:
    """The stages that are frozen, and the epoch that ends it.

    Which stages are frozen follows from the epoch alone, so a resumed or recovered training has
    the same ones.
    """

    stages: tuple[str, ...] = ()
    thaw_at: int | None = None  #: first epoch in which they are trained, from 1; None: never
    norms: tuple[str, ...] = ()  #: modules that keep their statistics while they are trained

    def stages_in(self, epoch: int) -> tuple[str, ...]:
        """Return the stages that are frozen in an epoch, counted from 0."""
        thawed = self.thaw_at is not None and epoch + 1 >= self.thaw_at
        return () if thawed else self.stages

    def begin_epoch(self, network: nn.Module, epoch: int) -> None:
        """Set the network to training, but its frozen stages to evaluation, without gradients."""
        network.train()
        frozen = self.stages_in(epoch)
        for module in stage_modules(network, self.stages):
            module.requires_grad_(not frozen)
        for module in stage_modules(network, frozen):
            module.eval()
        for name in self.norms:
            network.get_submodule(name).eval()

    def __str__(self) -> str:
        """Return the frozen stages in words; "" for none."""
        if not self.stages:
            return ""
        first, last = self.stages[0], self.stages[-1]
        told = first if first == last else f"{first} to {last}"
        return told if self.thaw_at is None else f"{told}, before epoch {self.thaw_at}"


def read_freezing(text: str, network: nn.Module) -> tuple[str, ...]:
    """Return the stages that stayed frozen to the end, from the text of a `Freezing`."""
    names = stage_names(network)
    first, _, last = text.partition(" to ")
    if first not in names or (last and last not in names):
        return ()  # nothing was frozen, or it was thawed
    return names[names.index(first) : names.index(last or first) + 1]


def find_norms(network: nn.Module, fresh: Collection[str]) -> tuple[str, ...]:
    """Return the names of norms with running statistics, of which none are `fresh` tensors."""
    return tuple(
        name
        for name, module in network.named_modules()
        if isinstance(getattr(module, "running_mean", None), Tensor)
        and f"{name}.running_mean" not in fresh
    )


@torch.inference_mode()
def refit_norms(network: nn.Module, names: Sequence[str], batches: Iterable[Batch]) -> None:
    """Take the running statistics of norms anew: the averages of those of the batches."""
    norms: list[Any] = [network.get_submodule(name) for name in names]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in batches:
        network(batch.images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def rate_factors(
    network: nn.Module, fresh: Collection[str], backbone: float, by_depth: float | None
) -> Mapping[Tensor, float] | None:
    """Return parameter -> factor of the learning rate; None where it is 1 for all.

    It is `backbone` for those whose names are not `fresh`, and falls by `by_depth` from each stage
    to the one before.
    """
    if backbone == 1 and by_depth in (None, 1):
        return None
    factors = rates_by_depth(network, by_depth or 1.0)
    drawn = {param for name, param in network.named_parameters() if name in fresh}
    return {p: factor if p in drawn else factor * backbone for p, factor in factors.items()}


def rates_by_depth(network: nn.Module, factor: float) -> Mapping[Tensor, float]:
    """Return parameter -> factor of the learning rate: 1 in the last stage, then `factor` less."""
    held = [frozen_parameters(network, [name]) for name in stage_names(network)]
    shares = dict[Tensor, float]()
    for depth, params in enumerate(reversed(list(filter(None, held)))):
        shares |= dict.fromkeys(params, factor**depth)
    return shares
