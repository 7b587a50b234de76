"""Autoencoder: a picture through a narrow code and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor, nn

from striate.options.base import option
from striate.summary import summarize
from striate.tasks.pictures.answer import SquareAnswers
from striate.tasks.pictures.baselines import copies, thumbnails
from striate.tasks.pictures.metrics import Words
from striate.tasks.pictures.task import PictureParams, PictureTask

#: widths of the usual network, and how many times it shrinks a side
_DEEP, _FLAT = ("(32,64,128)", 16), ("(32,64)", 8)


class AutoencoderParams(PictureParams):
    """Settings of an autoencoder, as in `--task-params code=128`."""

    code: int = option(256, "Numbers of the usual network's code, about", "numbers", ge=1)


@dataclass(frozen=True)
class Autoencoder(SquareAnswers, PictureTask):
    """A picture is answered with itself, after it went through a code of fewer numbers."""

    params: AutoencoderParams = field(default_factory=AutoencoderParams)

    name: ClassVar[str] = "autoencoder"
    sharp: ClassVar[bool] = False
    Params: ClassVar[type[AutoencoderParams]] = AutoencoderParams

    @property
    def code(self) -> int | None:
        """Numbers of the code; None for a network that has none, as stages are skipped."""
        return int(self.constant("code", 0)) or None

    @property
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""
        filters = thumbnails(self.code) if self.code else copies()
        asked = f"a code of {self.code:,} numbers" if self.code else "no code"
        return Words("the picture", filters, asked, self.code)

    def default_network(self, side: int, channels: int) -> str:
        """Return a compressive autoencoder whose code has about as many numbers as asked for."""
        widths, shrunk = _FLAT if side % 16 else _DEEP
        code = max(1, round(self.params.code / max(1, side // shrunk) ** 2))
        return f"compressive_autoencoder(widths={widths},code={code},depth=1)"

    def measured(self, network: nn.Module, shape: Sequence[int]) -> Self:
        """Return the task with the size of the code: the fewest numbers between two layers."""
        if not isinstance(network, nn.Sequential):
            return self
        layers = summarize(network, tuple(shape)).layers
        inner = [math.prod(each.output) for each in layers if not each.name.startswith("head")]
        return self.with_constants(code=min(inner))

    def code_stage(self, stages: Sequence[str]) -> str | None:
        """Return the last stage before the first that decodes."""
        decoders = [name.startswith("decode") for name in (*stages, "decode")]
        last = decoders.index(True) - 1
        return stages[last] if last >= 0 and any(decoders[:-1]) else None

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return images twice."""
        truth = images.clamp(0, 1)
        return truth, truth
