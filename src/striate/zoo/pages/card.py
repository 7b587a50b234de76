"""Card: metadata of a zoo network, available before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from striate.errors import OptionError
from striate.options import OptimizerName


@dataclass(frozen=True)
class Card:
    """Metadata of a zoo network; the tests recompute its numbers from the network at `input`."""

    name: str
    builder: Callable[..., nn.Module]  #: (*, channels, classes) -> network; the paper's by default
    paper: str
    year: int
    input: tuple[int, ...]  #: (C, H, W) of the paper; of a network on signals (C, L)
    classes: int  #: of the paper; 0: no classes
    params: int  #: at that input and those classes
    macs: int  #: multiply-adds at that input; 0: unknown
    receptive_field: int | None = None  #: side in pixels, before the head; None: the whole image
    #: map: logits for every pixel; boxes: `zoo.regions_on.Detections`; cosines: those to each
    #: class, then an embedding; patches: those of every patch to some directions; samples:
    #: generated images beside those given
    output: Literal["logits", "map", "image", "boxes", "cosines", "patches", "samples"] = "logits"
    #: code: latent vector of a generator
    input_kind: Literal["image", "signal", "code"] = "image"
    any_size: bool = True  #: False: fixed height and width, or length, unless built with `size`
    smallest: int = 1  #: smallest side in pixels, or length
    learning_rate: float = 0.1  #: about the highest stable one for SGD
    optimizer: OptimizerName | None = None  #: where that of all others learns too little

    @property
    def needs_size(self) -> bool:
        """Whether the builder takes the side of the image, or length of the signal, as `size`."""
        return "size" in inspect.signature(self.builder).parameters

    @property
    def takes_any_image(self) -> bool:
        """Whether it is a classifier of images of any size, whose stages are maps of these."""
        images = self.output == "logits" and self.input_kind == "image"
        return images and self.any_size and not self.needs_size

    def size_error(self, side: int) -> str:
        """Explain why an image side or signal length is not supported; "" if it is."""
        if not self.any_size and not self.needs_size and side != self.input[1]:
            return f"takes {self._sized(self.input[1])} only"
        return f"takes {self._sized(self.smallest)} or more" if side < self.smallest else ""

    def with_head(
        self, name: str, builder: Callable[..., nn.Module], *, fits: bool, needs: str, **new: Any
    ) -> Card:
        """Return the card of `KIND:NAME`, this network with another head; `new` are its own fields.

        Raises OptionError, which says what the kind needs, where this network does not fit.
        """
        if not fits:
            raise OptionError(
                f"{name} needs {needs}, which {self.name} is not; choose another, as in "
                f"{name.partition(':')[0]}:resnet18"
            )
        return replace(
            self, name=name, builder=builder, params=0, macs=0, receptive_field=None, **new
        )

    def _sized(self, side: int) -> str:
        if self.input_kind == "signal":
            return f"signals of {side:,} samples"
        return f"images of {side}x{side} pixels"
