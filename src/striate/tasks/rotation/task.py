"""Rotation: whether a picture is upright, learned without labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.options import Fit, StepOptions
from striate.tasks.classification.results import Evaluation
from striate.tasks.classification.task import Classification
from striate.tasks.results import About
from striate.tasks.sections import Remark
from striate.tasks.task import Batches, Task

#: by quarters of a turn to the left
TURNS = ("upright", "turned left", "upside down", "turned right")
_SQUARE = "bars and stretching tell how an image is turned; --fit crop shows its center"


@dataclass(frozen=True)
class Rotation(Classification):
    """By how many quarters of a turn an image is turned; its contents decide it.

    Gidaris, Singh, Komodakis 2018, https://arxiv.org/abs/1803.07728. There, a batch holds all four
    turns of each image; here, an epoch shows one, drawn anew.
    """

    name: ClassVar[str] = "rotation"
    kind: ClassVar[str] = "image"
    self_supervised: ClassVar[bool] = True
    mixes: ClassVar[bool] = False
    placed: ClassVar[bool] = True
    one_class: ClassVar[bool] = False  # no labels that could be wrong
    default_fit: ClassVar[Fit | None] = "crop"
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        **dict.fromkeys(("balance=weights", "balance=sampling"), "turns are equally frequent"),
        **dict.fromkeys(("fit=letterbox", "fit=stretch"), _SQUARE),
    }
    energy = Task.energy

    @property
    def gives(self) -> str:
        """A turn."""
        return "a turn"

    @property
    def outputs(self) -> int:
        """Channels of the network's output: the turns."""
        return len(TURNS)

    def configure(self, options: StepOptions) -> Self:
        """Return the task with the names of the turns."""
        return replace(self, spec=replace(self.spec, names=TURNS))

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the ranges without what turns an image by itself."""
        return replace(asked, vflip=False, rotate=min(asked.rotate, 20.0))

    def note(self, asked: AugmentRanges) -> str:
        """Say that images are turned little."""
        said = "images are not flipped upside down nor turned by more than 20°: that is the answer"
        return "" if self.ranges(asked) == asked else said

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return turned images (N, C, H, H), and by how many quarters (N,), as keys draw it."""
        turns = (keys % len(TURNS)).to(images.device)
        each = zip(images, turns.tolist(), strict=True)
        return torch.stack([image.rot90(turn, (1, 2)) for image, turn in each]), turns

    def calibrate(self, validation: Batches) -> Classification:
        """Return the task with the temperature of the least log-loss."""
        return super().calibrate((rated, pairs.targets) for rated, pairs in validation)

    def evaluate(self, batches: Batches, about: About) -> Evaluation:
        """Compare batches of probabilities (N, 4) with turns (N,)."""
        turns = ((rated, pairs.targets) for rated, pairs in batches)
        return Turned(**vars(super().evaluate(turns, about)))


class Turned(Evaluation):
    """Results of images that were turned."""

    @cached_property
    def suspects(self) -> None:
        """None, as turns are made and not given."""
        return

    def remarks(self) -> Iterator[Remark]:
        """Yield also what the pictures show."""
        yield from super().remarks()
        yield Remark("Each image was turned as its contents draw it; it is shown as in its file.")
