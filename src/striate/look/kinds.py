"""What `look` can draw, by name: another kind of sheet is another line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.look.draw_field import draw_field
from striate.look.feature_maps import draw_all_feature_maps, layers_with_maps
from striate.look.filters import draw_filters
from striate.look.sheet import Sheet
from striate.model import Model

#: name of a file without its suffix, and what it is to hold
Named = tuple[str, Sheet]


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    model: Model
    pixels: NDArray[np.uint8] | None  #: (size, size, channels), as the model decodes images
    shown: str = ""  #: name of the image
    layers: tuple[str, ...] | None = None  #: as they were asked for; ("all",)
    channel: int | None = None

    @property
    def image(self) -> NDArray[np.uint8]:
        """The image. Raises OptionError where none was given."""
        if self.pixels is None:
            raise OptionError("an image is needed, as in: striate look MODEL cat.jpg")
        return self.pixels

    @property
    def inputs(self) -> torch.Tensor:
        """The image as the network takes it, (1, C, H, W)."""
        parameter = next(self.model.network.parameters())
        batch = torch.from_numpy(np.ascontiguousarray(self.image))[None].to(parameter.device)
        return self.model.preprocess.normalize(batch).to(parameter.dtype)


def _filters(subject: Subject) -> Iterator[Named]:
    for layer in subject.layers or (None,):
        yield f"filters-{layer or 'first'}", draw_filters(subject.model, layer, subject.channel)


def _maps(subject: Subject) -> Iterator[Named]:
    network, channel = subject.model.network, subject.channel
    for layer, sheet in draw_all_feature_maps(network, subject.inputs, subject.layers, channel):
        yield f"maps-{layer}", sheet


def _field(subject: Subject) -> Iterator[Named]:
    network, inputs = subject.model.network, subject.inputs
    for layer in layers_with_maps(network, inputs, subject.layers):
        yield f"field-{layer}", draw_field(network, subject.image, inputs, layer)


KINDS: dict[str, Callable[[Subject], Iterator[Named]]] = {
    "filters": _filters,
    "maps": _maps,
    "field": _field,
}
