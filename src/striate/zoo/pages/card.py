"""Card: metadata of a zoo network, available before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn


@dataclass(frozen=True)
class Card:
    """Metadata of a zoo network; the tests recompute its numbers from the network at `input`."""

    name: str
    builder: Callable[..., nn.Module]  #: (*, channels, classes) -> network; the paper's by default
    paper: str
    year: int
    input: tuple[int, int, int]  #: (C, H, W) of the paper
    classes: int  #: of the paper; 0: no classes
    params: int  #: at that input and those classes
    macs: int  #: multiply-adds at that input; 0: unknown
    receptive_field: int | None = None  #: side in pixels, before the head; None: the whole image
    #: map: logits for every pixel; boxes: `zoo.regions_on.Detections`; cosines: those to each
    #: class, then an embedding
    output: Literal["logits", "map", "image", "boxes", "cosines"] = "logits"
    input_kind: Literal["image", "code"] = "image"  #: code: latent vector of a generator
    any_size: bool = True  #: False: fixed input height and width, unless built with `size`
    smallest: int = 1  #: smallest side in pixels
    learning_rate: float = 0.1  #: about the highest stable one for SGD

    @property
    def needs_size(self) -> bool:
        """Whether the builder takes the side of the image, as `size`."""
        return "size" in inspect.signature(self.builder).parameters

    def size_error(self, side: int) -> str:
        """Explain why an image side is not supported; "" if it is."""
        if not self.any_size and not self.needs_size and side != self.input[1]:
            return f"takes images of {self.input[1]}x{self.input[2]} pixels only"
        if side < self.smallest:
            return f"takes images of {self.smallest}x{self.smallest} pixels or more"
        return ""
