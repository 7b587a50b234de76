"""What is known of a network before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn


@dataclass(frozen=True)
class Card:
    """One network of the zoo; the suite recomputes its numbers from it, built for `input`."""

    name: str
    builder: Callable[..., nn.Module]  #: (*, channels, classes) -> network; the paper's by default
    paper: str
    year: int
    input: tuple[int, int, int]  #: (C, H, W) of the paper
    classes: int  #: of the paper; 0: it knows none
    params: int  #: at that input and those classes
    macs: int  #: multiply-adds, there as well; 0: nobody counted
    receptive_field: int | None = None  #: pixels a side that a unit before the head sees; None: all
    output: Literal["logits", "map", "image"] = "logits"  #: map: logits for every pixel
    input_kind: Literal["image", "code"] = "image"  #: code: numbers that it draws an image from
    any_size: bool = True  #: False: only the input's height and width, or what `sized` is told
    smallest: int = 1  #: pixels: the least side that it takes
    learning_rate: float = 0.1  #: the highest that stochastic gradient descent bears, about

    @property
    def needs_size(self) -> bool:
        """Whether the builder must know the side of the image, as `size`."""
        return "size" in inspect.signature(self.builder).parameters

    def size_error(self, side: int) -> str:
        """What an image of so many pixels a side does not meet; empty: it does."""
        if not self.any_size and not self.needs_size and side != self.input[1]:
            return f"takes images of {self.input[1]}x{self.input[2]} pixels only"
        if side < self.smallest:
            return f"takes images of {self.smallest}x{self.smallest} pixels or more"
        return ""
