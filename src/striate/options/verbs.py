"""Options of `check`, `pack`, `evaluate`, `embed`, `generate`, `look` and `filter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import Device, Options, decode_limit, ending, group, leave_out, option
from striate.options.choices import (
    MIRRORED,
    Augment,
    Border,
    Leaked,
    Mode,
    Network,
    Ranges,
    SplitChoice,
)

_CODE = "The custom network of the model, as in mynet.py:Net"


Shown = Literal["filters", "maps", "field", "classes", "dreams", "channels", "map", "similar"]
_TASK = "Task, where the data allow several"


class CheckOptions(Options):
    """Options of `check`; those of augmentation request a sheet of augmented images."""

    task: str | None = option(None, _TASK, "text")
    augment: Augment | None = option(None, "Strength of augmentation")
    augment_params: Ranges = option(
        None, "Ranges in its place: rotate=15,translate=0.1,hflip=no", "text"
    )
    mirrored: str | None = option(None, MIRRORED, "text")
    seed: int = option(0, "Seed of the augmentation", ge=0, lt=2**63)
    out: Annotated[Path | None, ending(".png")] = option(
        None, "Write a sheet of augmented images to this .png file"
    )
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    sheets: Path | None = option(
        None, "Draw near duplicates, and blurred, dark and over-exposed images, into this folder"
    )
    leave_out: Path | None = leave_out()
    group: str | None = group()

    @property
    def sheet(self) -> bool:
        """Whether a sheet is requested."""
        return bool(self.model_fields_set - {"task", "leaked", "sheets", "leave_out", "group"})


class PackOptions(Options):
    """Options of `pack`."""

    task: str | None = option(None, _TASK, "text")
    leave_out: Path | None = leave_out()
    megabytes: int = option(1000, "Size of a shard", "megabytes", ge=1, le=1_000_000)
    largest: int = decode_limit()


class DecisionOptions(Options):
    """Options of `evaluate` and `predict` that say how an answer is decided."""

    positive: str | None = option(None, "The positive one of two classes", "text")
    threshold: float | None = option(
        None, "Answer the positive class, or each label, from this probability on", ge=0, le=1
    )

    @property
    def decides(self) -> bool:
        """Whether any of them was given."""
        return (self.positive, self.threshold) != (None, None)


class EvaluateOptions(DecisionOptions):
    """Options of `evaluate`."""

    min_precision: float | None = option(
        None, "Choose the threshold on validation: highest recall at this precision", gt=0, le=1
    )
    min_recall: float | None = option(
        None, "Choose the threshold on validation: highest precision at this recall", gt=0, le=1
    )
    save_threshold: bool = option(
        False, "Store positive class and threshold in the model file, for predict and evaluate"
    )
    calibrate: bool = option(
        False, "Fit a temperature on validation, and store it in the model file"
    )
    reject: float | None = option(
        None,
        "Answer what looks foreign with none of the classes, and this share of known images; "
        "stored in the model file, and 0 removes it",
        "share",
        ge=0,
        le=0.5,
    )
    foreign: Path | None = option(
        None, "Count how many images of this folder are rejected, of which all should be", "folder"
    )
    network: Network | None = option(None, _CODE)
    split: SplitChoice | None = option(
        None,
        "Which images to evaluate: the test split, or all of a folder that is new to the model",
    )
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    invariance: int | None = option(
        None, "Distort up to this many of them in eleven ways, as 500", "images", ge=1
    )
    leave_out: Path | None = leave_out()
    rename: Annotated[Path | None, ending(".csv")] = option(
        None, "Read names of these images as the model's: a CSV file of both, a pair a line"
    )
    batch: int = option(64, "Batch size", ge=1, le=65_536)
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    neighbors: bool = option(
        False, "Show the training images that are most like each error; needs a pass over them"
    )
    suspects: Annotated[Path | None, ending(".csv")] = option(
        None, "List the images that are perhaps mislabeled in this .csv file, for --leave-out"
    )
    out: Annotated[Path | None, ending(".html", ".md", ".json")] = option(
        None, "Write the report to this .html, .md or .json file"
    )

    @property
    def chooses(self) -> bool:
        """Whether the threshold is to be chosen on validation images."""
        return (self.min_precision, self.min_recall) != (None, None)

    @property
    def learns(self) -> bool:
        """Whether validation images are needed for more than to be evaluated."""
        return self.calibrate or self.chooses or bool(self.reject)

    @property
    def reads_own(self) -> bool:
        """Whether images of the run are needed beside those that are evaluated."""
        return self.learns or self.neighbors

    @property
    def stores(self) -> bool:
        """Whether the model file is to be written anew."""
        return self.calibrate or self.save_threshold or self.reject is not None

    @property
    def decides(self) -> bool:
        """Whether anything was given that says how an answer is decided."""
        return super().decides or self.chooses

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        ways = (self.threshold, self.min_precision, self.min_recall)
        if sum(way is not None for way in ways) > 1:
            raise PydanticCustomError(
                "thresholds", "{threshold}, {min_precision} and {min_recall} each set it; give one"
            )
        if self.neighbors and self.out is None:
            raise PydanticCustomError(
                "neighbors", "{neighbors} shows images in the report; say where with {out}"
            )
        if self.save_threshold and not self.decides:
            raise PydanticCustomError(
                "thresholds",
                "{save_threshold} stores what {positive}, {threshold}, {min_precision} or "
                "{min_recall} sets; give one of them",
            )
        return self


class EnsembleOptions(Options):
    """Options of `ensemble`."""

    data: Path | None = option(
        None, "Labeled images to judge it on, in place of those the first run was given"
    )
    split: SplitChoice | None = option(
        None, "Which of them: the test split, or all of a folder that is new to the first run"
    )
    leaked: Leaked = option("keep", "What to do with images that are in an earlier split too")
    leave_out: Path | None = leave_out()
    batch: int = option(64, "Batch size", ge=1, le=65_536)
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")


class EmbedOptions(Options):
    """Options of `embed`."""

    network: Network | None = option(None, _CODE)
    stage: str | None = option(None, "Last stage whose output is taken; all but the head", "text")
    leave_out: Path | None = leave_out()
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Annotated[Path | None, ending(".npz", ".parquet")] = option(
        None, "Write the features to this .npz or .parquet file"
    )


class GenerateOptions(Options):
    """Options of `generate`."""

    class_name: str | None = option(None, "Make images of this class alone, not of each", "text")
    count: int = option(64, "Images to make", "images", ge=1, le=10_000_000)
    seed: int = option(0, "Seed of the noise that images are made of", ge=0, lt=2**63)
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Path | None = option(
        None, "Write the images into this new folder, or NAME-2 and so on where it exists", "folder"
    )
    grid: Annotated[Path | None, ending(".png")] = option(
        None, "Draw them side by side into this .png file, in a row for each class"
    )


class LookOptions(Options):
    """Options of `look`."""

    network: Network | None = option(None, "The custom network of the model, as in mynet.py:Net")
    show: Shown | None = option(
        None, "What to draw; filters, with an image maps, with a folder map, with --like similar"
    )
    layers: str | None = option(
        None, "Names of layers with commas between them, or all; what suits what is drawn", "text"
    )
    channel: int | None = option(None, "Draw this channel alone, counted from 0", "number", ge=0)
    like: Path | None = option(None, "Find images of the folder that are like this one")
    motifs: Path | None = option(
        None, "Name the kernels on DNA that are like motifs of this JASPAR or MEME file"
    )
    out: Path | None = option(
        None, "Write into this new folder, or NAME-2 and so on where it exists; look", "folder"
    )
    format: Literal["png", "svg", "npz"] = option("png", "Pictures, or the numbers as arrays")
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")

    @property
    def layer_names(self) -> tuple[str, ...] | None:
        """The layers that are named; None where none is."""
        return None if self.layers is None else tuple(self.layers.split(","))


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
