"""Options of `forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from striate.options.base import Device, Options, decode_limit, ending, group, leave_out, option
from striate.options.choices import Leaked, Network
from striate.options.step import Weights
from striate.options.train import TrainOptions

_OWN = {"draws", "out"}


class ForecastOptions(Options):
    """Options of `forecast`; those of network, weights and images are as in `train`.

    Only what was given is passed on, so that the rest is chosen by the images as there.
    """

    network: Network | None = option(None, "Network that makes the features, as resnet18")
    weights: Weights = option(
        None, "Its weights: package, torchvision, timm, a file, or a run", "text"
    )
    task: str | None = option(None, "Task, where the data allow several", "text")
    draws: int = option(5, "Random parts of each size", ge=2, le=100)
    validation: float = option(0.15, "Fraction of images for validation", gt=0, lt=0.9)
    test: float = option(0.15, "Fraction of images for the test", ge=0, lt=0.9)
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    leave_out: Path | None = leave_out()
    group: str | None = group()
    largest: int = decode_limit()
    seed: int = option(0, "Seed of the random parts and of the intervals", ge=0, lt=2**63)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Annotated[Path | None, ending(".svg", ".png", ".html", ".md")] = option(
        None, "Draw the curve into this .svg or .png, or write this .html or .md file"
    )

    def training(self) -> TrainOptions:
        """Return the options of a training that begins with the same network and images."""
        given = {name: getattr(self, name) for name in self.model_fields_set - _OWN}
        return TrainOptions.read(given)
