"""The layers of any network in the order they run, from one pass that computes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from striate.arithmetic import output_size
from striate.errors import OptionError
from striate.text import columns, html_table

_Reached = tuple[str, nn.Module, tuple[int, ...]]  # a layer's name, itself, the shape it is given


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: the modules of a network that have no modules inside them."""

    name: str
    kind: str
    output: tuple[int, ...]  #: (C, H, W) or (features,), without the batch
    params: int


@dataclass(frozen=True)
class Anatomy:
    """What `describe` tells of a network at one input."""

    network: str
    input: tuple[int, int, int]  #: (C, H, W)
    layers: tuple[Layer, ...]
    params: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join([self._title(), "", *columns(self._rows(), left=(0, 1))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._title())}</p>{html_table(self._rows(), left=(0, 1))}"

    def _title(self) -> str:
        return f"{self.network}: {self.params:,} parameters, input {_volume(self.input)}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            ("layer", "kind", "output", "parameters"),
            *(
                (row.name, row.kind, _volume(row.output), f"{row.params:,}" if row.params else "-")
                for row in self.layers
            ),
        ]


def dissect(network: nn.Module, input: tuple[int, int, int], name: str) -> Anatomy:  # noqa: A002
    """Run a network on one picture of (C, H, W), on the device its weights are on.

    Of a network built on the meta device shapes are known and nothing is computed.
    Raises OptionError naming the layer at which a picture is too small or of the wrong shape.
    """
    layers: list[Layer] = []
    handles: list[RemovableHandle] = []
    reached: list[_Reached] = []

    def watch(path: str, module: nn.Module) -> None:
        def before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            reached.append((path, module, tuple(inputs[0].shape[1:])))

        def after(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            params = sum(p.numel() for p in module.parameters(recurse=False))
            layers.append(Layer(path, type(module).__name__, tuple(output.shape[1:]), params))

        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))

    for path, module in network.named_modules():
        if not any(module.children()):
            watch(path, module)
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros((1, *input), device=next(network.parameters()).device))
    except RuntimeError as error:
        raise _does_not_fit(name, input, reached[-1:], error) from error
    finally:
        for handle in handles:
            handle.remove()
    return Anatomy(name, input, tuple(layers), sum(p.numel() for p in network.parameters()))


def _does_not_fit(network: str, picture: tuple[int, ...], reached: list[_Reached],
                  error: RuntimeError) -> OptionError:  # fmt: skip
    reason = str(error).splitlines()[0]
    if not reached:
        return OptionError(f"{network} cannot take a picture of {_volume(picture)}: {reason}")
    path, layer, entering = reached[0]
    if isinstance(layer, nn.Conv2d) and isinstance(layer.padding[0], int):
        try:
            output_size(
                entering[1],
                layer.kernel_size[0],
                stride=layer.stride[0],
                padding=layer.padding[0],
                dilation=layer.dilation[0],
            )
        except OptionError as window:
            reason = str(window)
    return OptionError(
        f"{network} cannot take a picture of {_volume(picture)}; at layer {path}: {reason}"
    )


def _volume(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
