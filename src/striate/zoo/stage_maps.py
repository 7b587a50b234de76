"""Maps of the stages of any network, and a head put on them in place of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import WithAuxHeads, pad_to_multiple
from striate.summary import summarize
from striate.summary.layer import Layer

_SIDE = 256  #: of the image that the stages are measured with


@dataclass(frozen=True)
class StageMap:
    """Output of a stage: channels, and pixels between its units and before the first's center."""

    width: int
    stride: int
    start: float


def put_head(
    backbone: nn.Module,
    make_head: Callable[[Sequence[StageMap]], nn.Module],
    *,
    choose: Callable[[Sequence[StageMap]], Sequence[int]],
    channels: int,
    smallest: int,
) -> nn.Module:
    """Put a head on the maps of the chosen stages of a classifier, for images of any size.

    Takes a network of `zoo.build`, whose stages move into the result. Of the maps of all stages,
    from fine to coarse, `choose` returns numbers; `make_head` gets those from coarse to fine, and
    makes a module of ((H, W), maps from coarse to fine). `smallest` is the smallest side that the
    stages take; images are padded with zeros on the right and bottom. Raises OptionError for a
    network without stages.
    """
    network = _Intermediates(backbone) if _intermediate(backbone) else _Chain(backbone)
    input, name = (channels, _SIDE, _SIDE), type(backbone).__name__  # noqa: A001
    rows = summarize(_Probe(network), input, name).layers
    maps = _measure([row for row in rows if row.name == "map"])
    chosen = choose(maps)
    network.keep(chosen)
    network.stride = maps[chosen[-1]].stride
    network.least = -(-smallest // network.stride) * network.stride
    network.head = make_head([maps[number] for number in reversed(chosen)])
    for path in summarize(network, input, name).unused:
        if not isinstance(network.get_submodule(path), nn.ModuleList):
            network.set_submodule(path, nn.Identity())
    return network


class OnStages(nn.Module):
    """A network with a head on the maps of some of its stages."""

    head: nn.Module
    stride = 1  #: the coarsest of the maps
    least = 1  #: smallest side of an image, once padded

    def maps(self, x: Tensor) -> list[Tensor]:
        """(N, C, H, W) -> the maps (N, width, h, w) of its stages, from fine to coarse."""
        raise NotImplementedError

    def keep(self, numbers: Sequence[int]) -> None:
        """Give these maps only."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        """(N, C, H, W) -> what the head makes of (H, W) and the maps, from coarse to fine."""
        padded = pad_to_multiple(x, self.stride, self.least)
        return self.head(x.shape[2:], self.maps(padded)[::-1])


class _Chain(OnStages):
    """The stages of a network of the zoo, its children in order."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        if not isinstance(backbone, nn.Sequential | WithAuxHeads):
            raise OptionError(f"{type(backbone).__name__} has no stages that run one by one")
        children = dict(backbone.named_children())
        self.order = [name for name in children if name not in ("auxiliary", "head")]
        self.kept = self.order
        for name in self.order:
            self.add_module(name, children[name])

    def maps(self, x: Tensor) -> list[Tensor]:
        found = list[Tensor]()
        for name in self.order:
            x = self.get_submodule(name)(x)
            if name in self.kept:
                found.append(x)
        return found

    def keep(self, numbers: Sequence[int]) -> None:
        for name in self.order[numbers[-1] + 1 :]:
            delattr(self, name)
        self.order = self.order[: numbers[-1] + 1]
        self.kept = [self.order[number] for number in numbers]


class _Intermediates(OnStages):
    """The maps that a network of timm gives of its stages."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.body: Any = _intermediate(backbone)
        self.kept: list[int] | None = None  # all

    def maps(self, x: Tensor) -> list[Tensor]:
        return self.body.forward_intermediates(
            x, indices=self.kept, stop_early=True, intermediates_only=True
        )

    def keep(self, numbers: Sequence[int]) -> None:
        self.kept = list(numbers)


def _intermediate(backbone: nn.Module) -> nn.Module | None:
    """Return the part of a network of timm that gives the maps of its stages, if any."""
    parts = (backbone, getattr(backbone, "body", None))
    return next((part for part in parts if hasattr(part, "forward_intermediates")), None)


class _Probe(nn.Module):
    """Pass every map through a layer called `map`, so that the summary tells where it lies."""

    def __init__(self, network: OnStages) -> None:
        super().__init__()
        self.network, self.map = network, nn.Identity()

    def forward(self, x: Tensor) -> None:
        for found in self.network.maps(x):
            self.map(found)


def _measure(rows: Sequence[Layer]) -> list[StageMap]:
    """Return width, stride and start of maps, from their rows of a summary."""
    known = all(row.jump and row.jump[0] for row in rows)  # none sees the whole image
    found = list[StageMap]()
    for row in rows:
        width, height, _ = row.output
        if known and row.jump and row.start:
            found.append(StageMap(width, round(row.jump[0]), row.start[0]))
        else:
            stride = _SIDE // height
            found.append(StageMap(width, stride, (stride - 1) / 2))
    return found
