"""API functions that inspect networks: networks, describe, memory, compare_networks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from striate.hardware import choose_device, to_device
from striate.layers import meta_init
from striate.model import Ensemble
from striate.model_file import load
from striate.summary import Summary, opened, summarize
from striate.summary.comparison import Comparison, Speed, measure
from striate.summary.memory import Memory
from striate.summary.memory import estimate_memory as peak
from striate.text import columns, format_shape, format_si, html_table
from striate.training.freezing import read_freezing
from striate.zoo.spec import NetworkSpec
from striate.zoo.stages import frozen_parameters


class Networks(tuple[zoo.Card, ...]):
    """Cards of networks, shown as a table on the terminal and in a notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(columns(self._rows(), left=(0, 1)))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return html_table(self._rows(), left=(0, 1))

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            ("network", "paper", "year", "input", "parameters", "MACs", "receptive field"),
            *(
                (
                    card.name,
                    card.paper,
                    str(card.year),
                    format_shape(card.input),
                    f"{card.params:,}",
                    format_si(card.macs),
                    f"{card.receptive_field:,}" if card.receptive_field else "all",
                )
                for card in self
            ),
        ]


def networks() -> Networks:
    """Return the cards of all networks."""
    return Networks(zoo.CARDS.values())


def describe(
    network: str | Path | nn.Module,
    shape: Sequence[int] | None = None,
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    code: object = None,
) -> Summary:
    """Summarize every layer: output shape, parameters, multiply-adds, memory and receptive field.

    `network` is a name of the zoo, "mynet.py:Net" for one in a file, a model file or run folder,
    or any module, which needs the `shape` (C, H, W) of its input. `size` is the side of the image
    in pixels; sizes default to those of the paper, or of the trained model. `code` is what `load`
    takes as `network`, for the model of a custom network. Raises OptionError when there is no such
    network or the image does not fit it.

    >>> striate.describe("vgg16").macs
    15470264320
    """
    if isinstance(network, str | Path):
        sizes = {"size": size, "channels": channels, "classes": classes}
        found, usual = _found(str(network), sizes, code)
        return summarize(found, shape or usual, str(network))
    network = opened(network)
    if shape is None:
        raise OptionError("describe needs the shape of an image, as in describe(net, (3, 64, 64))")
    return summarize(network, shape)


def compare_networks(
    *networks: str,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> Comparison:
    """Compare networks side by side, with their speed on this machine.

    Names, sizes and errors are those of `describe`.
    """
    sizes = {"size": size, "channels": channels, "classes": classes}
    summaries = tuple(describe(network, None, **sizes) for network in networks)
    memories = tuple(memory(network, batch=1, **sizes) for network in networks)
    device = choose_device("auto")
    speeds = list[Speed]()
    for network in networks:
        built, shape = _found(network, sizes, drawn=True)
        speeds.append(measure(to_device(built, device), shape))
    return Comparison(summaries, memories, tuple(speeds))


def memory(
    network: str,
    *,
    batch: int,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    code: object = None,
) -> Memory:
    """Estimate the memory of inference and training beyond the weights, at a batch size.

    Sizes, `code` and errors are those of `describe`.
    """
    sizes = {"size": size, "channels": channels, "classes": classes}
    built, shape = _found(network, sizes, code)
    return peak(opened(built), shape, batch)


def _found(
    source: str, sizes: dict[str, int | None], code: object = None, *, drawn: bool = False
) -> tuple[nn.Module, tuple[int, ...]]:
    """Build or load a network and return it with its input shape.

    A zoo network is on the meta device unless `drawn`. Raises OptionError, and ModelError for an
    invalid model file.
    """
    if source not in zoo.CARDS and (source.endswith(".safetensors") or Path(source).is_dir()):
        if given := [word for word, number in sizes.items() if number and word != "size"]:
            raise OptionError(f"{source}: a trained network keeps its {given[0]}; leave it out")
        model = load(source, network=code)
        if isinstance(model, Ensemble):
            if sizes["size"]:
                raise OptionError(f"{source}: an ensemble keeps its sizes; leave size out")
            return _side_by_side(model)
        frozen = read_freezing(model.facts.get("frozen", ""), model.network)
        for param in frozen_parameters(model.network, frozen):
            param.requires_grad_(False)  # told as frozen
        channels, *sides = model.input_shape
        return model.network, (channels, *(sizes["size"] or side for side in sides))
    spec = NetworkSpec.of(source)
    shape = spec.card.input
    if spec.card.input_kind != "code":
        shape = (sizes["channels"] or shape[0], *[sizes["size"] or side for side in shape[1:]])
    with meta_init() if spec.ours and not drawn else contextlib.nullcontext():
        return spec.build(
            channels=sizes["channels"], classes=sizes["classes"], size=sizes["size"]
        ), shape


def _side_by_side(ensemble: Ensemble) -> tuple[nn.Module, tuple[int, ...]]:
    """Return the networks of an ensemble as one, and the largest input of any."""
    views = [member.preprocess for member in ensemble.members]
    side, channels = max(view.size for view in views), max(view.channels for view in views)
    return _SideBySide(ensemble), (channels, side, side)


class _SideBySide(nn.Module):
    """Networks of an ensemble that see one image, each as much of it as its input has.

    Shapes and costs are those of the ensemble, whose images are resized for each instead.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        super().__init__()
        self._views = [member.preprocess for member in ensemble.members]
        for place, member in enumerate(ensemble.members):
            self.add_module(str(place), member.network)

    def forward(self, image: Tensor) -> Tensor:
        seen = (image[:, : view.channels, : view.size, : view.size] for view in self._views)
        outputs = [network(part) for network, part in zip(self.children(), seen, strict=True)]
        return torch.stack(outputs).mean(dim=0)
