"""What an engine of an exported model answers, judged as the model itself is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.decoding.preprocess import Preprocess
from striate.evaluation.evaluate import Answering, Views, answer_rows, describe_rows
from striate.evaluation.known import Known
from striate.model import Model, Pairs
from striate.options import SplitChoice
from striate.prediction.engine import Engine
from striate.rejection import Rejection
from striate.tasks.results import Results
from striate.tasks.task import Task


@dataclass(frozen=True)
class Exported:
    """A model whose answers are those of an engine."""

    model: Model
    engine: Engine

    @property
    def task(self) -> Task:
        return self.model.task

    @property
    def preprocess(self) -> Preprocess:
        return self.model.preprocess

    @property
    def views(self) -> tuple[Preprocess, ...]:
        return self.model.views

    @property
    def rejection(self) -> Rejection | None:
        return self.model.rejection

    def decode_and_reject(
        self, *pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what is decoded of images (N, size, size, channels), and which are rejected."""
        return self.engine.decode_and_reject(*pixels)

    @torch.inference_mode()
    def decode_pairs(self, *pixels: NDArray[np.uint8], keys: Tensor) -> tuple[NDArray[Any], Pairs]:
        """Return what is decoded of inputs made of images, and the pairs, as `Model` does."""
        (images,) = pixels
        inputs, targets = self.model.make_pairs(torch.from_numpy(images), keys)
        decoded, _ = self.engine.decode_and_reject(as_given(self.model, inputs, images))
        return decoded, Pairs(inputs.cpu().numpy(), targets.cpu().numpy())


def as_given(model: Model, inputs: Tensor, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the bytes of which an exported model makes the inputs (N, C, H, W) of its network.

    Of channels that images do not have it makes them of the images themselves.
    """
    if inputs.shape[1] != images.shape[3]:
        return images
    mean, std = (
        np.array(each, np.float32) for each in (model.preprocess.mean, model.preprocess.std)
    )
    values = np.moveaxis(inputs.cpu().numpy(), 1, 3) * std + mean
    return np.rint(255 * values).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Part:
    """Images that an exported model is judged on: rows of a split."""

    decoded: Views
    rows: NDArray[np.int64]
    split: SplitChoice
    root: Path  #: of the images' paths
    known: Known | None = None  #: the images of the run
    batch: int = 64


def judge(model: Answering, part: Part, shown: str, known: Known | None = None) -> Results:
    """Evaluate a model, or one that is exported, on some images.

    With the images of its run, that test images were opened is counted there.
    """
    batches = answer_rows(model, part.decoded, part.rows, part.root, part.batch)
    about = describe_rows(
        part.decoded[0], part.rows, part.split, model.task.spec, shown=shown, known=known,
        inputs=model.preprocess.inputs,
    )  # fmt: skip
    return model.task.evaluate(batches, about)
