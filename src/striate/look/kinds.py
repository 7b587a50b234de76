"""What `look` can draw, by name: another kind of sheet is another line."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.errors import OptionError
from striate.look.channels import make_cards
from striate.look.draw_channels import draw_card, draw_cards
from striate.look.draw_class_maps import draw_class_maps
from striate.look.draw_dreams import draw_dreams
from striate.look.draw_field import draw_field
from striate.look.dreams import count_channels
from striate.look.embedding_map import draw_map
from striate.look.feature_maps import draw_all_feature_maps, layers_with_maps
from striate.look.filters import draw_filters
from striate.look.layers import find_layer
from striate.look.sheet import Sheet
from striate.look.similar import find_similar
from striate.model import Model
from striate.options import EvaluateOptions
from striate.progress import Progress
from striate.zoo.stages import stage_names

_DREAMS = 12  #: most channels that are dreamed of at once

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
    folder: Path | None = None  #: of images, or a manifest
    like: Path | None = None  #: the image to search for in the folder

    @property
    def data(self) -> Path:
        """The folder of images. Raises OptionError where none was given."""
        if self.folder is None:
            raise OptionError("a folder of images is needed, as in: striate look MODEL photos")
        return self.folder

    @property
    def layer(self) -> str | None:
        """The one layer that was asked for, if any. Raises OptionError for several."""
        layer, *more = self.layers or (None,)
        if more or layer == "all":
            raise OptionError("this is drawn of one layer; give one name to --layers")
        return layer

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
        return self.model.inputs(batch).to(parameter.dtype)


def _filters(subject: Subject) -> Iterator[Named]:
    for layer in subject.layers or (None,):
        yield f"filters-{layer or 'first'}", draw_filters(subject.model, layer, subject.channel)


def _maps(subject: Subject) -> Iterator[Named]:
    network, channel = subject.model.network, subject.channel
    for layer, sheet in draw_all_feature_maps(network, subject.inputs, subject.layers, channel):
        yield f"maps-{layer}", sheet


def _field(subject: Subject) -> Iterator[Named]:
    if subject.channel is not None:
        raise OptionError("all channels of a layer have the same field; leave out --channel")
    network, inputs = subject.model.network, subject.inputs
    named, drawn = subject.layers not in (None, ("all",)), False
    layers = layers_with_maps(network, inputs, subject.layers)
    for layer in layers:
        try:
            sheet = draw_field(network, subject.image, inputs, layer)
        except OptionError:  # of some layers, as attention, no field is known
            if named or (layer == layers[-1] and not drawn):
                raise
        else:
            drawn = True
            yield f"field-{layer}", sheet


def _classes(subject: Subject) -> Iterator[Named]:
    images, names = subject.image[None], [subject.shown]
    yield "classes", draw_class_maps(subject.model, images, names, layer=subject.layer)


def _dreams(subject: Subject) -> Iterator[Named]:
    model = subject.model
    last = (stage_names(model.network) or ("",))[-1]
    layer = subject.layer or last
    find_layer(model.network, layer)
    shape = model.input_shape
    count = model.task.outputs if layer == last else count_channels(model.network, layer, shape)
    wanted = range(min(count, _DREAMS)) if subject.channel is None else [subject.channel]
    names = model.class_names if layer == last else ()
    sheet = draw_dreams(model.network, _given(model), layer, wanted, names=names)
    yield f"dreams-{layer}", sheet


def _given(model: Model) -> Preprocess:
    """Return the preprocessing of what the network is given: of gray, where the task makes it."""
    view, (channels, *_) = model.preprocess, model.input_shape
    if channels == view.channels:
        return view
    return replace(view, channels=channels, mean=view.mean[:channels], std=view.std[:channels])


def _channels(subject: Subject) -> Generator[Progress | Named]:
    layer = subject.layer
    if layer is None:
        raise OptionError("channels are drawn of one layer; name it by --layers")
    wanted = None if subject.channel is None else [subject.channel]
    cards = yield from make_cards(subject.model, subject.data, layer, wanted, EvaluateOptions())
    yield f"channels-{layer}", draw_cards(cards) if wanted is None else draw_card(cards[0])


def _map(subject: Subject) -> Generator[Progress | Named]:
    sheet = yield from draw_map(subject.model, subject.data, stage=subject.layer)
    yield "map", sheet


def _similar(subject: Subject) -> Generator[Progress | Named]:
    if subject.like is None:
        raise OptionError("an image to search for is needed, as in: --like cat.jpg")
    found = find_similar(subject.model, subject.data, subject.like, stage=subject.layer)
    sheet = yield from found
    yield "similar", sheet


#: name -> what yields progress, and each sheet when it is drawn
KINDS: dict[str, Callable[[Subject], Iterator[Progress | Named]]] = {
    "filters": _filters,
    "maps": _maps,
    "field": _field,
    "classes": _classes,
    "dreams": _dreams,
    "channels": _channels,
    "map": _map,
    "similar": _similar,
}
