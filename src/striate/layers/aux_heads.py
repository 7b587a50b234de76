"""Heads in the middle of a network that help it to learn and are gone when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn


class AuxOutputs(NamedTuple):
    """What a network with auxiliary heads gives while it trains; in evaluation it gives logits."""

    logits: Tensor  #: (N, classes)
    auxiliary: tuple[Tensor, ...]  #: (N, classes) each
    weight: float  #: of each auxiliary loss beside the last head's


class WithAuxHeads(nn.Module):
    """Stages in order; while training, auxiliary heads read the outputs of the stages they name."""

    def __init__(self, stages: Mapping[str, nn.Module], taps: Mapping[str, nn.Module], *,
                 weight: float) -> None:  # fmt: skip
        """The last stage is `head`; `taps` are heads by the name of the stage that they read."""
        super().__init__()
        assert taps.keys() <= stages.keys()
        for name, stage in stages.items():
            if name == "head" and taps:
                self.auxiliary = nn.ModuleDict(taps)
            self.add_module(name, stage)
        self.order, self.taps, self.weight = tuple(stages), tuple(taps), weight

    def forward(self, x: Tensor) -> Tensor | AuxOutputs:
        """(N, C, H, W) -> logits (N, classes); Outputs while training."""
        heard: list[Tensor] = []
        for name in self.order:
            x = self.get_submodule(name)(x)
            if self.training and name in self.taps:
                heard.append(self.auxiliary[name](x))
        return AuxOutputs(x, tuple(heard), self.weight) if heard else x
