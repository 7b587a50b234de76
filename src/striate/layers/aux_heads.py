"""Auxiliary classifier heads on intermediate stages, active only in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn


class AuxOutputs(NamedTuple):
    """Training output of a network with auxiliary heads; in evaluation it returns logits."""

    logits: Tensor  #: (N, classes)
    auxiliary: tuple[Tensor, ...]  #: (N, classes) each
    weight: float  #: weight of each auxiliary loss


class WithAuxHeads(nn.Module):
    """Sequential stages; in training, auxiliary heads also read the outputs of named stages."""

    def __init__(self, stages: Mapping[str, nn.Module], taps: Mapping[str, nn.Module], *,
                 weight: float) -> None:  # fmt: skip
        """`stages` must end with `head`; `taps` maps stage names to auxiliary heads."""
        super().__init__()
        assert taps.keys() <= stages.keys()
        for name, stage in stages.items():
            if name == "head" and taps:
                self.auxiliary = nn.ModuleDict(taps)
            self.add_module(name, stage)
        self.order, self.taps, self.weight = tuple(stages), tuple(taps), weight

    def forward(self, x: Tensor) -> Tensor | AuxOutputs:
        """(N, C, H, W) -> logits (N, classes); AuxOutputs in training."""
        heard: list[Tensor] = []
        for name in self.order:
            x = self.get_submodule(name)(x)
            if self.training and name in self.taps:
                heard.append(self.auxiliary[name](x))
        return AuxOutputs(x, tuple(heard), self.weight) if heard else x
