"""Options of `export` and `info`: what is written of a model, beside its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import Options, decode_limit, ending, option
from striate.options.choices import Network

_ROUND = "Round weights and activations to 8 bits, but for layers that this costs accuracy"
_DROP = "By how much the accuracy may fall with --int8"


class ExportOptions(Options):
    """Options of `export`.

    Answers are compared on the validation images of the run, or on all images of `data`; with
    `int8`, these also set the ranges of the activations.
    """

    to: Literal["onnx", "openvino", "pt2"] = option("onnx", "Format of the file")
    data: Path | None = option(
        None, "Images to compare answers on, in place of those the run was given", "folder"
    )
    #: each is compared as it is preprocessed, and where it is a file, from its bytes; whole
    #: pictures take longer
    images: int = option(100, "How many of them", ge=1, le=100_000)
    batch: int | Literal["any"] = option(
        "any", "Images at once, where it is always the same number", ge=1, le=65_536
    )
    int8: bool = option(
        default=False,
        help=_ROUND,
    )
    allowed_drop: float = option(1.0, _DROP, "points", ge=0, le=100)
    #: of `npm install onnxruntime-web`: its program is put into the page, which needs no network
    page: Path | None = option(
        None,
        "Write a page beside the model that answers dropped images in a browser; given is the "
        "package onnxruntime-web of npm, as in node_modules/onnxruntime-web",
        "folder",
    )
    largest: int = decode_limit()
    network: Network | None = option(None, "The custom network of the model, as in mynet.py:Net")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.page and self.to != "onnx":
            raise PydanticCustomError("page", "page is for --to onnx, which browsers open")
        if self.to == "pt2" and (self.int8 or self.batch != "any"):
            raise PydanticCustomError(
                "pt2", "int8 and batch are for --to onnx and openvino; a pt2 file takes any batch"
            )
        if "allowed_drop" in self.model_fields_set and not self.int8:
            raise PydanticCustomError(
                "drop", "allowed_drop is for --int8, as float32 loses nothing"
            )
        if self.page and self.batch not in ("any", 1):
            raise PydanticCustomError(
                "batch", "the page answers one image at a time; leave out --batch"
            )
        return self


class InfoOptions(Options):
    """Options of `info`.

    The card is a Markdown file with metadata at its head, as the Hugging Face Hub shows the
    `README.md` of a model: what it is for, what it was trained on, how well it does, how it is
    used. What the file does not tell is left out, for the owner of the model to add.
    """

    model_card: Annotated[Path | None, ending(".md")] = option(
        None, "Write a card of the model, in the form of Hugging Face, to this .md file"
    )
    overwrite: bool = option(False, "Replace the file of --model-card where it exists")

    @model_validator(mode="after")
    def _check_overwrite(self) -> Self:
        if self.overwrite and self.model_card is None:
            raise PydanticCustomError(
                "card", "{overwrite} is about the card; say where with {model_card}"
            )
        return self
