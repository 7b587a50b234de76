"""Options of `points`: the points, the network and its training."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import Options, ending, option
from striate.options.choices import OptimizerName

_WIDEST, _DEEPEST = 1024, 10
_PANELS = 24  #: most epochs drawn
_LONGEST = 100_000


def _whole_numbers(value: Any) -> tuple[int, ...]:
    """Return the numbers of a sequence or of text such as "8,8"; () for what is neither."""
    words: Sequence[Any] = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(int(word) if isinstance(word, str) else index(word) for word in words)
    except (TypeError, ValueError):
        return ()


def _widths(value: Any) -> tuple[int, ...]:
    if value in ("none", (), []):
        return ()
    widths = _whole_numbers(value)
    if not 1 <= len(widths) <= _DEEPEST or not all(1 <= width <= _WIDEST for width in widths):
        raise PydanticCustomError("widths", "widths")
    return widths


def _epochs(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    epochs = _whole_numbers(value)
    if not 1 <= len(epochs) <= _PANELS or list(epochs) != sorted({*epochs}) or epochs[0] < 0:
        raise PydanticCustomError("epochs", "epochs")
    return epochs


class PointsOptions(Options):
    """Options of `points`."""

    layers: Annotated[tuple[int, ...], BeforeValidator(_widths)] = option(
        "8,8", "Units of each hidden layer; none for a linear network", "numbers as in 8,8",
        validate_default=True,
    )  # fmt: skip
    activation: Literal["relu", "tanh", "sigmoid"] = option("tanh", "Activation of hidden layers")
    epochs: int | None = option(
        None, "Passes over the training points: 1,000, or up to the last of --at", ge=1, le=_LONGEST
    )
    at: Annotated[tuple[int, ...] | None, BeforeValidator(_epochs)] = option(
        None, "Epochs to draw: powers of ten and the last", "numbers as in 1,10,100"
    )
    batch: int | None = option(None, "Batch size: all training points", ge=1, le=65_536)
    optimizer: OptimizerName = option("adam", "Optimizer")
    learning_rate: float = option(0.01, "Learning rate", gt=0)
    schedule: Literal["constant", "cosine"] = option("constant", "Learning rate schedule")
    weight_decay: float = option(
        0.0, "Weight decay: decoupled for adamw, lamb, lion, muon, else L2", ge=0, le=10
    )
    n: int | None = option(None, "Points drawn: 400", ge=4, le=100_000)
    noise: float | None = option(None, "Standard deviation of the points drawn", ge=0, le=10)
    classes: int | None = option(None, "Classes of rings, spirals or checkerboard: 2", ge=2, le=8)
    test: float = option(0.3, "Fraction of points for the test", gt=0, lt=1)
    seed: int = option(0, "Seed of points, weights and order", ge=0, lt=2**63)
    out: Annotated[Path | None, ending(".svg", ".png")] = option(
        None, "Draw into this .svg or .png file"
    )

    @property
    def length(self) -> int:
        """Return the number of epochs."""
        return self.epochs or (max(1, self.at[-1]) if self.at else 1000)

    @property
    def drawn(self) -> tuple[int, ...]:
        """Return the epochs to draw."""
        powers = (10**power for power in range(7))
        return self.at or (*(epoch for epoch in powers if epoch < self.length), self.length)

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the given arguments of a point set."""
        given = {"n": self.n, "noise": self.noise, "classes": self.classes}
        return {"seed": self.seed, **{k: v for k, v in given.items() if v is not None}}

    @model_validator(mode="after")
    def _draw_what_is_trained(self) -> Self:
        if self.at and self.at[-1] > self.length:
            raise PydanticCustomError(
                "ranges",
                "epoch {last} should be drawn, but the training has {length}",
                {"last": self.at[-1], "length": self.length},
            )
        return self
