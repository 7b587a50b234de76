"""Options of `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from striate.options.base import Device, decode_limit, ending, option
from striate.options.choices import Network
from striate.options.verbs import DecisionOptions


class PredictOptions(DecisionOptions):
    """Options of `predict`."""

    network: Network | None = option(None, "The custom network of the model, as in mynet.py:Net")
    gallery: Path | None = option(
        None, "Answer with the nearest image of this folder of class folders", "folder"
    )
    engine: Literal["auto", "torch", "onnxruntime", "openvino"] = option(
        "auto", "What runs the model: PyTorch, but onnxruntime where it is exported"
    )
    top: int = option(3, "Classes listed for each image", ge=1, le=1000)
    batch: int = option(64, "Batch size", ge=1, le=65_536)
    largest: int = decode_limit()
    device: Device = option("auto", "auto, cpu, cuda or cuda:N")
    out: Annotated[Path | None, ending(".csv", ".jsonl", ".parquet")] = option(
        None, "Write rows to this .csv, .jsonl or .parquet file, while predicting"
    )
    on: Literal["ray"] | None = option(
        None, "Predict on a cluster, by Ray Data: --out is a folder of .parquet files"
    )
    workers: int | None = option(
        None, "Processes there, a core each; as many as are free", "number", ge=1, le=100_000
    )
    image_column: str = option(
        "image", "Column of a .parquet file of images that holds their bytes", "text"
    )
    name_column: str = option("path", "Column of it that holds their names", "text")
    overwrite: bool = option(False, "Replace the file of --out where it exists")
    masks: Path | None = option(
        None, "Write the masks or pictures that are answered as .png files into this folder"
    )
    overlays: Path | None = option(
        None, "Write images with what is answered drawn on them into this folder"
    )
    tile: Annotated[int, Field(ge=16, le=65_536)] | Literal["whole"] | None = option(
        None,
        "Predict without resizing the image: whole, or by tiles of this many pixels a side",
    )
    raw_csv: bool = option(False, "Do not protect spreadsheets from names that look like formulas")

    @model_validator(mode="after")
    def _keep_pictures_apart(self) -> Self:
        if self.masks and self.overlays and self.masks.resolve() == self.overlays.resolve():
            raise PydanticCustomError(
                "folders", "{masks} and {overlays} name one folder; give each its own"
            )
        return self

    @model_validator(mode="after")
    def _write_parquet_on_a_cluster(self) -> Self:
        if self.on is None:
            if self.workers is not None:
                raise PydanticCustomError("cluster", "{workers} are those of a cluster; add {on}")
            return self
        if self.out is None or self.out.suffix.lower() != ".parquet":
            raise PydanticCustomError(
                "cluster", "{on} writes a folder of Parquet; name it with {out}, as found.parquet"
            )
        if self.masks or self.overlays:
            raise PydanticCustomError(
                "cluster", "{on} writes tables alone; leave {masks} and {overlays} out"
            )
        return self
