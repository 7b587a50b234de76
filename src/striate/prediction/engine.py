"""What a predictor needs of a model, whatever runs it: PyTorch, or an exported file."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.tasks.answers import Answers


class Engine(Protocol):
    """A model that answers; `Model`, `Ensemble` and `OnnxModel` are such."""

    @property
    def task(self) -> Answers:
        """How it answers what it decodes."""
        ...

    @property
    def preprocess(self) -> Preprocess:
        """How an image becomes its input; of several views, the first."""
        ...

    @property
    def network_name(self) -> str:
        """Name of the network, or of several."""
        ...

    @property
    def views(self) -> tuple[Preprocess, ...]:
        """The ways in which an image is prepared for `decode_and_reject`."""
        ...

    def decode_and_reject(
        self, *pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what is decoded of N images, and which of them (N,) are none of the targets.

        `pixels` are the images (N, size, size, channels) of each of `views`.
        """
        ...


class WholeEngine(Protocol):
    """A model that answers images in their own size."""

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is decoded of an image, (H, W) or (H, W, 3)."""
        ...
