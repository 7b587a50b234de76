"""Options of `check`, `pack`, `evaluate`, `predict` and `filter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from striate.options.base import Device, Options, decode_limit, ending, option
from striate.options.choices import Augment, Border, Leaked, Mode, Network, Ranges, SplitChoice

_CODE = "The custom network of the model, as in mynet.py:Net"


class CheckOptions(Options):
    """Options of `check`; any but `leaked` requests a sheet of augmented images."""

    augment: Augment | None = option(None, "Strength of augmentation")
    augment_params: Ranges = option(
        None, "Ranges in its place: rotate=15,translate=0.1,hflip=no", "text"
    )
    seed: int = option(0, "Seed of the augmentation", ge=0, lt=2**63)
    out: Annotated[Path | None, ending(".png")] = option(
        None, "Write a sheet of augmented images to this .png file"
    )
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")

    @property
    def sheet(self) -> bool:
        """Whether a sheet is requested."""
        return bool(self.model_fields_set - {"leaked"})


class PackOptions(Options):
    """Options of `pack`."""

    megabytes: int = option(1000, "Size of a shard", "megabytes", ge=1, le=1_000_000)
    largest: int = decode_limit()


class EvaluateOptions(Options):
    """Options of `evaluate`."""

    network: Network | None = option(None, _CODE)
    split: SplitChoice | None = option(
        None,
        "Which images to evaluate: the test split, or all of a folder that is new to the model",
    )
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    batch: int = option(64, "Batch size", ge=1, le=65_536)
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Annotated[Path | None, ending(".html")] = option(
        None, "Write the report to this .html file"
    )


class PredictOptions(Options):
    """Options of `predict`."""

    network: Network | None = option(None, _CODE)
    top: int = option(3, "Classes listed for each image", ge=1, le=1000)
    batch: int = option(64, "Batch size", ge=1, le=65_536)
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Annotated[Path | None, ending(".csv", ".jsonl")] = option(
        None, "Write rows to this .csv or .jsonl file"
    )
    raw_csv: bool = option(False, "Do not protect spreadsheets from names that look like formulas")


class FilterOptions(Options):
    """Options of `filter`."""

    mode: Mode = option("same", "Size of the output")
    border: Border = option("zero", "Values beyond the edge")
    stride: int = option(1, "Stride", "pixels", ge=1, le=100_000)
    dilation: int = option(1, "Dilation", "pixels", ge=1, le=100_000)
    flip: bool = option(False, "Flip the kernel first: a true convolution")
    gray: bool = option(False, "Make the image gray first")
    clip: bool = option(False, "Draw below 0 as black, above white as white, and say how many")
    largest: int = decode_limit()
    out: Path | None = option(None, "Write the filtered image to this .png or .jpg file")
    raw: Path | None = option(None, "Write the numbers to this .npy file")
